//! Requests and the messages of records against prost.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::Index;
use prost::Message as _;

use super::AppendView;
use crate::messages::prism::interfaces::pubsub::{Message, PublishRequest, PublishResponse};
use crate::messages::prism::interfaces::stream::{AppendRequest, AppendResponse, StreamRecord};
use crate::view::{
    MessageId, RecordView, append_response_bytes, publish_response_bytes, write_append_response, write_publish_response,
};

fn metadata_of(entries: &[u8]) -> BTreeMap<String, String> {
    PublishRequest::decode(entries).expect("entries are fields of a request").metadata
}

/// Asserts that views and prost agree on `bytes`.
fn check(bytes: &[u8]) -> Result<(), TestCaseError> {
    let (found, expected) = (AppendView::decode_publish(bytes), PublishRequest::decode(bytes));
    prop_assert_eq!(found.is_ok(), expected.is_ok(), "{:02x?}: {:?}, prost {:?}", bytes, found, expected);
    prop_assert_eq!(AppendView::decode_append(bytes).is_ok(), AppendRequest::decode(bytes).is_ok());
    if let (Ok(found), Ok(expected)) = (found, expected) {
        prop_assert_eq!(found.name.as_str(), expected.topic);
        prop_assert_eq!(found.payload, expected.payload);
        prop_assert_eq!(found.key.as_str(), expected.key);
        prop_assert_eq!(found.namespace.as_str(), expected.namespace);
        prop_assert_eq!(metadata_of(&found.metadata), expected.metadata);
    }
    Ok(())
}

fn requests() -> impl Strategy<Value = PublishRequest> {
    let metadata = prop::collection::btree_map(".{0,5}", prop_oneof![".{0,5}", ".{120,140}"], 0..4);
    let payload = prop::collection::vec(any::<u8>(), 0..300);
    (".{0,20}", payload, metadata, ".{0,10}", ".{0,10}").prop_map(|(topic, payload, metadata, key, namespace)| {
        PublishRequest { topic, payload, metadata, key, namespace }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn requests_are_decoded_and_written_as_by_prost(request in requests()) {
        let bytes = request.encode_to_vec();
        check(&bytes)?;
        let view = AppendView::decode_publish(&bytes).expect("prost writes valid messages");
        prop_assert_eq!(view.encoded_bytes(), bytes.len());
        let mut out = Vec::new();
        view.write(&mut out);
        prop_assert_eq!(out, bytes);
    }

    #[test]
    fn entries_that_lie_apart_are_gathered(first in requests(), second in requests()) {
        let bytes = [first.encode_to_vec(), second.encode_to_vec()].concat();
        check(&bytes)?;
        let view = AppendView::decode_append(&bytes).expect("one message after another is one");
        let entries = PublishRequest { metadata: first.metadata, ..Default::default() }.encoded_len()
            + PublishRequest { metadata: second.metadata, ..Default::default() }.encoded_len();
        prop_assert_eq!(view.metadata.len(), entries);
    }

    #[test]
    fn mutated_messages(request in requests(), edits in prop::collection::vec((any::<Index>(), any::<u8>()), 1..4)) {
        let mut bytes = request.encode_to_vec();
        for (at, byte) in edits {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
        }
        check(&bytes)?;
    }

    #[test]
    fn records_are_written_as_by_prost(
        request in requests(),
        offset in prop_oneof![0u64..300, 0..i64::MAX as u64],
        timestamp_ms in prop_oneof![Just(0u64), 0..1u64 << 48],
    ) {
        let bytes = request.encode_to_vec();
        let view = AppendView::decode_append(&bytes).expect("prost writes valid messages");
        let PublishRequest { topic, payload, metadata, key, .. } = request;
        let record = RecordView {
            offset,
            timestamp_ms,
            key: view.key.as_bytes(),
            metadata: &view.metadata,
            payload: view.payload,
        };
        let id = format!("0-{offset}");
        let timestamp = timestamp_ms as i64;

        let message = Message {
            topic: topic.clone(),
            payload: payload.clone(),
            metadata: metadata.clone(),
            message_id: id.clone(),
            timestamp,
        };
        let mut out = Vec::new();
        record.write_message(topic.as_bytes(), &mut out);
        prop_assert_eq!(out.len(), record.message_bytes(topic.as_bytes()));
        prop_assert_eq!(Message::decode(&out[..]).expect("a message"), message.clone());
        prop_assert_eq!(out, message.encode_to_vec());

        let (next_offset, offset) = (offset as i64 + 1, offset as i64);
        let stream_record = StreamRecord { offset, partition: 0, payload, metadata, key, timestamp, next_offset };
        let mut out = Vec::new();
        record.write_stream_record(&mut out);
        prop_assert_eq!(out.len(), record.stream_record_bytes());
        prop_assert_eq!(out, stream_record.encode_to_vec());

        let mut out = Vec::new();
        write_publish_response(&MessageId::new(record.offset), &mut out);
        prop_assert_eq!(out.len(), publish_response_bytes(&MessageId::new(record.offset)));
        prop_assert_eq!(out, PublishResponse { success: true, message_id: id, error: String::new() }.encode_to_vec());

        let mut out = Vec::new();
        write_append_response(record.offset, timestamp_ms, &mut out);
        prop_assert_eq!(out.len(), append_response_bytes(record.offset, timestamp_ms));
        prop_assert_eq!(out, AppendResponse { offset, partition: 0, timestamp }.encode_to_vec());
    }
}

#[test]
fn an_id_names_the_largest_offset() {
    assert_eq!(MessageId::new(u64::MAX).as_bytes(), b"0-18446744073709551615");
    assert_eq!(MessageId::new(0).as_bytes(), b"0-0");
}

#[test]
fn errors_name_the_field() {
    let text = |bytes: &[u8]| AppendView::decode_publish(bytes).expect_err("malformed").to_string();
    assert_eq!(text(b"\x0a\x02\xc3\x28"), "PublishRequest.topic is not UTF-8");
    assert_eq!(text(b"\x1a\x03\x0a\x01\xff"), "PublishRequest.metadata is not UTF-8");
    let text = |bytes: &[u8]| AppendView::decode_append(bytes).expect_err("malformed").to_string();
    assert_eq!(text(b"\x0a\x02\xc3\x28"), "AppendRequest.stream is not UTF-8");
}
