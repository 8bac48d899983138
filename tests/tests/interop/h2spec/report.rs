//! The report of h2spec, which has the form of JUnit's: one line for a case that passed, a few for another.

/// What became of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Passed,
    /// It found nothing to try itself on.
    Skipped,
    /// None of what was expected came, but something else did.
    Failed {
        expected: Vec<String>,
        actual: String,
    },
}

/// One case of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Case {
    /// As h2spec takes it for an argument: `http2/5.1/8`.
    pub(super) name: String,
    /// What it does, in h2spec's words.
    pub(super) does: String,
    pub(super) outcome: Outcome,
}

/// The cases of a report, in their order.
pub(super) fn parse(report: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let (mut group, mut number) = ("", 0);
    for part in report.split("<testcase ").skip(1) {
        let (part, _) = part.split_once("</testcase>").expect("a case ends");
        let (attributes, content) = part.split_once('>').expect("a tag ends");
        let package = attribute(attributes, "package");
        number = if package == group { number + 1 } else { 1 };
        group = package;
        let name = format!("{group}/{number}");
        cases.push(Case { name, does: unescape(attribute(attributes, "classname")), outcome: outcome(content) });
    }
    cases
}

fn attribute<'a>(attributes: &'a str, name: &str) -> &'a str {
    let (_, rest) = attributes.split_once(&format!("{name}=\"")).expect("a case has the attribute");
    rest.split_once('"').expect("a value ends").0
}

fn unescape(text: &str) -> String {
    text.replace("&#34;", "\"").replace("&amp;", "&")
}

/// What a case's element holds: nothing, or one element of which only a failure's has a text, what came in its last
/// line.
fn outcome(content: &str) -> Outcome {
    let content = content.trim();
    if content.is_empty() {
        return Outcome::Passed;
    }
    if content == "<skipped></skipped>" {
        return Outcome::Skipped;
    }
    let text = content.strip_prefix("<error>").and_then(|text| text.strip_suffix("</error>")).unwrap_or(content);
    let mut expected: Vec<String> = text.lines().map(str::to_owned).collect();
    let actual = expected.pop().unwrap_or_default();
    // Whoever closes with bytes unread resets the connection; this h2spec takes that for an error of its own.
    if actual.ends_with("connection reset by peer") && expected.iter().any(|expected| expected == "Connection closed") {
        return Outcome::Passed;
    }
    Outcome::Failed { expected, actual }
}

#[test]
fn a_report_is_understood() {
    let report = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="1. One" package="generic/1" id="1" tests="1" skipped="0" failures="0" errors="0">
    <testcase package="generic/1" classname="Sends a &#34;name&#34;" time="0.0001"></testcase>
  </testsuite>
  <testsuite name="2. Two" package="http2/2.1" id="2.1" tests="4" skipped="1" failures="0" errors="2">
    <testcase package="http2/2.1" classname="Skips" time="0.0001">
      <skipped></skipped>
    </testcase>
    <testcase package="http2/2.1" classname="Fails" time="4.0001">
      <error>GOAWAY Frame (Error Code: PROTOCOL_ERROR)
Connection closed
Timeout</error>
    </testcase>
    <testcase package="http2/2.1" classname="Is reset" time="0.0001">
      <error>Connection closed
Error: read tcp 127.0.0.1:2-&gt;127.0.0.1:1: read: connection reset by peer</error>
    </testcase>
    <testcase package="http2/2.1" classname="Is reset wrongly" time="0.0001">
      <error>PING Frame
Error: read: connection reset by peer</error>
    </testcase>
  </testsuite>
</testsuites>"#;
    let failed = |expected: &[&str], actual: &str| Outcome::Failed {
        expected: expected.iter().map(|&expected| expected.to_owned()).collect(),
        actual: actual.to_owned(),
    };
    let expected = [
        ("generic/1/1", "Sends a \"name\"", Outcome::Passed),
        ("http2/2.1/1", "Skips", Outcome::Skipped),
        (
            "http2/2.1/2",
            "Fails",
            failed(&["GOAWAY Frame (Error Code: PROTOCOL_ERROR)", "Connection closed"], "Timeout"),
        ),
        ("http2/2.1/3", "Is reset", Outcome::Passed),
        ("http2/2.1/4", "Is reset wrongly", failed(&["PING Frame"], "Error: read: connection reset by peer")),
    ];
    let expected = expected.map(|(name, does, outcome)| Case { name: name.into(), does: does.into(), outcome });
    assert_eq!(parse(report), expected);
}
