//! Views and writers against prost: alike on valid messages, on mutations of them, on odd fields and on plain noise.

use super::*;
use crate::messages::prism::common::Tags;
use crate::messages::prism::interfaces::keyvalue::*;
use crate::messages::prism::interfaces::list::{LengthRequest, PopLeftResponse, PushLeftRequest, PushLeftResponse};
use crate::status::{Code, Status};
use proptest::prelude::*;
use proptest::sample::Index;
use prost::Message;

/// Asserts that every view and prost agree on `bytes`.
fn check(bytes: &[u8]) -> Result<(), TestCaseError> {
    let expected = SetRequest::decode(bytes);
    let found = SetView::decode(bytes);
    prop_assert_eq!(found.is_ok(), expected.is_ok(), "Set of {:02x?}: {:?}, prost {:?}", bytes, found, expected);
    if let (Ok(expected), Ok(found)) = (expected, found) {
        prop_assert_eq!(found.key.as_str(), expected.key);
        prop_assert_eq!(found.value, expected.value);
        prop_assert_eq!(found.ttl_seconds, expected.ttl_seconds);
        prop_assert_eq!(found.namespace.as_str(), expected.namespace);
    }
    let expected = ExpireRequest::decode(bytes);
    let found = ExpireView::decode(bytes);
    prop_assert_eq!(found.is_ok(), expected.is_ok(), "Expire of {:02x?}: {:?}, prost {:?}", bytes, found, expected);
    if let (Ok(expected), Ok(found)) = (expected, found) {
        prop_assert_eq!(found.key.as_str(), expected.key);
        prop_assert_eq!(found.ttl_seconds, expected.ttl_seconds);
        prop_assert_eq!(found.namespace.as_str(), expected.namespace);
    }
    let expected = PushLeftRequest::decode(bytes);
    let found = PushView::decode(bytes);
    prop_assert_eq!(found.is_ok(), expected.is_ok(), "Push of {:02x?}: {:?}, prost {:?}", bytes, found, expected);
    if let (Ok(expected), Ok(found)) = (expected, found) {
        prop_assert_eq!(found.list_key.as_str(), expected.list_key);
        prop_assert_eq!(found.value, expected.value);
        prop_assert_eq!(found.namespace.as_str(), expected.namespace);
    }
    let expected = LengthRequest::decode(bytes);
    let found = ListView::decode(bytes);
    prop_assert_eq!(found.is_ok(), expected.is_ok(), "Length of {:02x?}: {:?}, prost {:?}", bytes, found, expected);
    if let (Ok(expected), Ok(found)) = (expected, found) {
        prop_assert_eq!(found.list_key.as_str(), expected.list_key);
        prop_assert_eq!(found.namespace.as_str(), expected.namespace);
    }
    macro_rules! keyed {
        ($($view:ident, $request:ident;)*) => { $(
            let expected = $request::decode(bytes);
            let found = $view::decode(bytes);
            prop_assert_eq!(found.is_ok(), expected.is_ok(), "{:02x?}: {:?}, prost {:?}", bytes, found, expected);
            if let (Ok(expected), Ok(found)) = (expected, found) {
                prop_assert_eq!(found.key.as_str(), expected.key);
                prop_assert_eq!(found.namespace.as_str(), expected.namespace);
            }
        )* };
    }
    keyed! {
        GetView, GetRequest; DeleteView, DeleteRequest; ExistsView, ExistsRequest;
        GetTtlView, GetTtlRequest; PersistView, PersistRequest;
    }
    Ok(())
}

fn set_requests() -> impl Strategy<Value = SetRequest> {
    let tags = prop::option::of(prop::collection::btree_map(".{0,5}", ".{0,5}", 0..3).prop_map(|tags| Tags { tags }));
    let ttl = prop_oneof![Just(0i64), Just(60), any::<i64>()];
    let value = prop::collection::vec(any::<u8>(), 0..300);
    (".{0,150}", value, tags, ttl, ".{0,10}").prop_map(|(key, value, tags, ttl_seconds, namespace)| SetRequest {
        key,
        value,
        tags,
        ttl_seconds,
        namespace,
    })
}

/// A field with a likely number, any wire type, and a payload that mostly fits it.
fn fields() -> impl Strategy<Value = Vec<u8>> {
    let number = prop_oneof![Just(0u64), 1u64..6, Just(15), Just(16), Just((1 << 29) - 1), Just(1 << 29)];
    let payload = prop_oneof![
        ".{0,4}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..6),
        set_requests().prop_map(|request| request.tags.unwrap_or_default().encode_to_vec()),
    ];
    let field = (number, 0u64..8, payload, any::<u64>(), any::<bool>());
    let field = field.prop_map(|(number, kind, payload, value, is_long)| {
        let mut out = Vec::new();
        prost::encoding::encode_varint(number << 3 | kind, &mut out);
        match kind {
            0 => prost::encoding::encode_varint(if is_long { value } else { value & 0xff }, &mut out),
            1 => out.extend_from_slice(&value.to_le_bytes()),
            2 => {
                prost::encoding::encode_varint(payload.len() as u64, &mut out);
                out.extend_from_slice(&payload);
            }
            5 => out.extend_from_slice(&value.to_le_bytes()[..4]),
            // A lone key, or one with what would be a length of nothing.
            _ if is_long => out.push(0),
            _ => {}
        }
        out
    });
    // A field alone, closed as a group, or wrapped as the tags, whose inside is checked too.
    (field, 0..8).prop_map(|(field, wrapping)| match wrapping {
        0 => [&[0x43], field.as_slice(), &[0x44]].concat(),
        1 if field.len() < 0x80 => [&[0x1a, field.len() as u8], field.as_slice()].concat(),
        2 if field.len() < 0x7e => [&[0x1a, field.len() as u8 + 2, 0x0a, field.len() as u8], field.as_slice()].concat(),
        _ => field,
    })
}

/// Bytes to put at places of a message.
fn edits() -> impl Strategy<Value = Vec<(Index, u8)>> {
    prop::collection::vec((any::<Index>(), any::<u8>()), 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn valid_messages(request in set_requests(), unknown in prop::option::of(fields())) {
        let mut bytes = request.encode_to_vec();
        let view = SetView::decode(&bytes).expect("prost writes valid messages");
        prop_assert_eq!(view.value, &request.value);
        bytes.extend(unknown.unwrap_or_default());
        check(&bytes)?;
    }

    #[test]
    fn mutated_messages(request in set_requests(), edits in edits(), cut in prop::option::of(any::<Index>())) {
        let mut bytes = request.encode_to_vec();
        for (at, byte) in edits {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len() + 1));
        }
        check(&bytes)?;
    }

    #[test]
    fn odd_fields(fields in prop::collection::vec(fields(), 0..5)) {
        check(&fields.concat())?;
    }

    #[test]
    fn noise(bytes in prop::collection::vec(prop_oneof![any::<u8>(), 0u8..0x30, Just(0x0a), Just(0x1a)], 0..24)) {
        check(&bytes)?;
    }

    #[test]
    fn requests_are_written_as_by_prost(mut request in set_requests()) {
        request.tags = None;
        let SetRequest { key, value, ttl_seconds, namespace, .. } = &request;
        let view = SetView { key: key.into(), value, ttl_seconds: *ttl_seconds, namespace: namespace.into() };
        let mut out = Vec::new();
        view.write(&mut out);
        prop_assert_eq!(&out, &request.encode_to_vec());
        prop_assert_eq!(view.encoded_bytes(), out.len());

        let view = PushView { list_key: key.into(), value, namespace: namespace.into() };
        let mut out = Vec::new();
        view.write(&mut out);
        let expected = PushLeftRequest { list_key: key.clone(), value: value.clone(), namespace: namespace.clone() };
        prop_assert_eq!(&out, &expected.encode_to_vec());
        prop_assert_eq!(view.encoded_bytes(), out.len());

        let view = ExpireView { key: key.into(), ttl_seconds: *ttl_seconds, namespace: namespace.into() };
        let mut out = Vec::new();
        view.write(&mut out);
        let expected = ExpireRequest { key: key.clone(), ttl_seconds: *ttl_seconds, namespace: namespace.clone() };
        prop_assert_eq!(&out, &expected.encode_to_vec());
        prop_assert_eq!(view.encoded_bytes(), out.len());

        macro_rules! keyed {
            ($($view:ident, $request:ident;)*) => { $(
                let view = $view { key: key.into(), namespace: namespace.into() };
                let mut out = Vec::new();
                view.write(&mut out);
                let expected = $request { key: key.clone(), namespace: namespace.clone() }.encode_to_vec();
                prop_assert_eq!(&out, &expected);
                prop_assert_eq!(view.encoded_bytes(), out.len());
            )* };
        }
        keyed! {
        GetView, GetRequest; DeleteView, DeleteRequest; ExistsView, ExistsRequest;
        GetTtlView, GetTtlRequest; PersistView, PersistRequest;
    }
    }

    #[test]
    fn get_responses_are_written_as_by_prost(value in prop::option::of(prop::collection::vec(any::<u8>(), 0..300))) {
        let mut out = Vec::new();
        write_get_response(value.as_deref(), &mut out);
        prop_assert_eq!(out.len(), get_response_bytes(value.as_deref()));
        let mut popped = Vec::new();
        write_pop_response(value.as_deref(), &mut popped);
        prop_assert_eq!(popped.len(), pop_response_bytes(value.as_deref()));
        let found = value.is_some();
        let expected = PopLeftResponse { value: value.clone().unwrap_or_default(), found };
        prop_assert_eq!(popped, expected.encode_to_vec());
        let expected = GetResponse { found, value: value.unwrap_or_default(), error: String::new() };
        prop_assert_eq!(out, expected.encode_to_vec());
    }
}

#[test]
fn get_responses_with_long_values_are_written_as_by_prost() {
    for length in [127, 128, 16_383, 16_384, 2_097_151, 2_097_152] {
        let value = vec![7; length];
        let mut out = Vec::new();
        write_get_response(Some(&value), &mut out);
        assert_eq!(out.len(), get_response_bytes(Some(&value)));
        assert_eq!(out, GetResponse { found: true, value, error: String::new() }.encode_to_vec());
    }
}

#[test]
fn short_responses_are_written_as_by_prost() {
    let written = |write: &dyn Fn(&mut Vec<u8>)| {
        let mut out = Vec::new();
        write(&mut out);
        out
    };
    let error = String::new();
    let out = written(&write_set_response);
    assert_eq!(out, SetResponse { success: true, error: error.clone() }.encode_to_vec());
    assert_eq!(out.len(), set_response_bytes());
    for flag in [false, true] {
        let out = written(&|out| write_delete_response(flag, out));
        assert_eq!(out, DeleteResponse { success: true, error: error.clone(), found: flag }.encode_to_vec());
        assert_eq!(out.len(), delete_response_bytes(flag));
        let out = written(&|out| write_exists_response(flag, out));
        assert_eq!(out, ExistsResponse { exists: flag, error: error.clone() }.encode_to_vec());
        assert_eq!(out.len(), exists_response_bytes(flag));
        let out = written(&|out| write_delete_response(flag, out));
        assert_eq!(out, ExpireResponse { success: true, error: error.clone(), key_existed: flag }.encode_to_vec());
        let persisted = PersistResponse { success: true, error: error.clone(), expiration_removed: flag };
        assert_eq!(out, persisted.encode_to_vec());
    }
    for ttl_seconds in [-2, -1, 0, 1, 127, 128, i64::MAX] {
        let out = written(&|out| write_number_response(ttl_seconds, out));
        assert_eq!(out, GetTtlResponse { ttl_seconds, error: error.clone() }.encode_to_vec());
        assert_eq!(out.len(), number_response_bytes(ttl_seconds));
        assert_eq!(out, PushLeftResponse { new_length: ttl_seconds }.encode_to_vec());
    }
}

#[test]
fn scan_responses_are_written_as_by_prost() {
    for (key, value, cursor) in [("k", &b""[..], &b"c"[..]), ("key", &[7; 300], &[9; 1_100]), ("schlüssel", b"v", b"")]
    {
        let mut out = Vec::new();
        write_scan_response(key.as_bytes(), value, cursor, &mut out);
        let expected = ScanResponse { key: key.to_owned(), value: value.to_vec(), cursor: cursor.to_vec() };
        assert_eq!(out, expected.encode_to_vec());
        assert_eq!(out.len(), scan_response_bytes(key.len(), value.len(), cursor.len()));
        out.clear();
        write_scan_keys_response(key.as_bytes(), cursor, &mut out);
        assert_eq!(out, ScanKeysResponse { key: key.to_owned(), cursor: cursor.to_vec() }.encode_to_vec());
        assert_eq!(out.len(), scan_keys_response_bytes(key.len(), cursor.len()));
    }
}

#[test]
fn nesting_has_the_limit_of_prost() {
    let nested = |levels: usize| [vec![0x43; levels], vec![0x44; levels]].concat();
    let wrap = |key: u8, inner: Vec<u8>| {
        let mut out = vec![key];
        prost::encoding::encode_varint(inner.len() as u64, &mut out);
        [out, inner].concat()
    };
    for levels in 96..104 {
        let bare = nested(levels);
        assert_eq!(GetView::decode(&bare).is_ok(), levels <= 100);
        let in_group = [&[0x43], [0x08, 0x01].as_slice(), &[0x44]].concat();
        for bytes in [bare.clone(), in_group, wrap(0x1a, bare.clone()), wrap(0x1a, wrap(0x0a, bare))] {
            check(&bytes).expect("views and prost agree");
        }
    }
}

#[test]
fn the_last_of_several_wins() {
    let view = GetView::decode(b"\x0a\x01a\x7a\x01n\x0a\x01b").expect("a valid message");
    assert_eq!(view, GetView { key: "b".into(), namespace: "n".into() });
    // A bad one before it is an error all the same.
    assert!(GetView::decode(b"\x0a\x01\xff\x0a\x01b").is_err());
}

#[test]
fn errors_name_the_field() {
    let text = |bytes: &[u8]| SetView::decode(bytes).expect_err("a malformed message").to_string();
    assert_eq!(text(b"\x0a\x02\xc3\x28"), "SetRequest.key is not UTF-8");
    assert_eq!(text(b"\x12\x05ab"), "SetRequest.value reaches beyond the end of the message");
    assert_eq!(text(b"\x22\x00"), "SetRequest.ttl_seconds has a wire type that does not fit its type");
    assert_eq!(text(b"\x1a\x02\x0a\x05"), "SetRequest.tags reaches beyond the end of the message");
    assert_eq!(text(b"\x32\x05ab"), "SetRequest: unknown field 6 reaches beyond the end of the message");
    assert_eq!(text(b"\x0a\x01a\x00"), "SetRequest has a field key that is not valid");
    assert_eq!(text(b"\x0a\x01a\x80"), "SetRequest reaches beyond the end of the message");

    let ours = Status::from(GetView::decode(b"\x08\x01").expect_err("a wrong wire type"));
    assert_eq!(ours.code, Code::InvalidArgument);
    assert_eq!(ours.message, "malformed request: GetRequest.key has a wire type that does not fit its type");
    let theirs = Status::from(ScanRequest::decode(&b"\x0a\x02\xc3\x28"[..]).expect_err("a bad string"));
    assert_eq!(theirs.code, Code::InvalidArgument);
    assert!(theirs.message.starts_with("malformed request: ScanRequest.prefix: "), "{}", theirs.message);
}
