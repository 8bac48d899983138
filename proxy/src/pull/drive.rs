//! Driving pulls: from their beginning through their pages to their end.

use prism_backends::Context;
use prism_proto::h2::StreamRef;
use prism_proto::status::Status;
use prism_shard::{PeerId, SlabKey, Turn};

use super::desk::{Ask as Asked, Customer};
use super::{Ask, Next, Pull, Room, State};
use crate::app::{Lane, Proxy, lane};
use crate::call::{Errand, Outcome, Whose};
use crate::client::Client;
use crate::dispatch::{Origin, execute};
use crate::limits::{PULL_BYTES_PER_WORK, PULL_WORK_PER_TURN_MAX};
use crate::share::charge_event;
use crate::wire::Wire;
use crate::{statistics, status};

/// How a pull's turn went.
enum Step {
    /// It did this much.
    Did(usize),
    /// It could not do anything now, and tries again in the next turn.
    Stalled,
}

impl Proxy {
    /// Begins to answer a call: its first page is asked for at the end of this turn.
    pub(crate) fn begin_pull(&mut self, client: &mut Client, pull: Pull) -> Result<SlabKey, Status> {
        if self.draining
            && let Some(status) = pull.source.at_drain(false)
        {
            return Err(status);
        }
        let (peer, stream, bytes) = (pull.peer, pull.stream, pull.bytes());
        let pulls_max = self.registry.limits.calls_per_shard_max;
        let key = self.pulls.insert(pull).map_err(|_| status::too_many_calls(pulls_max))?;
        client.pulls.insert(stream, key, bytes);
        self.line_up(client, peer, key);
        Ok(key)
    }

    /// The call is over, or the client does not want its answer any more.
    pub(crate) fn forget_pull(&mut self, client: &mut Client, stream: StreamRef) {
        if let Some(key) = client.pulls.find(stream) {
            self.end_pull(client, key);
        }
    }

    pub(crate) fn end_pull(&mut self, client: &mut Client, key: SlabKey) {
        let Some(pull) = self.pulls.remove(key) else { return };
        self.release_pull(key, &pull);
        match &pull.state {
            State::Arrived(reply) => client.connection.discharge(reply.bytes()),
            State::Hungry => client.pulls.forget_hungry(key),
            State::Ready | State::Asked | State::Blocked | State::Waiting => {}
        }
        client.pulls.remove(pull.stream);
    }

    /// The connection is gone, and with it all of its pulls.
    pub(crate) fn forget_pulls(&mut self, client: &mut Client) {
        for key in client.pulls.keys() {
            if let Some(pull) = self.pulls.remove(key) {
                self.release_pull(key, &pull);
            }
        }
    }

    /// What others keep for a pull that is over goes.
    fn release_pull(&mut self, key: SlabKey, pull: &Pull) {
        self.waits.disarm(key, pull);
        if let Some(seat) = pull.seat {
            self.leave_tail(seat);
        }
        if let Some(claim) = &pull.claim {
            self.release_claim(claim, key);
        }
    }

    /// A window has opened that was found closed.
    pub(crate) fn unblock_pull(&mut self, client: &mut Client, stream: StreamRef) {
        if let Some(key) = client.pulls.find(stream) {
            self.ready_if(client, key, &State::Blocked);
        }
    }

    /// What a pull waits for may be there.
    pub(crate) fn wake_pull(&mut self, client: &mut Client, key: SlabKey) {
        self.ready_if(client, key, &State::Waiting);
    }

    /// Lets the first pull go on that waits for room, if there is enough.
    #[cold]
    pub(crate) fn feed_pulls(&mut self, client: &mut Client, wanted_bytes: usize) {
        // One that wants a pause only for what it answers to control frames has room, and would wait again at once.
        if client.connection.has_room_for_reply(wanted_bytes)
            && !client.connection.wants_pause()
            && let Some(key) = client.pulls.feed()
        {
            self.ready_if(client, key, &State::Hungry);
        }
    }

    fn ready_if(&mut self, client: &mut Client, key: SlabKey, state: &State) {
        if let Some(pull) = self.pulls.get_mut(key)
            && pull.state == *state
        {
            pull.state = State::Ready;
            let peer = pull.peer;
            self.line_up(client, peer, key);
        }
    }

    /// Puts a pull into its connection's line, and the connection into the shard's.
    fn line_up(&mut self, client: &mut Client, peer: PeerId, key: SlabKey) {
        client.pulls.line.push_back(key);
        if !std::mem::replace(&mut client.pulls.is_in_line, true) {
            self.desk.add(Customer::Peer(peer));
        }
    }

    /// A page that another shard was asked for has come, or word that it does not.
    pub(crate) fn page_came(&mut self, client: &mut Client, key: SlabKey, outcome: Outcome) {
        let Some(pull) = self.pulls.get_mut(key) else { return };
        let (peer, stream) = (pull.peer, pull.stream);
        pull.state = match outcome {
            Outcome::Done(reply) => {
                client.connection.charge(reply.bytes());
                State::Arrived(reply)
            }
            Outcome::TooLong(..) | Outcome::Part(_) | Outcome::Unsubscribed => State::Ready,
            Outcome::Failed(failure) => {
                pull.source.finish(&mut client.connection, stream, &status::from_failure(failure));
                return self.end_pull(client, key);
            }
        };
        self.line_up(client, peer, key);
    }

    /// Has pages made and sent, as much as one turn may; true when more is to be done.
    pub(crate) fn pull_turn(&mut self, turn: &mut Turn<'_, Self>) -> bool {
        let mut work = 0;
        while work < PULL_WORK_PER_TURN_MAX
            && let Some(customer) = self.desk.next()
        {
            work += match customer {
                Customer::Peer(peer) => self.serve_pull(turn, peer),
                Customer::Shard(from) => self.serve_shard(turn, from),
            };
        }
        if work > self.desk.most_work {
            turn.counters.add_own(statistics::PULL_WORK_MOST_AT, (work - self.desk.most_work) as u64);
            self.desk.most_work = work;
        }
        self.desk.end_turn()
    }

    /// Does what a shard has asked for next.
    fn serve_shard(&mut self, turn: &mut Turn<'_, Self>, from: u32) -> usize {
        match self.desk.next_ask(from) {
            None => 0,
            Some(Asked::Page(errand)) => {
                turn.counters.add_own(statistics::PAGES_AT, 1);
                let call = errand.call;
                let outcome = self.execute_errand(turn.now_ns, errand);
                let work = match &outcome {
                    Outcome::Done(reply) => page_work(reply.view().work(), reply.bytes()),
                    _ => 1,
                };
                self.send_back(turn, from, call, outcome);
                work
            }
            Some(Asked::Part(call, part)) => {
                let (outcome, work) = self.execute_part(turn.now_ns, part);
                match outcome {
                    Ok(outcome) if from == turn.shard => self.answered(turn, call, outcome),
                    Ok(outcome) => self.send_back(turn, from, call, outcome),
                    Err(part) => self.desk.go_on_with_part(from, call, part),
                }
                work
            }
        }
    }

    /// The next pull of a connection does what it can.
    fn serve_pull(&mut self, turn: &mut Turn<'_, Self>, peer: PeerId) -> usize {
        let Some(client) = turn.peers.get_mut(peer).map(Wire::client) else { return 0 };
        let mut lane = lane!(turn);
        client.begin_turn(lane.now_ns, 0);
        client.connection.set_room(self.budget.room(client.counted));
        client.pulls.is_in_line = false;
        if client.connection.effort_left() == 0 {
            client.pulls.is_in_line = true;
            self.desk.put_off(Customer::Peer(peer));
            return 0;
        }
        let Some(key) = client.pulls.line.pop_front() else { return 0 };
        let step = self.step(&mut lane, client, key);
        if matches!(step, Step::Stalled) {
            client.pulls.line.push_back(key);
        }
        if !client.pulls.line.is_empty() {
            client.pulls.is_in_line = true;
            match step {
                Step::Did(_) => self.desk.add(Customer::Peer(peer)),
                Step::Stalled => self.desk.put_off(Customer::Peer(peer)),
            }
        }
        self.settle(&mut lane, peer, client);
        match step {
            Step::Did(work) => work,
            Step::Stalled => 1,
        }
    }

    /// Asks for a page, or sends one that has come.
    fn step(&mut self, lane: &mut Lane<'_>, client: &mut Client, key: SlabKey) -> Step {
        let Some(pull) = self.pulls.get_mut(key) else { return Step::Did(0) };
        if !client.connection.is_open(pull.stream) {
            self.end_pull(client, key);
            return Step::Did(0);
        }
        let State::Arrived(reply) = std::mem::replace(&mut pull.state, State::Ready) else {
            return self.ask(lane, client, key);
        };
        client.connection.discharge(reply.bytes());
        let before = client.connection.output().len();
        let next = pull.source.take(&mut client.connection, pull.stream, reply.view());
        let answer_bytes = client.connection.output().len() - before;
        charge_event(&mut client.connection, answer_bytes);
        self.go_on(lane, client, key, next);
        Step::Did(page_work(0, answer_bytes))
    }

    fn ask(&mut self, lane: &mut Lane<'_>, client: &mut Client, key: SlabKey) -> Step {
        let Some(pull) = self.pulls.get_mut(key) else { return Step::Did(0) };
        let room = match pull.room(&mut client.connection) {
            Ok(room) => room,
            Err(state) => {
                if state == State::Hungry {
                    client.pulls.starve(key, pull.entry_bytes);
                }
                pull.state = state;
                return Step::Did(1);
            }
        };
        let Pull { peer, stream, method, deadline_ns, namespace, .. } = *pull;
        let Ask { owner, hash, command } = pull.source.ask(room);
        if owner == lane.shard {
            return self.make_page(lane, client, key, room);
        }
        if client.parked >= self.registry.limits.streams_per_connection_max {
            return Step::Stalled;
        }
        let origin = Origin { peer, stream, method, deadline_ns, whose: Whose::Pull(key) };
        let reply_bytes_max = room.bytes_max.max(room.first_bytes_max);
        let errand: Errand = origin.errand(namespace, hash, command.into(), reply_bytes_max);
        if self.send(lane, client, origin, owner, errand).is_err() {
            // The way there is full of what others have sent: it will be taken.
            return Step::Stalled;
        }
        if let Some(pull) = self.pulls.get_mut(key) {
            pull.state = State::Asked;
        }
        Step::Did(1)
    }

    /// Has a page made here, and sends it.
    fn make_page(&mut self, lane: &mut Lane<'_>, client: &mut Client, key: SlabKey, room: Room) -> Step {
        let Some(pull) = self.pulls.get(key) else { return Step::Did(0) };
        let Pull { stream, method, namespace, .. } = *pull;
        let backend = self.backend(namespace, method);
        let Some(pull) = self.pulls.get_mut(key) else { return Step::Did(0) };
        let made = backend.and_then(|backend| {
            let Ask { hash, command, .. } = pull.source.ask(room);
            let context = Context { now_ns: lane.now_ns, namespace, hash, call: 0 };
            execute(&mut self.backends, backend, &context, &command)
        });
        lane.counters.add_own(statistics::PAGES_AT, 1);
        let reply = match made {
            Ok(reply) => reply,
            Err(failure) => {
                pull.source.finish(&mut client.connection, stream, &status::from_failure(failure));
                self.end_pull(client, key);
                return Step::Did(1);
            }
        };
        let work = reply.work();
        let before = client.connection.output().len();
        let next = pull.source.take(&mut client.connection, stream, reply);
        let answer_bytes = client.connection.output().len() - before;
        charge_event(&mut client.connection, answer_bytes);
        self.go_on(lane, client, key, next);
        Step::Did(page_work(work, answer_bytes))
    }

    /// After a page.
    fn go_on(&mut self, lane: &Lane<'_>, client: &mut Client, key: SlabKey, next: Next) {
        if next == Next::Begun {
            self.claim_begun(lane.shard, key);
        }
        let Some(pull) = self.pulls.get_mut(key) else { return };
        if !pull.goes_on(next) {
            return self.end_pull(client, key);
        }
        if pull.state == State::Waiting
            && let Some(seat) = pull.seat
            && self.tails.latest(seat) > pull.source.position()
        {
            // More has come since the page was made, and it was not there to be woken.
            pull.state = State::Ready;
        }
        if pull.state == State::Ready {
            client.pulls.line.push_back(key);
        } else if self.draining
            && let Some(status) = pull.source.at_drain(true)
        {
            pull.source.finish(&mut client.connection, pull.stream, &status);
            self.end_pull(client, key);
        } else {
            self.waits.arm(key, pull, lane.now_ns);
        }
    }

    /// Draining begins: what is not to finish ends.
    pub(crate) fn drain_pulls(&mut self, turn: &mut Turn<'_, Self>) {
        let ending = self.pulls.iter().filter_map(|(key, pull)| {
            let status = pull.source.at_drain(pull.state == State::Waiting)?;
            Some((key, pull.peer, pull.stream, status))
        });
        for (key, peer, stream, status) in ending.collect::<Vec<_>>() {
            if let Some(client) = turn.peers.get_mut(peer).map(Wire::client) {
                if let Some(pull) = self.pulls.get(key) {
                    pull.source.finish(&mut client.connection, stream, &status);
                }
                self.end_pull(client, key);
            }
        }
    }
}

/// A page as the bound of a turn counts it.
fn page_work(work: usize, bytes: usize) -> usize {
    1 + work + bytes / PULL_BYTES_PER_WORK
}
