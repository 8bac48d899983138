//! What the program is to do once it has read its configuration.

use std::fmt::Write as _;

use super::{Args, Loaded, Problem, load, print};

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Serve with this configuration.
    Serve(Box<Loaded>),
    /// Write both texts and exit with the code.
    Exit {
        /// For standard output.
        output: String,
        /// For standard error.
        errors: String,
        /// 0, or 2 when the configuration is wrong.
        code: u8,
    },
}

/// Reads the configuration and answers `--check-config` and `--print-config`.
pub fn decide(args: &Args) -> Outcome {
    answer(args, load(args))
}

fn answer(args: &Args, loaded: Result<Loaded, Vec<Problem>>) -> Outcome {
    let loaded = match loaded {
        Ok(loaded) => loaded,
        Err(problems) => return Outcome::Exit { output: String::new(), errors: lines("", &problems), code: 2 },
    };
    let errors = lines("warning: ", &loaded.warnings);
    // Only a valid configuration is printed, so this answers both when both are asked.
    if args.print_config {
        return Outcome::Exit { output: print(&loaded.effective), errors, code: 0 };
    }
    if args.check_config {
        return Outcome::Exit { output: "configuration is valid\n".to_owned(), errors, code: 0 };
    }
    Outcome::Serve(Box::new(loaded))
}

fn lines(before: &str, problems: &[Problem]) -> String {
    let mut text = String::new();
    for problem in problems {
        writeln!(text, "{before}{problem}").expect("writing to a String cannot fail");
    }
    text
}

#[cfg(test)]
mod tests;
