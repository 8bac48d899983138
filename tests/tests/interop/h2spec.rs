//! h2spec: what RFC 9113 demands of a server, case by case, with a list of those that a gRPC server answers otherwise.

mod exceptions;
mod report;

use std::process::Command;

use prism_tests::{Launch, Scratch};

use crate::{cached, folder, run_to_any_end};
use exceptions::{EXCEPTIONS, Exception, Kind};
use report::{Case, Outcome};

/// The cases of the version that `make setup` builds: fewer have run when a report is cut short.
const CASES: usize = 146;

/// How long h2spec waits for a frame. A case that passes never waits so long; one that fails waits for all of it.
const TIMEOUT_SECONDS: &str = "4";

/// A path that is served, so that only the method and the content type tell its requests from calls.
const PATH: &str = "/prism.interfaces.keyvalue.KeyValueBasicInterface/Get";

#[test]
fn every_case_passes_but_for_the_exceptions() {
    let proxy = Launch::shards(2).start();
    let scratch = Scratch::new();
    let written = scratch.path("report.xml");
    let (host, port) = proxy.address().rsplit_once(':').expect("the address has a port");
    let mut client = Command::new(cached("bin/h2spec"));
    client.args(["--strict", "--timeout", TIMEOUT_SECONDS, "--path", PATH, "--host", host, "--port", port]);
    client.arg("--junit-report").arg(&written);
    // It fails as long as one case does, listed or not.
    let (_, printed) = run_to_any_end(&mut client);
    let report = std::fs::read_to_string(&written).unwrap_or_else(|error| panic!("no report: {error}:\n{printed}"));
    let cases = report::parse(&report);
    let surprises = surprises(&cases, EXCEPTIONS);
    assert!(surprises.is_empty(), "{}\nh2spec said:\n{printed}", surprises.join("\n"));
    assert_eq!(cases.len(), CASES, "another version of h2spec, or a report that is cut short:\n{printed}");
}

/// What did not come out as the list says.
fn surprises(cases: &[Case], exceptions: &[Exception]) -> Vec<String> {
    let mut found = Vec::new();
    for case in cases {
        let exception = exceptions.iter().find(|exception| exception.case == case.name);
        let is_expected = match (&case.outcome, exception.map(|exception| exception.kind)) {
            (Outcome::Passed, None) => true,
            (Outcome::Skipped, Some(Kind::Skipped)) => true,
            (Outcome::Failed { expected, actual }, Some(Kind::Fails { expects, gets })) => {
                expected == expects && actual.starts_with(gets)
            }
            _ => false,
        };
        if !is_expected {
            found.push(format!("{} ({}): {:?}; listed: {exception:?}", case.name, case.does, case.outcome));
        }
    }
    for exception in exceptions {
        if !cases.iter().any(|case| case.name == exception.case && case.does == exception.does) {
            found.push(format!("{} ({}) is listed and no such case has run", exception.case, exception.does));
        }
    }
    found
}

#[test]
fn the_rule_of_each_exception_is_tested() {
    for exception in EXCEPTIONS {
        let (module, test) = exception.instead.rsplit_once("::").expect("a test lies in a module");
        let path = folder().join("../proto/src").join(module.replace("::", "/")).with_extension("rs");
        let code = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(code.contains(&format!("fn {test}()")), "{}: there is no {}", exception.case, exception.instead);
    }
}

#[test]
fn the_list_is_exact() {
    let passed = Case { name: "http2/1/1".into(), does: "Sends".into(), outcome: Outcome::Passed };
    let failed = |actual: &str| {
        let outcome = Outcome::Failed { expected: vec!["PING Frame".into()], actual: actual.into() };
        Case { outcome, ..passed.clone() }
    };
    let skipped = Case { outcome: Outcome::Skipped, ..passed.clone() };
    let fails = Kind::Fails { expects: &["PING Frame"], gets: "HEADERS Frame" };
    let listed = |kind| [Exception { case: "http2/1/1", does: "Sends", rule: "", kind, why: "", instead: "" }];
    let count = |case: &Case, list: &[Exception]| surprises(std::slice::from_ref(case), list).len();
    assert_eq!((count(&passed, &[]), count(&failed("HEADERS Frame"), &[]), count(&skipped, &[])), (0, 1, 1));
    let list = listed(fails);
    assert_eq!(count(&passed, &list), 1, "a listed case that passes");
    assert_eq!((count(&failed("HEADERS Frame (length:16)"), &list), count(&failed("Timeout"), &list)), (0, 1));
    assert_eq!(count(&skipped, &list), 1);
    assert_eq!((count(&skipped, &listed(Kind::Skipped)), count(&passed, &listed(Kind::Skipped))), (0, 1));
    assert_eq!(surprises(&[], &list).len(), 1, "a listed case that does not exist");
}
