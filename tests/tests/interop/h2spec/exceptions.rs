//! The cases that do not pass, each with the rule that it is about, what it waits for, and why that does not come.
//!
//! But for the preface they have one thing in common: h2spec sends a GET, or a POST without a content type, and neither
//! is gRPC.

/// A case that does not pass.
#[derive(Debug)]
pub(super) struct Exception {
    /// As h2spec takes it for an argument.
    pub(super) case: &'static str,
    /// What it does, in h2spec's words.
    pub(super) does: &'static str,
    /// Where RFC 9113 has the rule; h2spec counts sections as RFC 7540 does.
    #[expect(dead_code, reason = "shown when the case surprises")]
    pub(super) rule: &'static str,
    pub(super) kind: Kind,
    /// Why it does not pass.
    #[expect(dead_code, reason = "shown when the case surprises")]
    pub(super) why: &'static str,
    /// The test of prism-proto that checks its rule.
    pub(super) instead: &'static str,
}

/// How a case does not pass.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// h2spec leaves it out.
    Skipped,
    /// It waits for any of `expects` and gets something that begins with `gets`.
    Fails { expects: &'static [&'static str], gets: &'static str },
}

const PROTOCOL_ERROR: &[&str] = &[
    "GOAWAY Frame (Error Code: PROTOCOL_ERROR)",
    "RST_STREAM Frame (Error Code: PROTOCOL_ERROR)",
    "Connection closed",
];

pub(super) const EXCEPTIONS: &[Exception] = &[
    Exception {
        case: "generic/2/2",
        does: "Sends a WINDOW_UPDATE frame on half-closed (remote) stream",
        rule: "§5.1: the endpoint must accept WINDOW_UPDATE",
        kind: Kind::Fails { expects: &["DATA frame"], gets: "HEADERS Frame" },
        why: "a GET is answered with 405, which has no content and needs no window",
        instead: "h2::server::tests::windows::a_window_of_nothing_sends_headers_and_no_empty_data",
    },
    Exception {
        case: "generic/2/3",
        does: "Sends a PRIORITY frame on half-closed (remote) stream",
        rule: "§5.1: the endpoint must accept PRIORITY",
        kind: Kind::Fails { expects: &["DATA frame"], gets: "HEADERS Frame" },
        why: "a GET is answered with 405, which has no content",
        instead: "h2::server::tests::streams::priority_changes_nothing",
    },
    Exception {
        case: "http2/3.5/2",
        does: "Sends invalid connection preface",
        rule: "§3.4: the endpoint must close the connection, and a GOAWAY may be left out",
        kind: Kind::Fails { expects: &["Connection closed"], gets: "Error: unexpected EOF" },
        why: "it does, but a line of text gets an answer of HTTP/1.1 first, in which h2spec looks for a frame",
        instead: "h2::server::tests::preface::http_1_gets_an_answer_that_it_can_read",
    },
    Exception {
        case: "http2/5.1.2/1",
        does: "Sends HEADERS frames that causes their advertised concurrent stream limit to be exceeded",
        rule: "§5.1.2: a stream error of PROTOCOL_ERROR or REFUSED_STREAM",
        kind: Kind::Fails {
            expects: &[
                "GOAWAY Frame (Error Code: PROTOCOL_ERROR)",
                "RST_STREAM Frame (Error Code: PROTOCOL_ERROR)",
                "GOAWAY Frame (Error Code: REFUSED_STREAM)",
                "RST_STREAM Frame (Error Code: REFUSED_STREAM)",
                "Connection closed",
            ],
            gets: "HEADERS Frame",
        },
        why: "each GET is answered with 405 at once, so that no two streams are open together",
        instead: "h2::server::tests::streams::more_calls_than_allowed_are_refused_safely",
    },
    Exception {
        case: "http2/6.5.3/1",
        does: "Sends multiple values of SETTINGS_INITIAL_WINDOW_SIZE",
        rule: "§6.5.3: values are processed in their order",
        kind: Kind::Skipped,
        why: "the 405 for a GET has no content to measure windows by",
        instead: "frame::tests::settings_come_back_and_the_last_counts",
    },
    Exception {
        case: "http2/6.9.1/1",
        does: "Sends SETTINGS frame to set the initial window size to 1 and sends HEADERS frame",
        rule: "§6.9.1: no more is sent than the window allows",
        kind: Kind::Skipped,
        why: "the 405 for a GET has no content",
        instead: "h2::server::tests::windows::a_reply_waits_for_the_streams_window",
    },
    Exception {
        case: "http2/6.9.1/3",
        does: "Sends multiple WINDOW_UPDATE frames increasing the flow control window to above 2^31-1 on a stream",
        rule: "§6.9.1: RST_STREAM of FLOW_CONTROL_ERROR",
        kind: Kind::Fails { expects: &["RST_STREAM Frame (Error Code: FLOW_CONTROL_ERROR)"], gets: "RST_STREAM Frame" },
        why: "the head of a GET is answered with 405 and RST_STREAM of NO_ERROR (§8.1), and WINDOW_UPDATE means \
              nothing to a closed stream (§5.1)",
        instead: "h2::server::tests::windows::windows_that_overflow_are_errors",
    },
    Exception {
        case: "http2/6.9.2/1",
        does: "Changes SETTINGS_INITIAL_WINDOW_SIZE after sending HEADERS frame",
        rule: "§6.9.2: the difference applies to every open stream",
        kind: Kind::Skipped,
        why: "the 405 for a GET has no content",
        instead: "h2::server::tests::windows::a_smaller_initial_window_may_make_windows_negative",
    },
    Exception {
        case: "http2/6.9.2/2",
        does: "Sends a SETTINGS frame for window size to be negative",
        rule: "§6.9.2: a window may become negative, and nothing is sent until it is positive",
        kind: Kind::Skipped,
        why: "the 405 for a GET has no content",
        instead: "h2::server::tests::windows::a_smaller_initial_window_may_make_windows_negative",
    },
    Exception {
        case: "http2/8.1/1",
        does: "Sends a second HEADERS frame without the END_STREAM flag",
        rule: "§8.1: malformed, a stream error of PROTOCOL_ERROR",
        kind: Kind::Fails { expects: PROTOCOL_ERROR, gets: "HEADERS Frame" },
        why: "the head of a POST without a content type is answered with 415 and RST_STREAM of NO_ERROR (§8.1), and \
              what crosses that is ignored (§5.1)",
        instead: "h2::server::tests::requests::trailers_are_checked_and_ignored",
    },
    Exception {
        case: "http2/8.1.2.1/3",
        does: "Sends a HEADERS frame that contains a pseudo-header field as trailers",
        rule: "§8.1: malformed, a stream error of PROTOCOL_ERROR",
        kind: Kind::Fails { expects: PROTOCOL_ERROR, gets: "HEADERS Frame" },
        why: "as of http2/8.1/1",
        instead: "h2::server::tests::requests::trailers_are_checked_and_ignored",
    },
    Exception {
        case: "http2/8.1.2.6/1",
        does: "Sends a HEADERS frame with the \"content-length\" header field which does not equal the DATA frame \
               payload length",
        rule: "§8.1.1: malformed, a stream error of PROTOCOL_ERROR",
        kind: Kind::Fails { expects: PROTOCOL_ERROR, gets: "HEADERS Frame" },
        why: "as of http2/8.1/1",
        instead: "h2::server::tests::requests::content_length_is_held_to",
    },
    Exception {
        case: "http2/8.1.2.6/2",
        does: "Sends a HEADERS frame with the \"content-length\" header field which does not equal the sum of the \
               multiple DATA frames payload length",
        rule: "§8.1.1: malformed, a stream error of PROTOCOL_ERROR",
        kind: Kind::Fails { expects: PROTOCOL_ERROR, gets: "HEADERS Frame" },
        why: "as of http2/8.1/1",
        instead: "h2::server::tests::requests::content_length_is_held_to",
    },
];
