//! Subscriptions on both shards, while topics are published to, trimmed, and turns come in any order.

use prism_proto::h2::StreamRef;
use prism_proto::messages::prism::interfaces::pubsub::{
    Message, PublishRequest, PublishResponse, SubscribeRequest, UnsubscribeRequest, UnsubscribeResponse,
};
use prism_proto::messages::prism::interfaces::stream::{ReadRequest, TrimRequest};
use prism_proto::method::id;
use prism_proto::status::Code;
use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::limits::{FANOUT_PER_TURN_MAX, PAGE_BYTES_MAX, PULL_BYTES_PER_WORK, TAIL_BYTES_PER_TURN_MAX};

const TOPICS: u64 = 3;

fn topic(number: u64) -> String {
    format!("topic-{number}")
}

fn payload(topic: u64, number: u64) -> Vec<u8> {
    vec![number as u8; (topic * 700 + number % 90) as usize]
}

#[derive(Debug)]
struct Subscription {
    caller: usize,
    call: StreamRef,
    topic: u64,
    is_named: bool,
}

impl Pair {
    fn begin(
        &mut self,
        caller: usize,
        method: prism_proto::method::MethodId,
        request: &impl prost::Message,
    ) -> StreamRef {
        let now_ns = self.simulation.now_ns();
        self.callers[caller].call(method, request, now_ns)
    }

    fn steps(&mut self, count: usize) {
        (0..count).for_each(|_| self.step());
    }

    /// The same, each a while after the one before.
    fn timed_steps(&mut self, count: usize) {
        for _ in 0..count {
            self.simulation.advance(1_000);
            self.step();
        }
    }

    fn subscribe(&mut self, topic_number: u64, from: &str, name: &str) -> Subscription {
        let caller = self.random.below(self.callers.len() as u64) as usize;
        let request = SubscribeRequest {
            topic: topic(topic_number),
            subscriber_id: name.to_owned(),
            options: [("from".to_owned(), from.to_owned())].into(),
            ..Default::default()
        };
        let call = self.begin(caller, id::PUBSUB_BASIC_SUBSCRIBE, &request);
        Subscription { caller, call, topic: topic_number, is_named: !name.is_empty() }
    }

    /// What a subscription got: consecutive messages from where its headers say that it begins; returns the offset that
    /// comes next, and how it ended.
    fn check(&mut self, subscription: &Subscription) -> (u64, Option<Code>) {
        let answer = self.callers[subscription.caller].so_far(subscription.call);
        let ended = answer.status.as_ref().map(|status| status.code);
        let Some(from) = &answer.from else { return (0, ended) };
        let mut next =
            from.strip_prefix("0-").and_then(|before| before.parse::<i64>().ok()).map_or(0, |id| id + 1) as u64;
        for message in &answer.messages {
            let message = Message::decode(&message[..]).expect("it is a message of the schema");
            assert_eq!(message.message_id, format!("0-{next}"), "nothing is missed or repeated");
            assert_eq!(message.payload, payload(subscription.topic, next));
            assert_eq!(message.topic, topic(subscription.topic));
            next += 1;
        }
        (next, ended)
    }
}

/// Random subscriptions, publishes, trims and ends on both shards.
fn run(seed: u64, mesh_capacity: usize) {
    let mut pair = Pair::new(seed, 6, mesh_capacity);
    let (mut published, mut trimmed) = ([0u64; TOPICS as usize], [0u64; TOPICS as usize]);
    let mut subscriptions: Vec<Subscription> = Vec::new();
    let mut publishes: Vec<(usize, StreamRef)> = Vec::new();
    for _ in 0..300 {
        let number = pair.random.below(TOPICS);
        match pair.random.below(20) {
            0..=4 if subscriptions.len() < 40 => {
                let from = if pair.random.below(2) == 0 { "latest" } else { "earliest" };
                let name = if pair.random.below(4) == 0 { "name" } else { "" };
                let subscription = pair.subscribe(number, from, name);
                subscriptions.push(subscription);
            }
            5 if !subscriptions.is_empty() => {
                let at = pair.random.below(subscriptions.len() as u64) as usize;
                let Subscription { caller, call, .. } = subscriptions.swap_remove(at);
                pair.callers[caller].cancel(call);
            }
            6 if mesh_capacity > 4 => {
                let before = published[number as usize];
                let request = TrimRequest { stream: topic(number), before_offset: before as i64, ..Default::default() };
                let caller = pair.random.below(6) as usize;
                pair.begin(caller, id::STREAM_BASIC_TRIM, &request);
                trimmed[number as usize] = before;
            }
            7..=14 => {
                // One publisher for each topic, so that messages are numbered in the order of its calls.
                let caller = number as usize;
                let (stream, next) = (topic(number), &mut published[number as usize]);
                let request = PublishRequest { topic: stream, payload: payload(number, *next), ..Default::default() };
                *next += 1;
                let call = pair.begin(caller, id::PUBSUB_BASIC_PUBLISH, &request);
                publishes.push((caller, call));
                if mesh_capacity == 4 {
                    // Its queue may be full, and then the call fails: one at a time.
                    for _ in 0..TURNS_MAX {
                        pair.step();
                        if pair.callers[caller].so_far(call).status.is_some() {
                            break;
                        }
                    }
                    let status = pair.callers[caller].so_far(call).status.clone().expect("it is answered");
                    if status.code != Code::Ok {
                        published[number as usize] -= 1;
                    }
                }
            }
            _ => {
                let count = pair.random.below(8) as usize;
                pair.steps(count);
            }
        }
    }
    pair.steps(2_000);
    if mesh_capacity > 4 {
        for (caller, call) in publishes {
            let (status, message) = pair.callers[caller].answer(call);
            assert_eq!(status.code, Code::Ok);
            assert!(PublishResponse::decode(&message[..]).expect("an answer").success);
        }
    }
    let mut complete = 0;
    for subscription in &subscriptions {
        let (next, ended) = pair.check(subscription);
        match ended {
            None => {
                assert_eq!(next, published[subscription.topic as usize], "{:?}", subscription);
                complete += 1;
            }
            Some(Code::Aborted) => assert!(subscription.is_named),
            Some(Code::DataLoss) => assert!(next < trimmed[subscription.topic as usize]),
            Some(Code::ResourceExhausted) => assert!(mesh_capacity == 4),
            Some(code) => panic!("{code:?} of {subscription:?}"),
        }
    }
    assert!(complete > 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Every subscription gets every message from its beginning on, once and in order, or is told what it lost.
    #[test]
    fn every_subscription_gets_every_message(seed: u64) {
        run(seed, 64);
    }

    /// The same through queues that are far too short.
    #[test]
    fn every_subscription_gets_every_message_through_full_queues(seed: u64) {
        run(seed, 4);
    }
}

#[test]
fn nothing_is_left_of_subscriptions_that_are_over() {
    let mut pair = Pair::new(5, 4, 64);
    let subscriptions: Vec<Subscription> = (0..30)
        .map(|number| pair.subscribe(number % TOPICS, "latest", if number % 3 == 0 { "name" } else { "" }))
        .collect();
    pair.steps(300);
    for Subscription { caller, call, .. } in subscriptions {
        pair.callers[caller].cancel(call);
    }
    pair.steps(300);
    for shard in 0..SHARDS {
        let proxy = pair.simulation.application(shard);
        assert!(proxy.pulls.is_empty());
        assert!(proxy.tails.is_empty(), "{:?}", proxy.tails);
        assert!(proxy.followed.is_empty(), "{:?}", proxy.followed);
        assert_eq!(proxy.followed.untaken_bytes(), 0, "whoever sent a page hears of its end");
    }
}

#[test]
fn unsubscribe_reaches_every_shard() {
    for seed in 0..8 {
        let mut pair = Pair::new(seed, 4, 64);
        let subscription = pair.subscribe(seed % TOPICS, "latest", "name");
        pair.steps(100);
        let request =
            UnsubscribeRequest { topic: topic(seed % TOPICS), subscriber_id: "name".to_owned(), ..Default::default() };
        let response: UnsubscribeResponse = pair.one(2, id::PUBSUB_BASIC_UNSUBSCRIBE, &request);
        assert!(response.success);
        pair.steps(100);
        assert_eq!(pair.check(&subscription).1, Some(Code::Ok));
    }
}

/// Unsubscribe right behind its Subscribe ends it, whichever shard owns the topic.
#[test]
fn unsubscribe_may_follow_at_once() {
    for seed in 0..8 {
        let mut pair = Pair::new(seed, 2, 64);
        for caller in 0..2 {
            let (topic, subscriber_id) = (topic(seed % TOPICS), "name".to_owned());
            let subscribe =
                SubscribeRequest { topic: topic.clone(), subscriber_id: subscriber_id.clone(), ..Default::default() };
            let subscription = pair.begin(caller, id::PUBSUB_BASIC_SUBSCRIBE, &subscribe);
            let unsubscribe = UnsubscribeRequest { topic, subscriber_id, ..Default::default() };
            let _: UnsubscribeResponse = pair.one(caller, id::PUBSUB_BASIC_UNSUBSCRIBE, &unsubscribe);
            pair.steps(100);
            let ended = pair.callers[caller].so_far(subscription).status.as_ref().map(|status| status.code);
            assert_eq!(ended, Some(Code::Ok), "caller {caller}, seed {seed}");
        }
    }
}

/// A Subscribe that fails leaves the name with whoever has it, whichever shards it comes through.
#[test]
fn a_subscribe_that_fails_replaces_nobody() {
    for seed in 0..8 {
        let mut pair = Pair::new(seed, 4, 64);
        let first = pair.subscribe(seed % TOPICS, "latest", "name");
        pair.steps(100);
        for from in ["0-7", "yesterday"] {
            let failing = pair.subscribe(seed % TOPICS, from, "name");
            pair.steps(100);
            assert_eq!(pair.check(&failing).1, Some(Code::InvalidArgument), "{from}, seed {seed}");
            assert_eq!(pair.check(&first).1, None, "{from}, seed {seed}");
        }
        let second = pair.subscribe(seed % TOPICS, "latest", "name");
        pair.steps(100);
        assert_eq!((pair.check(&first).1, pair.check(&second).1), (Some(Code::Aborted), None), "seed {seed}");
    }
}

/// Of many that begin at once with one name, one is left in the end, and it holds the name.
#[test]
fn one_of_many_that_begin_together_has_the_name() {
    for seed in 0..8 {
        let mut pair = Pair::new(seed, 4, 64);
        let all: Vec<Subscription> = (0..12).map(|_| pair.subscribe(seed % TOPICS, "latest", "name")).collect();
        pair.steps(300);
        let ends: Vec<Option<Code>> = all.iter().map(|subscription| pair.check(subscription).1).collect();
        assert_eq!(ends.iter().filter(|end| end.is_none()).count(), 1, "{ends:?}, seed {seed}");
        assert!(ends.iter().flatten().all(|code| *code == Code::Aborted), "{ends:?}");
        let request =
            UnsubscribeRequest { topic: topic(seed % TOPICS), subscriber_id: "name".to_owned(), ..Default::default() };
        let _: UnsubscribeResponse = pair.one(1, id::PUBSUB_BASIC_UNSUBSCRIBE, &request);
        pair.steps(100);
        assert!(all.iter().all(|subscription| pair.check(subscription).1.is_some()));
        let followed = |shard| pair.simulation.application(shard).followed.is_empty();
        assert!((0..SHARDS).all(followed), "nothing is left of the name");
    }
}

#[test]
fn a_read_waits_for_exactly_its_time_after_each_record() {
    for seed in 0..8 {
        let mut pair = Pair::new(seed, 4, 64);
        let request = ReadRequest { stream: topic(seed % TOPICS), offset: -1, wait_ms: 1_000, ..Default::default() };
        let call = pair.begin(3, id::STREAM_BASIC_READ, &request);
        pair.steps(100);
        let wait_ns = 1_000_000_000;
        for records in 1..4 {
            pair.simulation.advance(wait_ns - 1_000);
            pair.steps(20);
            let publish = PublishRequest { topic: topic(seed % TOPICS), ..Default::default() };
            let call_of_publish = pair.begin(1, id::PUBSUB_BASIC_PUBLISH, &publish);
            pair.steps(100);
            assert_eq!(pair.callers[1].answer(call_of_publish).0.code, Code::Ok);
            let so_far = pair.callers[3].so_far(call);
            assert_eq!((so_far.messages.len(), so_far.status.is_none()), (records, true), "it goes on waiting");
        }
        pair.simulation.advance(wait_ns - 1);
        pair.steps(20);
        assert!(pair.callers[3].so_far(call).status.is_none(), "a nanosecond is left");
        pair.simulation.advance(1);
        pair.steps(20);
        assert_eq!(pair.callers[3].answer(call).0.code, Code::Ok);
    }
}

/// Messages delivered to 1,000 subscribers on 10 connections of one shard: run under callgrind, collecting what
/// `tails_turn` does, this is what each costs.
#[test]
fn a_message_reaches_a_thousand_subscribers() {
    let mut pair = Pair::new(1, 20, 64);
    let callers: Vec<usize> = (0..20).filter(|caller| pair.callers[*caller].shard() == 0).collect();
    let mut calls = Vec::new();
    for number in 0..1_000 {
        let caller = callers[number % callers.len()];
        let request = SubscribeRequest { topic: topic(0), ..Default::default() };
        calls.push((caller, pair.begin(caller, id::PUBSUB_BASIC_SUBSCRIBE, &request)));
        pair.steps(10);
    }
    pair.steps(200);
    let messages = 20;
    for _ in 0..messages {
        let request = PublishRequest { topic: topic(0), payload: vec![7; 64], ..Default::default() };
        let _: PublishResponse = pair.one(callers[0], id::PUBSUB_BASIC_PUBLISH, &request);
        pair.steps(40);
    }
    for (caller, call) in calls {
        assert_eq!(pair.callers[caller].so_far(call).messages.len(), messages);
    }
}

/// However many readers a message has to reach, a turn copies a bounded part of it; and the owner hears of each page
/// that has reached them.
#[test]
fn what_a_turn_copies_to_many_readers_is_bounded() {
    const PAYLOAD_BYTES: usize = 2_000;
    for publisher in 0..2 {
        let mut pair = Pair::new(3, 12, 64);
        let mut calls = Vec::new();
        for number in 0..400 {
            let request = SubscribeRequest { topic: topic(0), ..Default::default() };
            let caller = 2 * (number % 6);
            calls.push((caller, pair.begin(caller, id::PUBSUB_BASIC_SUBSCRIBE, &request)));
        }
        pair.timed_steps(500);
        for _ in 0..20 {
            let request = PublishRequest { topic: topic(0), payload: vec![7; PAYLOAD_BYTES], ..Default::default() };
            pair.begin(publisher, id::PUBSUB_BASIC_PUBLISH, &request);
            pair.timed_steps(8);
        }
        pair.timed_steps(2_000);
        for (caller, call) in calls {
            assert_eq!(pair.callers[caller].so_far(call).messages.len(), 20);
        }
        for shard in 0..SHARDS {
            assert_eq!(pair.simulation.application(shard).followed.untaken_bytes(), 0);
        }
        pair.assert_copies_are_bounded();
    }
}

/// The same for many logs with much that is new, each with a few readers.
#[test]
fn what_a_turn_copies_of_many_logs_is_bounded() {
    const LOGS: usize = 40;
    let mut pair = Pair::new(4, 8, 1_024);
    let mut calls = Vec::new();
    for log in 0..LOGS {
        for caller in 0..4 {
            let request = SubscribeRequest { topic: format!("many-{log}"), ..Default::default() };
            calls.push((caller, pair.begin(caller, id::PUBSUB_BASIC_SUBSCRIBE, &request)));
            pair.timed_steps(5);
        }
    }
    pair.timed_steps(200);
    // All of it at once: more for each shard than a turn may send.
    for log in 0..LOGS {
        for _ in 0..2 {
            let topic = format!("many-{log}");
            let request = PublishRequest { topic, payload: vec![7; 10_000], ..Default::default() };
            pair.begin(4 + log % 4, id::PUBSUB_BASIC_PUBLISH, &request);
        }
    }
    pair.timed_steps(4_000);
    for (caller, call) in calls {
        assert_eq!(pair.callers[caller].so_far(call).messages.len(), 2);
    }
    let most = pair.assert_copies_are_bounded();
    assert!(most > TAIL_BYTES_PER_TURN_MAX, "the bound was met: {most} bytes");
}

/// A reader does not wait until all of another topic's many have had theirs.
#[test]
fn a_topic_with_one_reader_has_its_turn_among_one_with_many() {
    let mut pair = Pair::new(9, 8, 1_024);
    let many = (0..1_200).map(|number| (2 * (number % 4), topic(0)));
    let mut calls = Vec::new();
    for (caller, topic) in many.chain([(0, topic(1))]) {
        let request = SubscribeRequest { topic, ..Default::default() };
        calls.push((caller, pair.begin(caller, id::PUBSUB_BASIC_SUBSCRIBE, &request)));
        pair.timed_steps(3);
    }
    pair.timed_steps(200);
    let (caller, alone) = calls[calls.len() - 1];
    for number in 0..2 {
        let request = PublishRequest { topic: topic(number), payload: vec![7; 1_000], ..Default::default() };
        let _: PublishResponse = pair.one(0, id::PUBSUB_BASIC_PUBLISH, &request);
        if number == 0 {
            // On its way to the first of the many.
            while pair.total_delivered() == 0 {
                pair.timed_steps(1);
            }
        }
    }
    while pair.callers[caller].so_far(alone).messages.is_empty() {
        pair.timed_steps(1);
    }
    let delivered = pair.total_delivered();
    assert!(delivered < 1_201, "it was the last of {delivered}");
    pair.timed_steps(500);
    assert!(calls.iter().all(|&(caller, call)| pair.callers[caller].so_far(call).messages.len() == 1));
}

impl Pair {
    fn counter(&self, shard: u32, wanted: &str) -> usize {
        let counted = self.simulation.counted(shard);
        counted.iter().find(|((name, _), _)| *name == wanted).map_or(0, |(_, value)| value as usize)
    }

    fn total_delivered(&self) -> usize {
        (0..SHARDS).map(|shard| self.counter(shard, "tail_pages_delivered")).sum()
    }

    /// No turn has copied more than its share and a page of each kind; returns the most that one has.
    fn assert_copies_are_bounded(&self) -> usize {
        let most = (0..SHARDS).map(|shard| self.counter(shard, "tail_bytes_most")).max().unwrap_or(0);
        let bound = TAIL_BYTES_PER_TURN_MAX + FANOUT_PER_TURN_MAX * PULL_BYTES_PER_WORK + 3 * PAGE_BYTES_MAX;
        assert!(most > 0 && most <= bound, "{most} bytes in one turn, not {bound}");
        most
    }
}

impl Pair {
    /// One call of a caller with its answer, while others stay open.
    fn one<Response: prost::Message + Default>(
        &mut self,
        caller: usize,
        method: prism_proto::method::MethodId,
        request: &impl prost::Message,
    ) -> Response {
        let call = self.begin(caller, method, request);
        for _ in 0..TURNS_MAX {
            if self.callers[caller].so_far(call).status.is_some() {
                let (status, message) = self.callers[caller].answer(call);
                assert_eq!(status.code, Code::Ok, "{status:?}");
                return Response::decode(&message[..]).expect("the answer is a message of the schema");
            }
            self.step();
        }
        panic!("the call is not answered");
    }
}
