//! Two shards of the proxy under a clock and an order of turns that a seed decides: what one shard does to the other,
//! to the nanosecond and to the parcel.

pub(crate) mod caller;
mod tails;

use std::collections::HashMap;
use std::sync::Arc;

use prism_backends::KeyHasher;
use prism_proto::messages::prism::interfaces::keyvalue::{
    DeleteRequest, DeleteResponse, ExistsRequest, ExistsResponse, GetRequest, GetResponse, SetRequest, SetResponse,
};
use prism_proto::method::id;
use prism_proto::status::Code;
use prism_shard::Counter;
use prism_shard::simulation::Simulation;
use proptest::prelude::*;
use prost::Message as _;

use self::caller::Caller;
use crate::app::Proxy;
use crate::budget::Sums;
use crate::config::Effective;
use crate::registry::Registry;

const SECOND_NS: u64 = 1_000_000_000;
const SHARDS: u32 = 2;
/// Turns in which whatever is under way must have come to its end.
const TURNS_MAX: usize = 10_000;

/// A number generator whose whole state is the seed: SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Debug, Clone)]
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

/// Both shards, and some clients on each.
struct Pair {
    simulation: Simulation<Proxy>,
    callers: Vec<Caller>,
    random: Random,
}

impl Pair {
    fn new(seed: u64, callers: u32, mesh_capacity: usize) -> Self {
        let registry = Arc::new(Registry::new(&Effective::default_on(vec![0, 1]), None));
        let (hasher, sums) = (KeyHasher::fixed(seed), Sums::new(SHARDS));
        let proxies = (0..SHARDS).map(|shard| Proxy::new(Arc::clone(&registry), hasher, shard, sums.clone()));
        let mut simulation = Simulation::new(proxies.collect(), mesh_capacity, SECOND_NS);
        let callers = (0..callers).map(|number| Caller::connect(&mut simulation, number % SHARDS)).collect();
        let mut pair = Self { simulation, callers, random: Random(seed) };
        // So that every client has the server's settings.
        (0..20).for_each(|_| pair.step());
        pair
    }

    /// One turn of a shard that is drawn, after its clients' bytes have arrived, maybe in pieces.
    fn step(&mut self) {
        let shard = self.random.below(u64::from(SHARDS)) as u32;
        for caller in self.callers.iter_mut().filter(|caller| caller.shard() == shard) {
            let piece = if self.random.below(4) == 0 { 1 + self.random.below(40) as usize } else { usize::MAX };
            caller.put(&mut self.simulation, piece);
        }
        self.simulation.turn(shard);
        for caller in self.callers.iter_mut().filter(|caller| caller.shard() == shard) {
            caller.take(&mut self.simulation);
        }
    }

    /// Goes on until every call is answered, all in one moment.
    fn settle(&mut self) {
        self.settle_in_turns_of(0);
    }

    /// The same with time going on: what a connection may do is for one moment.
    fn settle_in_turns_of(&mut self, nanoseconds: u64) {
        for _ in 0..TURNS_MAX {
            if self.callers.iter().all(|caller| caller.open() == 0) {
                return;
            }
            self.simulation.advance(nanoseconds);
            self.step();
        }
        panic!("calls are without an answer after {TURNS_MAX} turns: the shards wait for each other");
    }

    /// One call, alone, with its answer.
    fn call<Response: prost::Message + Default>(
        &mut self,
        method: prism_proto::method::MethodId,
        request: &impl prost::Message,
    ) -> Response {
        let caller = self.random.below(self.callers.len() as u64) as usize;
        let now_ns = self.simulation.now_ns();
        let call = self.callers[caller].call(method, request, now_ns);
        self.settle();
        let (status, message) = self.callers[caller].answer(call);
        assert_eq!(status.code, Code::Ok, "{status:?}");
        Response::decode(&message[..]).expect("the answer is a message of the schema")
    }
}

/// A value, and the time at which it goes.
type Model = HashMap<String, (Vec<u8>, u64)>;

fn live<'m>(model: &'m Model, key: &str, now_ns: u64) -> Option<&'m Vec<u8>> {
    model.get(key).filter(|(_, expiry_ns)| now_ns < *expiry_ns).map(|(value, _)| value)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// A key is there until exactly the nanosecond of its expiry, whoever owns it and whoever asks.
    #[test]
    fn every_answer_is_the_model_s_at_that_nanosecond(seed: u64) {
        let mut pair = Pair::new(seed, 4, 64);
        let mut model = Model::new();
        for number in 0..250u64 {
            let key = format!("key-{}", pair.random.below(12));
            match pair.random.below(10) {
                0..=3 => {
                    let value = vec![number as u8; pair.random.below(3_000) as usize];
                    let ttl_seconds = pair.random.below(4) as i64;
                    let request =
                        SetRequest { key: key.clone(), value: value.clone(), ttl_seconds, ..Default::default() };
                    let now_ns = pair.simulation.now_ns();
                    let response: SetResponse = pair.call(id::KEYVALUE_BASIC_SET, &request);
                    prop_assert!(response.success);
                    let expiry_ns = if ttl_seconds == 0 { u64::MAX } else { now_ns + ttl_seconds as u64 * SECOND_NS };
                    model.insert(key, (value, expiry_ns));
                }
                4..=6 => {
                    let request = GetRequest { key: key.clone(), ..Default::default() };
                    let response: GetResponse = pair.call(id::KEYVALUE_BASIC_GET, &request);
                    let expected = live(&model, &key, pair.simulation.now_ns());
                    prop_assert_eq!(response.found.then_some(&response.value), expected);
                }
                7 => {
                    let request = ExistsRequest { key: key.clone(), ..Default::default() };
                    let response: ExistsResponse = pair.call(id::KEYVALUE_BASIC_EXISTS, &request);
                    prop_assert_eq!(response.exists, live(&model, &key, pair.simulation.now_ns()).is_some());
                }
                8 => {
                    let request = DeleteRequest { key: key.clone(), ..Default::default() };
                    let response: DeleteResponse = pair.call(id::KEYVALUE_BASIC_DELETE, &request);
                    prop_assert_eq!(response.found, live(&model, &key, pair.simulation.now_ns()).is_some());
                    model.remove(&key);
                }
                _ => {
                    // Often exactly to the next expiry, or one nanosecond short of it.
                    let now_ns = pair.simulation.now_ns();
                    let expiries = model.values().map(|(_, expiry_ns)| *expiry_ns);
                    let next_ns = expiries.filter(|expiry_ns| (now_ns + 1..u64::MAX).contains(expiry_ns)).min();
                    let wait_ns = next_ns.map_or(SECOND_NS, |next_ns| next_ns - now_ns);
                    pair.simulation.advance(wait_ns - pair.random.below(2).min(wait_ns - 1));
                }
            }
        }
        let crossed: u64 = (0..SHARDS).map(|shard| pair.simulation.counted(shard).get(Counter::ParcelsReceived)).sum();
        prop_assert!(crossed > 100, "calls crossed from shard to shard: {}", crossed);
    }

    /// Two shards flood each other through queues that are far too short: each call is answered, with OK or with what
    /// stood in its way, and nobody waits for ever.
    #[test]
    fn shards_that_flood_each_other_answer_every_call(seed: u64) {
        let mut pair = Pair::new(seed, 4, 4);
        let mut calls = Vec::new();
        for number in 0..600u64 {
            let caller = pair.random.below(4) as usize;
            let now_ns = pair.simulation.now_ns();
            let request = GetRequest { key: format!("key-{number}"), ..Default::default() };
            let call = pair.callers[caller].call(id::KEYVALUE_BASIC_GET, &request, now_ns);
            calls.push((caller, call));
            if pair.random.below(100) == 0 {
                pair.step();
            }
        }
        pair.settle();
        let (mut answered, mut refused) = (0, 0);
        for (caller, call) in calls {
            let (status, _) = pair.callers[caller].answer(call);
            match status.code {
                Code::Ok => answered += 1,
                Code::ResourceExhausted => {
                    prop_assert!(status.message.contains("queue to shard"), "{:?}", status);
                    refused += 1;
                }
                _ => prop_assert!(false, "{:?}", status),
            }
        }
        prop_assert!(answered > 0 && refused > 0, "{} answered, {} refused", answered, refused);
    }
    /// With a store that is large enough for looks ahead, calls that come together have the effects and answers that
    /// they have one by one.
    #[test]
    fn calls_that_come_together_are_executed_in_order_in_a_large_store(seed: u64) {
        let mut pair = Pair::new(seed, 2, 1_024);
        for group in 0..14 {
            for number in 0..100 {
                let (key, now_ns) = (format!("large-{group}-{number}"), pair.simulation.now_ns());
                let request = SetRequest { key, value: vec![1; 8_000], ..Default::default() };
                pair.callers[1].call(id::KEYVALUE_BASIC_SET, &request, now_ns);
            }
            pair.settle_in_turns_of(1_000);
        }
        prop_assert!((0..SHARDS).all(|shard| pair.simulation.application(shard).backends.are_large()));
        let mut model: HashMap<String, Vec<u8>> = HashMap::new();
        for _ in 0..3 {
            let now_ns = pair.simulation.now_ns();
            let mut calls = Vec::new();
            for number in 0..120u64 {
                let key = format!("key-{}", pair.random.below(9));
                let caller = &mut pair.callers[0];
                let (call, expected) = match pair.random.below(4) {
                    0 => {
                        let value = vec![number as u8; 100];
                        model.insert(key.clone(), value.clone());
                        let request = SetRequest { key, value, ..Default::default() };
                        (caller.call(id::KEYVALUE_BASIC_SET, &request, now_ns), Expected::Set)
                    }
                    1 => {
                        let found = model.remove(&key).is_some();
                        let request = DeleteRequest { key, ..Default::default() };
                        (caller.call(id::KEYVALUE_BASIC_DELETE, &request, now_ns), Expected::Deleted(found))
                    }
                    _ => {
                        let value = model.get(&key).cloned();
                        let request = GetRequest { key, ..Default::default() };
                        (caller.call(id::KEYVALUE_BASIC_GET, &request, now_ns), Expected::Value(value))
                    }
                };
                calls.push((call, expected));
            }
            pair.settle_in_turns_of(1_000);
            for (call, expected) in calls {
                let (status, message) = pair.callers[0].answer(call);
                prop_assert_eq!(status.code, Code::Ok, "{:?}", status);
                prop_assert_eq!(expected.of(&message), expected);
            }
        }
    }
}

/// What a call is to answer.
#[derive(Debug, PartialEq)]
enum Expected {
    Set,
    Deleted(bool),
    Value(Option<Vec<u8>>),
}

impl Expected {
    /// The answer in a message, of the same kind.
    fn of(&self, message: &[u8]) -> Self {
        const SCHEMA: &str = "the answer is a message of the schema";
        match self {
            Self::Set => Self::Set,
            Self::Deleted(_) => Self::Deleted(DeleteResponse::decode(message).expect(SCHEMA).found),
            Self::Value(_) => {
                let response = GetResponse::decode(message).expect(SCHEMA);
                Self::Value(response.found.then_some(response.value))
            }
        }
    }
}
