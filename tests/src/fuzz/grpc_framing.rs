//! gRPC's framing on a server connection: messages, compressed or not, good and bad, cut anywhere, against a plain
//! reading of the whole request.

use std::io::{Read, Write};

use prism_proto::frame::{self, Head, PREFACE, flag, kind};
use prism_proto::grpc::Prefix;
use prism_proto::h2::Event;
use prism_proto::h2::server::{Config, Connection};
use prism_proto::hpack::{Encoder, Indexing};
use prism_proto::limits::Limits;

use super::answers::Answers;
use super::choices::Choices;

/// What all streams' windows take without a grant.
const BODY_BYTES_MAX: usize = 8 << 10;
const INTERNAL: &str = "13";
/// Not one message, where one is needed.
const UNIMPLEMENTED: &str = "12";
const RESOURCE_EXHAUSTED: &str = "8";
/// Either of both.
const EITHER: &str = "8 or 13";

/// What became of a request: the messages that were delivered, and the status if it failed.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    messages: Vec<Vec<u8>>,
    status: Option<String>,
}

/// The input is a method and an encoding, messages, and where they are cut.
pub fn run(data: &[u8]) {
    let mut choices = Choices::new(data);
    let options = choices.byte();
    let (is_streaming, is_gzip) = (options & 1 != 0, options & 2 != 0);
    let message_bytes_max = [10, 300, 5_000][choices.below(3)];
    let limits = Limits { message_bytes_max, ..Limits::DEFAULT };
    let (body, is_spoiled) = body(&mut choices);
    let mut expected = if is_streaming {
        read_stream(&body, is_gzip, message_bytes_max)
    } else {
        read_unary(&body, is_gzip, message_bytes_max)
    };
    let mut outcome = received(&mut choices, &limits, is_streaming, is_gzip, &body);
    let has_failed = matches!(outcome.status.as_deref(), Some(INTERNAL | RESOURCE_EXHAUSTED));
    // flate2 lets a distance pass that goes back beyond the beginning, where it finds zeros.
    if is_spoiled && is_gzip && outcome.status.as_deref() == Some(INTERNAL) {
        expected.messages.truncate(outcome.messages.len());
        (outcome.status, expected.status) = (None, None);
    }
    if expected.status.as_deref() == Some(EITHER) && has_failed {
        (outcome.status, expected.status) = (None, None);
    }
    assert_eq!(outcome, expected);
}

/// Messages with their prefixes, and whether the content of any was spoiled.
fn body(choices: &mut Choices<'_>) -> (Vec<u8>, bool) {
    let (mut body, mut is_spoiled) = (Vec::new(), false);
    for _ in 0..choices.below(5) {
        let length = choices.length() % 600;
        let mut content = choices.take(length).to_vec();
        let times = [1, 1, 1, 40][choices.below(4)];
        content = content.repeat(times);
        let kind = choices.byte();
        let compressed = kind & 1 != 0;
        if compressed {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(u32::from(kind >> 5)));
            encoder.write_all(&content).expect("a Vec grows");
            content = encoder.finish().expect("a Vec grows");
        }
        let at = choices.below(256);
        is_spoiled |= matches!(kind >> 1 & 7, 1..=3);
        match kind >> 1 & 7 {
            1 if !content.is_empty() => {
                let at = at % content.len();
                content[at] ^= 1 << (choices.byte() & 7);
            }
            2 => content.truncate(at),
            3 => content.extend_from_slice(choices.take(at)),
            _ => {}
        }
        let mut prefix = Prefix { compressed, length: content.len() as u32 }.to_bytes();
        match choices.byte() {
            flag @ 2..8 => prefix[0] = flag,
            8..12 => {
                prefix[usize::from(choices.byte()) % 5] ^= choices.byte();
                is_spoiled = true;
            }
            12..16 => {
                content.clear();
                is_spoiled = true;
            }
            _ => {}
        }
        body.extend_from_slice(&prefix);
        body.extend_from_slice(&content);
    }
    body.truncate(BODY_BYTES_MAX);
    (body, is_spoiled)
}

/// A message's content, what follows it, and the status that its prefix fails with.
type Cut<'b> = Result<Option<(bool, &'b [u8], &'b [u8])>, &'static str>;

fn cut(body: &[u8], is_gzip: bool, message_bytes_max: usize) -> Cut<'_> {
    let Some((&[flag, a, b, c, d], rest)) = body.split_first_chunk::<5>() else { return Ok(None) };
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    if flag > 1 || (flag == 1 && !is_gzip) {
        return Err(INTERNAL);
    }
    if length > message_bytes_max {
        return Err(RESOURCE_EXHAUSTED);
    }
    Ok(rest.split_at_checked(length).map(|(content, rest)| (flag == 1, content, rest)))
}

fn plain(is_compressed: bool, content: &[u8], message_bytes_max: usize) -> Result<Vec<u8>, &'static str> {
    if !is_compressed {
        return Ok(content.to_vec());
    }
    let mut decoder = flate2::bufread::GzDecoder::new(content);
    let mut out = Vec::new();
    let read = decoder.read_to_end(&mut out);
    match read.is_ok() && decoder.into_inner().is_empty() {
        true if out.len() > message_bytes_max => Err(RESOURCE_EXHAUSTED),
        true => Ok(out),
        // It may be found to be too long before it is found to be corrupt.
        false => Err(EITHER),
    }
}

fn read_unary(body: &[u8], is_gzip: bool, message_bytes_max: usize) -> Outcome {
    let message = match cut(body, is_gzip, message_bytes_max) {
        Ok(Some((is_compressed, content, []))) => plain(is_compressed, content, message_bytes_max),
        Ok(Some(_)) => Err(UNIMPLEMENTED),
        Ok(None) if body.is_empty() => Err(UNIMPLEMENTED),
        Ok(None) => Err(INTERNAL),
        Err(status) => Err(status),
    };
    match message {
        Ok(message) => Outcome { messages: vec![message], status: None },
        Err(status) => Outcome { messages: Vec::new(), status: Some(status.to_owned()) },
    }
}

fn read_stream(body: &[u8], is_gzip: bool, message_bytes_max: usize) -> Outcome {
    let (mut outcome, mut rest) = (Outcome::default(), body);
    while !rest.is_empty() {
        let message = match cut(rest, is_gzip, message_bytes_max) {
            Ok(Some((is_compressed, content, behind))) => {
                rest = behind;
                plain(is_compressed, content, message_bytes_max)
            }
            Ok(None) => Err(INTERNAL),
            Err(status) => Err(status),
        };
        match message {
            Ok(message) => outcome.messages.push(message),
            Err(status) => {
                outcome.status = Some(status.to_owned());
                break;
            }
        }
    }
    outcome
}

/// The same by the engine.
fn received(choices: &mut Choices<'_>, limits: &Limits, is_streaming: bool, is_gzip: bool, body: &[u8]) -> Outcome {
    let mut connection = Connection::new(&Config { limits: *limits }, 0);
    let bytes = conversation(choices, is_streaming, is_gzip, body);
    let (mut outcome, mut calls, mut answers) = (Outcome::default(), 0, Answers::new());
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        let (part, behind) = rest.split_at(match choices.byte() {
            0 => rest.len(),
            count => usize::from(count).min(rest.len()),
        });
        rest = behind;
        answers.granted.sent(part);
        // A turn may be short, and what is left over goes on in the next.
        let effort = usize::from(choices.byte()) + 1;
        let mut bytes = part;
        loop {
            connection.set_effort(effort);
            let input = connection.begin(bytes);
            while let Some(event) = connection.poll(&input, 0) {
                match event {
                    Event::Unary(call) => {
                        assert!(!is_streaming);
                        calls += 1;
                        outcome.messages.push(call.message.into_owned());
                    }
                    Event::Opened { .. } => calls += 1,
                    Event::Message { message, .. } => outcome.messages.push(message.into_owned()),
                    Event::HalfClosed { .. } | Event::Reset { .. } => calls -= 1,
                    Event::Writable { .. } => panic!("nothing was sent"),
                }
            }
            connection.end(input);
            bytes = &[];
            if !connection.has_more() {
                break;
            }
        }
    }
    answers.read(connection.output());
    outcome.status = answers.streams.get(&1).and_then(|answer| answer.status.clone());
    let is_told = if is_streaming { calls == 0 } else { calls == i32::from(outcome.status.is_none()) };
    assert!(is_told, "{calls} calls: {outcome:?}");
    let is_open = outcome.status.is_none();
    assert_eq!(connection.open_calls(), usize::from(is_open));
    connection.output().clear();
    assert_eq!(connection.held_bytes(), 0, "nothing of a delivered or failed request is held");
    outcome
}

fn conversation(choices: &mut Choices<'_>, is_streaming: bool, is_gzip: bool, body: &[u8]) -> Vec<u8> {
    let mut bytes = PREFACE.to_vec();
    frame::write_settings(&[], &mut bytes);
    frame::write_settings_ack(&mut bytes);
    let path = if is_streaming {
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
    } else {
        "/prism.interfaces.keyvalue.KeyValueBasicInterface/Get"
    };
    let head = [(":method", "POST"), (":scheme", "http"), (":path", path), ("content-type", "application/grpc")];
    let mut block = Vec::new();
    let mut encoder = Encoder::new();
    let encoding = if is_gzip { "gzip" } else { "identity" };
    for (name, value) in head.into_iter().chain([("grpc-encoding", encoding)]) {
        encoder.encode(name.as_bytes(), value.as_bytes(), Indexing::Incremental, &mut block);
    }
    frame::write_header_block(1, false, &block, 16_384, &mut bytes);
    let mut rest = body;
    loop {
        let (part, behind) = rest.split_at(match choices.byte() {
            0 => rest.len(),
            count => usize::from(count).min(rest.len()),
        });
        // The end comes with the last frame or in one of its own.
        let is_last = behind.is_empty() && (part.is_empty() || choices.byte() & 1 == 0);
        let flags = if is_last { flag::END_STREAM } else { 0 };
        Head { length: part.len() as u32, kind: kind::DATA, flags, stream: 1 }.write(&mut bytes);
        bytes.extend_from_slice(part);
        if is_last {
            return bytes;
        }
        rest = behind;
    }
}
