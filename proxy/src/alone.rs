//! Runs a test case in a process of its own: this test program started again, for what belongs to a whole process.

use std::process::{Command, Output};

const CASE: &str = "PRISM_TEST_CASE";
const PASSED: i32 = 42;

/// The case that this process was started for; `None` in the process that runs all the tests.
pub(crate) fn case() -> Option<String> {
    std::env::var(CASE).ok()
}

/// Ends the process of a case that got this far.
pub(crate) fn pass() -> ! {
    std::process::exit(PASSED)
}

/// Starts the test of this name for one case, in the given environment.
pub(crate) fn run(test: &str, case: &str, environment: &[(&str, &str)]) -> Output {
    let program = std::env::current_exe().expect("a running program has a path");
    let mut command = Command::new(program);
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(CASE, case);
    command.envs(environment.iter().copied()).output().expect("this program can be started again")
}

/// The same for a case that must pass.
pub(crate) fn run_to_pass(test: &str, case: &str, environment: &[(&str, &str)]) {
    let output = run(test, case, environment);
    assert_eq!(output.status.code(), Some(PASSED), "{case}: {}", String::from_utf8_lossy(&output.stderr));
}
