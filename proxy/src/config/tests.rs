//! What files and flags come to, case by case.

mod errors;
mod example;
mod random;
mod values;

use super::*;

/// The cores that the tests' host allows.
const ALLOWED: [usize; 4] = [0, 1, 2, 3];

fn args(arguments: &[&str]) -> Args {
    use clap::Parser as _;
    let program = std::iter::once("prism-proxy");
    Args::try_parse_from(program.chain(arguments.iter().copied())).expect("the test's arguments are valid")
}

fn read(text: &str) -> Result<Loaded, Vec<Problem>> {
    interpret(&Args::default(), "prism.yaml", Some(text), &ALLOWED)
}

fn valid(text: &str) -> Effective {
    match read(text) {
        Ok(loaded) => loaded.effective,
        Err(problems) => panic!("{}", lines(&problems).join("\n")),
    }
}

fn lines(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

/// What is wrong with the file, without its name.
fn wrong(text: &str) -> Vec<String> {
    let problems = read(text).expect_err("the file is wrong");
    let strip = |line: &String| line.strip_prefix("prism.yaml:").expect("every line names the file").trim().to_owned();
    lines(&problems).iter().map(strip).collect()
}
