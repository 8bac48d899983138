//! The command line and its environment.

use clap::error::ErrorKind;

use super::*;
use crate::alone;

fn parse(arguments: &[&str]) -> Result<Args, clap::Error> {
    Args::try_parse_from(std::iter::once("prism-proxy").chain(arguments.iter().copied()))
}

#[test]
fn every_flag_is_read() {
    let arguments = [
        "--config=/etc/prism.yaml",
        "--cores=0,2-3",
        "--listen=127.0.0.1:1",
        "--listen",
        "unix:/a",
        "--spin=5",
        "--log-format=json",
        "--log-level=warn,prism_shard=debug",
        "--check-config",
    ];
    let expected = Args {
        config: Some("/etc/prism.yaml".into()),
        cores: Some(CoreList(vec![0, 2, 3])),
        listen: vec!["127.0.0.1:1".parse().expect("valid"), "unix:/a".parse().expect("valid")],
        spin: Some(5),
        log_format: Some(LogFormat::Json),
        log_level: Some("warn,prism_shard=debug".parse().expect("valid")),
        check_config: true,
        print_config: false,
    };
    assert_eq!(parse(&arguments).expect("the flags are valid"), expected);
    assert_eq!(parse(&[]).expect("no flag is needed"), Args::default());
    assert!(parse(&["--print-config"]).expect("the flag is valid").print_config);
}

#[test]
fn wrong_usage_says_what_is_wrong_and_exits_with_2() {
    for (arguments, part) in [
        (&["--lisen=127.0.0.1:1"][..], "a similar argument exists: '--listen'"),
        (&["--listen=8980"], "write 127.0.0.1:8980"),
        (&["--cores=3-1"], "the range 3-1 runs backwards"),
        (&["--spin=-1"], "'--spin"),
        (&["--spin=1000001"], "1000001 is not in 0..=1000000"),
        (&["--log-format=xml"], "invalid value 'xml' for '--log-format"),
        (&["--log-level=inof"], "did you mean `info`?"),
        (&["prism.yaml"], "unexpected argument 'prism.yaml' found"),
    ] {
        let error = parse(arguments).expect_err("the usage is wrong");
        assert_eq!(error.exit_code(), 2, "{arguments:?}");
        assert!(error.to_string().contains(part), "{arguments:?}: {error}");
    }
}

#[test]
fn help_has_examples_and_variables_and_version_has_the_commit() {
    let help = parse(&["--help"]).expect_err("help is not a run");
    assert_eq!((help.kind(), help.exit_code()), (ErrorKind::DisplayHelp, 0));
    for part in ["Examples:", "prism-proxy --config prism.yaml", "PRISM_LISTEN", "PRISM_CHECK_CONFIG", "Exit codes:"] {
        assert!(help.to_string().contains(part), "{part} is not in {help}");
    }
    let version = parse(&["--version"]).expect_err("a version is not a run");
    assert_eq!((version.kind(), version.exit_code()), (ErrorKind::DisplayVersion, 0));
    let text = version.to_string();
    let (number, commit) = text.trim().rsplit_once(" (").expect("a commit follows in brackets");
    assert_eq!(number, format!("prism-proxy {}", env!("CARGO_PKG_VERSION")));
    assert!(commit.len() > 1 && commit.ends_with(')'), "{text}");
}

const TEST: &str = "config::args::tests::in_a_process_of_its_own";

/// Runs in a process of its own, started by the test below: the environment belongs to a whole process.
#[test]
fn in_a_process_of_its_own() {
    let Some(case) = alone::case() else { return };
    let given = match case.as_str() {
        "environment" => parse(&[]),
        _ => parse(&["--listen=[::1]:3", "--spin=6", "--cores=2"]),
    };
    let mut expected = Args {
        config: Some("p.yaml".into()),
        cores: Some(CoreList(vec![0, 1])),
        listen: vec!["127.0.0.1:1".parse().expect("valid"), "unix:/a".parse().expect("valid")],
        spin: Some(5),
        log_format: Some(LogFormat::Json),
        log_level: Some("debug".parse().expect("valid")),
        check_config: true,
        print_config: false,
    };
    if case == "both" {
        expected.listen = vec!["[::1]:3".parse().expect("valid")];
        expected.spin = Some(6);
        expected.cores = Some(CoreList(vec![2]));
    }
    assert_eq!(given.expect("flags and environment are valid"), expected);
    alone::pass();
}

#[test]
fn every_flag_has_a_variable_and_goes_before_it() {
    let environment = [
        ("PRISM_CONFIG", "p.yaml"),
        ("PRISM_CORES", "0-1"),
        ("PRISM_LISTEN", "127.0.0.1:1,unix:/a"),
        ("PRISM_SPIN", "5"),
        ("PRISM_LOG_FORMAT", "json"),
        ("PRISM_LOG_LEVEL", "debug"),
        ("PRISM_CHECK_CONFIG", "true"),
        ("PRISM_PRINT_CONFIG", "0"),
    ];
    alone::run_to_pass(TEST, "environment", &environment);
    alone::run_to_pass(TEST, "both", &environment);
}
