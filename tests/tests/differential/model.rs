//! What came back, against what the script says.

use prism_proto::grpc::percent;

use crate::script::{Expected, Metadata, Script};

/// What a client has received of a call.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) headers: Metadata,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Metadata,
    /// The server has ended the stream.
    pub(crate) has_ended: bool,
}

/// How a call ended for its client.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// With an answer.
    Answered(Received),
    /// The client gave up, with what it had until then.
    Cancelled(Received),
    /// The server says that it did not take the call up.
    GoneAway,
}

impl Received {
    /// Whether headers alone were the whole answer.
    pub(crate) fn is_trailers_only(&self) -> bool {
        self.headers.iter().any(|(name, _)| name == "grpc-status")
    }

    fn trailer(&self, name: &str) -> Option<&str> {
        let found = self.trailers.iter().chain(&self.headers).find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Checks one call.
pub(crate) fn check(script: &Script, outcome: &Outcome) {
    let expected = script.expected();
    match outcome {
        Outcome::Answered(received) => check_answer(&expected, received),
        Outcome::Cancelled(received) => {
            assert!(script.cancel_after.is_some(), "cancelled by nobody");
            assert!(expected.body.starts_with(&received.body), "a cancelled call got other bytes than its own");
        }
        Outcome::GoneAway => {}
    }
}

fn check_answer(expected: &Expected, received: &Received) {
    assert!(received.has_ended);
    let status: u8 = received.trailer("grpc-status").expect("an answer has a status").parse().expect("a number");
    if expected.is_cut {
        assert!(expected.body.starts_with(&received.body), "other bytes than those asked for");
        assert!(status == expected.status || Some(status) == expected.or_status, "{status}: {expected:?}");
        return;
    }
    assert_eq!(status, expected.status, "{:?}", received.trailer("grpc-message"));
    assert_eq!(received.body.len(), expected.body.len(), "length of the answer");
    assert!(received.body == expected.body, "other bytes than those asked for");
    if let Some(message) = &expected.message {
        let said = received.trailer("grpc-message").unwrap_or("");
        assert_eq!(percent::decode(said.as_bytes()), message.as_str());
    }
    for (name, value) in &expected.metadata {
        assert!(received.headers.contains(&(name.clone(), value.clone())), "header {name} is not as it was sent");
    }
    for (name, value) in &expected.trailers {
        let mut all = received.trailers.iter().chain(&received.headers);
        assert!(all.any(|field| (&field.0, &field.1) == (name, value)), "trailer {name} is not as it was sent");
    }
}
