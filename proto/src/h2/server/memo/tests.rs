//! A block that the memo decodes means what decoding it means, and does the same to the table.

use proptest::prelude::*;

use super::*;
use crate::h2::server::head::Verdict;
use crate::hpack::{Encoder, Error, Indexing};

const PATH: &str = "/prism.interfaces.keyvalue.KeyValueBasicInterface/Get";

/// Decodes as the connection does: by the memo if it can, else by the decoder, whose meaning is learned.
struct Remembering {
    memo: Memo,
    found: usize,
    list_bytes_max: usize,
}

impl Remembering {
    fn new(list_bytes_max: usize) -> Self {
        Self { memo: Memo::default(), found: 0, list_bytes_max }
    }

    fn decode(&mut self, block: &[u8], decoder: &mut Decoder, is_plain_only: bool) -> Result<Verdict, Error> {
        // What follows a block must not matter.
        let followed = [block, &[0xbe; 20]].concat();
        let found = if is_plain_only {
            self.memo.find_for(Way::Begun, &followed, block.len(), decoder, self.list_bytes_max).ok().copied()
        } else {
            self.memo.find(block, decoder, self.list_bytes_max)
        };
        if let Some(call) = found {
            assert!(call.is_plain || !is_plain_only);
            self.found += 1;
            return Ok(Verdict::Call(call));
        }
        let insertions = decoder.insertions();
        let mut request = RequestHead::new();
        decoder.read(block, self.list_bytes_max, &mut request)?;
        let verdict = request.verdict();
        if let Verdict::Call(call) = verdict {
            self.memo.learn(block, insertions, decoder, call);
        }
        Ok(verdict)
    }
}

/// The same without memo and notes.
fn decode(block: &[u8], decoder: &mut Decoder, list_bytes_max: usize) -> Result<Verdict, Error> {
    let mut request = RequestHead::new();
    decoder.decode(block, list_bytes_max, |name, value| request.take(name, value))?;
    Ok(request.verdict())
}

/// Every entry of the table.
fn entries(decoder: &Decoder) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut entries = Vec::new();
    for index in 0..0x80u8 {
        // One byte up to index 126, two beyond.
        let block = if index < 65 { vec![0xbe + index] } else { vec![0xff, index - 65] };
        let collect = |name: &[u8], value: &[u8]| entries.push((name.to_vec(), value.to_vec()));
        if decoder.clone().decode(&block, 10_000, collect).is_err() {
            break;
        }
    }
    entries
}

/// How a client spells a field, and whether it is another one each time.
#[derive(Debug, Clone, Copy)]
struct Habit {
    name: &'static str,
    values: &'static [&'static str],
    indexing: Indexing,
}

fn habits() -> impl Strategy<Value = Vec<Habit>> {
    let indexing =
        || prop_oneof![4 => Just(Indexing::Incremental), 1 => Just(Indexing::Without), 1 => Just(Indexing::Never)];
    let field = |name: &'static str, values: &'static [&'static str]| {
        indexing().prop_map(move |indexing| Habit { name, values, indexing })
    };
    let usual = (
        field(":method", &["POST"]),
        field(":scheme", &["http"]),
        field(":path", &[PATH, "/grpc.health.v1.Health/Check"]),
        field("content-type", &["application/grpc", "application/grpc+proto"]),
        field("te", &["trailers"]),
    );
    let other = prop_oneof![
        4 => field("grpc-timeout", &["1S", "999m", "998765u", "99999999n", "5S", "123456u", "0n", "1x", "999999999u"]),
        3 => field("x-trace-id", &["9e3779b97f4a7c15", "a", "", "bad\n", "1234567890abcdef1234567890"]),
        2 => field("authorization", &["Bearer 9f86d081884c7d659a2feaa0c55ad015", "Bearer b"]),
        1 => field("x-data-bin", &["AAEC", "////", "?"]),
        1 => field("user-agent", &["grpc-go/1.57.0", "x"]),
        1 => field("te", &["trailers", "x"]),
        1 => field("grpc-accept-encoding", &["gzip", "identity"]),
        1 => field("grpc-encoding", &["identity", "gzip", "x"]),
        1 => field("content-length", &["19", "20", "x"]),
        1 => field("connection", &["close"]),
        1 => field(":authority", &["localhost:8980", "127.0.0.1"]),
    ];
    (usual, prop::collection::vec(other, 0..5)).prop_map(|((a, b, c, d, e), others)| {
        let mut habits = vec![a, b, c, d, e];
        habits.extend(others);
        habits
    })
}

/// What varies from call to call.
#[derive(Debug, Clone)]
struct Call {
    /// Which value each field has: mostly the first.
    values: Vec<usize>,
    /// A byte of the block that is changed, and to what.
    damage: Option<(usize, u8)>,
    table_bytes: Option<usize>,
    is_plain_only: bool,
    /// Instead, an earlier block once more, that many before, as a client might that has lost count of its table: its
    /// indices as they were, or moved by what was inserted since.
    again: Option<(usize, bool)>,
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let call = (
        prop::collection::vec(prop_oneof![4 => Just(0usize), 1 => 0usize..9], 10),
        prop::option::weighted(0.05, (0usize..300, prop_oneof![any::<u8>(), 0xbeu8..=0xff, 0x3eu8..=0x42])),
        prop::option::weighted(0.03, prop_oneof![Just(4_096usize), Just(400), Just(150), Just(0)]),
        any::<bool>(),
        prop::option::weighted(0.1, (prop_oneof![0usize..3, 0usize..40], prop::bool::weighted(0.8))),
    );
    let call = call.prop_map(|(values, damage, table_bytes, is_plain_only, again)| Call {
        values,
        damage,
        table_bytes,
        is_plain_only,
        again,
    });
    prop::collection::vec(call, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_the_memo_says_is_what_decoding_says(
        habits in habits(),
        calls in calls(),
        list_bytes_max in prop_oneof![Just(1_000usize), 300usize..600],
        table_bytes_max in prop_oneof![Just(4_096usize), 200usize..700],
    ) {
        let mut encoder = Encoder::new();
        let mut sent: Vec<(Vec<u8>, u64)> = Vec::new();
        encoder.set_peer_table_bytes_max(table_bytes_max);
        let (mut decoder, mut plain) = (Decoder::new(4_096), Decoder::new(4_096));
        let mut remembering = Remembering::new(list_bytes_max);
        for call in calls {
            if let Some(bytes) = call.table_bytes {
                encoder.set_peer_table_bytes_max(bytes);
            }
            let mut block = Vec::new();
            for (habit, value) in habits.iter().zip(&call.values) {
                let value = habit.values[value % habit.values.len()];
                encoder.encode(habit.name.as_bytes(), value.as_bytes(), habit.indexing, &mut block);
            }
            if let Some((before, is_moved)) = call.again
                && let Some((earlier, insertions)) = sent.iter().rev().nth(before)
            {
                let moved = (plain.insertions() - insertions) as u8;
                block.clone_from(earlier);
                block.iter_mut().filter(|byte| is_moved && **byte >= 0xbe).for_each(|byte| {
                    *byte = byte.saturating_add(moved);
                });
            }
            sent.push((block.clone(), plain.insertions()));
            if let Some((at, byte)) = call.damage {
                let at = at % block.len();
                block[at] = byte;
            }
            let expected = decode(&block, &mut plain, list_bytes_max);
            let verdict = remembering.decode(&block, &mut decoder, call.is_plain_only);
            prop_assert_eq!(&verdict, &expected, "{:x?}", block);
            if matches!(expected, Err(Error::Malformed(_) | Error::Expansion)) {
                break;
            }
            prop_assert_eq!(decoder.table_bytes(), plain.table_bytes());
            prop_assert_eq!(decoder.insertions(), plain.insertions());
            prop_assert_eq!(entries(&decoder), entries(&plain));
        }
    }
}

/// Blocks of calls whose last fields are these, with a table as clients have it.
fn found_of(calls: usize, mut fields: impl FnMut(usize) -> Vec<(&'static str, String)>) -> usize {
    let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(4_096));
    let mut remembering = Remembering::new(1_000);
    for call in 0..calls {
        let mut block = Vec::new();
        let usual = [(":method", "POST"), (":scheme", "http"), (":path", PATH), ("content-type", "application/grpc")];
        for (name, value) in usual {
            encoder.encode(name.as_bytes(), value.as_bytes(), Indexing::Incremental, &mut block);
        }
        for (name, value) in fields(call) {
            encoder.encode(name.as_bytes(), value.as_bytes(), Indexing::Incremental, &mut block);
        }
        let verdict = remembering.decode(&block, &mut decoder, true);
        assert!(matches!(verdict, Ok(Verdict::Call(_))), "{verdict:?}");
    }
    remembering.found
}

#[test]
fn most_calls_of_a_steady_client_are_known() {
    assert_eq!(found_of(500, |_| Vec::new()), 498);
    let timeout = |call: usize| ("grpc-timeout", format!("{}u", 999_999 - call));
    let trace = |call: usize| ("x-trace-id", format!("{:032x}", call.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    let token = ("authorization", "Bearer 9f86d081884c7d659a2feaa0c55ad015".to_owned());
    assert!(found_of(500, |call| vec![timeout(call)]) > 430);
    assert!(found_of(500, |call| vec![token.clone(), trace(call)]) > 400);
    assert!(found_of(500, |call| vec![timeout(call), token.clone(), trace(call)]) > 350);
}

#[test]
fn the_memo_is_bounded() {
    let mut decoder = Decoder::new(4_096);
    let mut remembering = Remembering::new(1_000);
    let (mut encoder, mut long) = (Encoder::new(), Vec::new());
    for number in 0..100 {
        let mut block = Vec::new();
        for (name, value) in [(":method", "POST"), (":scheme", "http"), (":path", PATH)] {
            encoder.encode(name.as_bytes(), value.as_bytes(), Indexing::Incremental, &mut block);
        }
        let subtype = format!("application/grpc+{number}");
        encoder.encode(b"content-type", subtype.as_bytes(), Indexing::Without, &mut block);
        for _ in 0..2 {
            assert!(matches!(remembering.decode(&block, &mut decoder, false), Ok(Verdict::Call(_))));
        }
        long = block;
    }
    assert_eq!((remembering.memo.known.len(), remembering.found), (MEMO_BLOCKS_MAX, 99));
    remembering.memo.trim();
    assert_eq!(remembering.memo.known.capacity(), 0);
    (0..10).for_each(|_| encoder.encode(b"x", &[b'v'; 40], Indexing::Without, &mut long));
    assert!(long.len() > MEMO_BLOCK_BYTES_MAX);
    for _ in 0..2 {
        assert!(matches!(remembering.decode(&long, &mut decoder, false), Ok(Verdict::Call(_))));
    }
    assert_eq!(remembering.found, 99);
}

#[test]
fn an_entry_that_a_gap_evicts_is_not_taken_for_one_that_is_there() {
    // Room for three entries. `te` is the first, and every block names it behind a field that it inserts.
    let (mut decoder, mut plain) = (Decoder::new(150), Decoder::new(150));
    let mut remembering = Remembering::new(1_000);
    let mut usual = vec![0x83, 0x86, 0x04, PATH.len() as u8];
    usual.extend_from_slice(PATH.as_bytes());
    usual.extend_from_slice(b"\x0f\x10\x10application/grpc");
    let first = [&usual[..], b"\x40\x02te\x08trailers", b"\x40\x0ax-trace-id\x01a"].concat();
    let blocks = [first, [&usual[..], b"\x7e\x01b\xc0"].concat(), [&usual[..], b"\x7e\x01c\xc1"].concat()];
    for (number, block) in blocks.iter().enumerate() {
        let expected = decode(block, &mut plain, 1_000);
        assert_eq!(remembering.decode(block, &mut decoder, true), expected, "{number}");
        assert_eq!(matches!(expected, Ok(Verdict::Call(_))), number < 2, "{number}: {expected:?}");
    }
    // In the second block both fields stand in gaps.
    assert_eq!(remembering.found, 1);
}
