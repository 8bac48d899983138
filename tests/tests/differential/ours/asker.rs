//! The caller behind our client's machine: makes the calls of a conversation with random delays, and checks that the
//! events it hears make sense and bear out the model.

use std::collections::BTreeMap;

use prism_proto::h2::StreamRef;
use prism_proto::h2::client::{Config, Connection, Event, Finished, Refused, Request};
use prism_proto::status::Code;
use prism_tests::{Random, prefixed};

use super::call::{Plan, TWIST, Twist};
use crate::driver::Side;
use crate::model::{Outcome, Received};

/// A call under way.
#[derive(Debug)]
struct Asked {
    plan: Plan,
    call: StreamRef,
    /// Messages that have been sent; and whether their end has been said.
    sent: usize,
    has_closed: bool,
    is_blocked: bool,
    turns: u64,
    received: Received,
    has_headers: bool,
}

/// So many calls refused in a row, while none is open, are no matter of a bound that is not known yet.
const REFUSALS_MAX: usize = 300;

/// A connection and who calls over it.
#[derive(Debug)]
pub(super) struct Asker {
    pub(super) connection: Connection,
    random: Random,
    /// Calls still to be made.
    plans: Vec<Plan>,
    calls: BTreeMap<u32, Asked>,
    /// A call was refused as busy, and Ready has not come.
    is_busy: bool,
    pub(super) outcomes: Vec<Outcome>,
    /// The server has said that it goes.
    pub(super) has_gone: bool,
    pub(super) retried: usize,
    /// Calls refused for the server's bound one after another while no other was open.
    refused: usize,
    held_bytes_max: usize,
}

impl Asker {
    pub(super) fn new(config: &Config, plans: Vec<Plan>, random: Random) -> Self {
        Self {
            connection: Connection::new(config, 0).expect("the configuration can be sent"),
            random,
            plans,
            calls: BTreeMap::new(),
            is_busy: false,
            outcomes: Vec::new(),
            has_gone: false,
            retried: 0,
            refused: 0,
            // Once for requests, once for replies.
            held_bytes_max: 2 * config.limits.connection_buffer_bytes_max,
        }
    }

    /// Makes the next call.
    fn ask(&mut self) {
        let Some(plan) = self.plans.pop() else { return };
        let twist = plan.twist.to_text();
        let mut metadata: Vec<(&str, &[u8])> =
            plan.script.metadata.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        if plan.twist != Twist::None {
            metadata.push((TWIST, twist.as_bytes()));
        }
        let request = Request {
            metadata: &metadata,
            timeout_ns: plan.timeout_ns,
            wants_headers: plan.wants_headers,
            ..plan.method().into()
        };
        let asked = if plan.is_unary() {
            let message = &plan.script.messages[0];
            self.connection.call(&request, message.len(), |out| out.extend_from_slice(message), 0)
        } else {
            self.connection.open(&request, 0)
        };
        match asked {
            Ok(call) => {
                let sent = usize::from(plan.is_unary());
                let has_closed = plan.is_unary();
                let received = Received::default();
                let asked =
                    Asked { plan, call, sent, has_closed, is_blocked: false, turns: 0, received, has_headers: false };
                assert!(self.calls.insert(call.id, asked).is_none(), "an identifier came twice");
            }
            Err(Refused::Busy) => {
                assert_eq!(self.connection.free_calls(), 0);
                self.is_busy = true;
                self.plans.push(plan);
            }
            Err(Refused::Full) => self.plans.push(plan),
            Err(Refused::Gone) => {
                assert!(self.has_gone, "nobody has said that the connection ends");
                self.outcomes.push(Outcome::GoneAway);
            }
            Err(refused) => panic!("{refused}: {plan:?}"),
        }
    }

    /// Goes on with one call: its next message, the end of them, or a cancellation.
    fn advance(&mut self, id: u32) {
        let Some(asked) = self.calls.get_mut(&id) else { return };
        asked.turns += 1;
        if asked.plan.script.cancel_after.is_some_and(|after| asked.turns > after) {
            assert!(self.connection.cancel(asked.call), "a call that is open can be cancelled");
            let asked = self.calls.remove(&id).expect("it was found");
            let expected = asked.plan.expected();
            assert!(expected.body.starts_with(&asked.received.body), "a cancelled call got other bytes than its own");
            self.outcomes.push(Outcome::Cancelled(asked.received));
            return;
        }
        if asked.has_closed || asked.is_blocked {
            return;
        }
        if asked.plan.is_careful && self.connection.writable_bytes(asked.call) == 0 {
            asked.is_blocked = true;
            return;
        }
        let Some(message) = asked.plan.script.messages.get(asked.sent) else {
            asked.has_closed = true;
            return self.connection.close_send(asked.call);
        };
        match self.connection.send(asked.call, message.len(), |out| out.extend_from_slice(message)) {
            Ok(()) => asked.sent += 1,
            Err(Refused::Full) => {}
            Err(refused) => panic!("{refused}"),
        }
    }

    fn hear(&mut self, event: Event<'_>) {
        match event {
            Event::Headers { call, metadata } => {
                let asked = self.calls.get_mut(&call.id).expect("headers are of open calls");
                assert!(asked.plan.wants_headers && !std::mem::replace(&mut asked.has_headers, true));
                assert!(asked.received.body.is_empty(), "headers after a message");
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("the metadata is ASCII");
                asked.received.headers = metadata.iter().map(|(name, value)| (name.to_owned(), text(value))).collect();
            }
            Event::Message { call, message } => {
                let asked = self.calls.get_mut(&call.id).expect("messages are of open calls");
                assert_eq!(asked.has_headers, asked.plan.wants_headers, "headers come before messages");
                asked.received.body.extend_from_slice(&prefixed(0, &message));
                self.connection.recycle(message);
            }
            Event::Finished(finished) => self.finish(&finished),
            Event::Writable { call } => {
                self.calls.get_mut(&call.id).expect("only open calls are writable").is_blocked = false;
            }
            Event::Ready => assert!(std::mem::take(&mut self.is_busy), "ready for nobody"),
            Event::GoAway { .. } => self.has_gone = true,
        }
    }

    fn finish(&mut self, finished: &Finished) {
        let mut asked = self.calls.remove(&finished.call.id).expect("only calls that are open finish, and once");
        if finished.is_unprocessed && !matches!(asked.plan.twist, Twist::Reset(7)) {
            assert_eq!(finished.status.code, Code::Unavailable);
            assert!(asked.received.body.is_empty());
            if self.has_gone {
                return self.outcomes.push(Outcome::GoneAway);
            }
            // Refused for the server's bound before we knew of it: the call may be made again, and is.
            self.retried += 1;
            self.refused = if self.calls.is_empty() { self.refused + 1 } else { 0 };
            self.plans.push(asked.plan);
            if self.is_shut_out() {
                self.outcomes.extend(self.plans.drain(..).map(|_| Outcome::GoneAway));
            }
            return;
        }
        self.refused = 0;
        asked.received.has_ended = true;
        check(&asked, finished);
        self.outcomes.push(Outcome::Answered(asked.received));
    }

    /// Nothing is left once every call is over.
    pub(super) fn assert_nothing_left(&mut self) {
        assert!(self.calls.is_empty() && self.plans.is_empty(), "calls never ended: {:?}", self.calls);
        assert_eq!(self.connection.open_calls(), 0);
        self.connection.output().clear();
        assert_eq!(self.connection.held_bytes(), 0);
    }

    /// Whether the server takes no call although none is open any more.
    ///
    /// The h2 crate (0.4.20) counts a stream for ever whose answer is complete, whose handles are dropped, so that a
    /// reset is scheduled, and whose DATA waits for a window, when an RST_STREAM comes for it then: `State::recv_reset`
    /// leaves a closed state alone that is not in the send queue, and `Counts::transition_after` counts down none that
    /// has a scheduled reset.
    pub(super) fn is_shut_out(&self) -> bool {
        self.refused >= REFUSALS_MAX
    }

    pub(super) fn is_done(&self) -> bool {
        self.calls.is_empty() && self.plans.is_empty()
    }
}

/// What came against what had to come.
fn check(asked: &Asked, finished: &Finished) {
    let expected = asked.plan.expected();
    let (status, received) = (&finished.status, &asked.received);
    assert_eq!(status.code, expected.code, "{status:?}: {:?}", asked.plan);
    if expected.is_cut {
        assert!(expected.body.starts_with(&received.body), "other bytes than those asked for");
    } else {
        assert!(received.body == expected.body, "{} bytes for {}", received.body.len(), expected.body.len());
    }
    if let Some(message) = &expected.message {
        assert_eq!(status.message, message.as_str());
    }
    for (name, value) in &expected.trailers {
        assert_eq!(finished.trailers.text(name), Some(value.as_str()), "trailer {name}");
    }
    if asked.has_headers {
        for field in &expected.headers {
            assert!(received.headers.contains(field), "header {} is not as it was sent", field.0);
        }
    }
}

impl Side for Asker {
    fn output(&mut self) -> &mut Vec<u8> {
        self.connection.output()
    }

    fn read(&mut self, bytes: &[u8]) {
        let input = self.connection.begin(bytes);
        while let Some(event) = self.connection.poll(&input, 0) {
            self.hear(event);
        }
        self.connection.end(input);
        // Nothing would bring the rest forward any more: each is refused.
        while self.has_gone && self.calls.is_empty() && !self.plans.is_empty() {
            self.ask();
        }
        if self.is_done() {
            self.connection.shut_down();
        }
        let held_bytes = self.connection.held_bytes();
        assert!(held_bytes <= self.held_bytes_max + (1 << 20), "{held_bytes} bytes are held");
    }

    fn wants_pause(&self) -> bool {
        self.connection.wants_pause()
    }

    fn is_finished(&self) -> bool {
        self.connection.is_finished()
    }

    fn has_work(&self) -> bool {
        let may_ask = !self.plans.is_empty() && !self.is_busy;
        let may_cancel = |asked: &Asked| asked.plan.script.cancel_after.is_some();
        may_ask || self.calls.values().any(|asked| may_cancel(asked) || !(asked.has_closed || asked.is_blocked))
    }

    fn turn(&mut self) {
        if !self.is_busy || self.has_gone {
            for _ in 0..self.random.below(3) {
                self.ask();
            }
        }
        let ids: Vec<u32> = self.calls.keys().copied().collect();
        let share = 1 + self.random.below(3);
        for id in ids {
            if self.random.below(share) == 0 {
                self.advance(id);
            }
        }
        if self.is_done() {
            self.connection.shut_down();
        }
    }

    fn drain(&mut self) {
        self.connection.shut_down();
    }
}
