//! Batches against prost: alike on valid messages, on mutations of them, and on noise.

use super::*;
use crate::messages::prism::interfaces::keyvalue::*;
use proptest::prelude::*;
use prost::Message;

/// What prost makes of a request, as the view says it: namespace, and keys with values.
type Decoded = Option<(String, Vec<(String, Vec<u8>, i64, String)>)>;

fn by_prost(batch: Batch, bytes: &[u8]) -> Decoded {
    let keys = |keys: Vec<String>| keys.into_iter().map(|key| (key, Vec::new(), 0, String::new())).collect();
    match batch {
        Batch::Set => BatchSetRequest::decode(bytes).ok().map(|request| {
            let writes = request.requests.into_iter();
            let entries = writes.map(|set| (set.key, set.value, set.ttl_seconds, set.namespace)).collect();
            (request.namespace, entries)
        }),
        Batch::Get => BatchGetRequest::decode(bytes).ok().map(|request| (request.namespace, keys(request.keys))),
        Batch::Delete => BatchDeleteRequest::decode(bytes).ok().map(|request| (request.namespace, keys(request.keys))),
    }
}

fn by_view(batch: Batch, bytes: &[u8]) -> Decoded {
    let mut entries = Vec::new();
    let namespace = batch.decode(bytes, |set| {
        let text = |text: Text<'_>| text.as_str().to_owned();
        entries.push((text(set.key), set.value.to_vec(), set.ttl_seconds, text(set.namespace)));
    });
    namespace.ok().map(|namespace| (namespace.as_str().to_owned(), entries))
}

fn check(bytes: &[u8]) -> Result<(), TestCaseError> {
    for batch in [Batch::Set, Batch::Get, Batch::Delete] {
        let expected = by_prost(batch, bytes);
        prop_assert_eq!(&by_view(batch, bytes), &expected, "{:?} {:02x?}", batch, bytes);
        // Reading them again gives the same, and put together they are a request again.
        let Some((_, entries)) = expected else { continue };
        let again: Vec<_> = batch_entries(bytes).collect();
        let contents: Vec<String> = again
            .iter()
            .map(|entry| match batch {
                Batch::Set => SetView::decode(entry.content).map(|set| set.key.as_str().to_owned()).unwrap_or_default(),
                _ => String::from_utf8_lossy(entry.content).into_owned(),
            })
            .collect();
        prop_assert_eq!(&contents, &entries.iter().map(|entry| entry.0.clone()).collect::<Vec<_>>());
        let together: Vec<u8> = again.iter().flat_map(|entry| entry.raw.to_vec()).collect();
        prop_assert_eq!(by_view(batch, &together), Some((String::new(), entries)));
    }
    Ok(())
}

fn requests() -> impl Strategy<Value = Vec<u8>> {
    let namespace = prop_oneof![Just(String::new()), Just("other".to_owned())];
    let set = (".{0,20}", prop::collection::vec(any::<u8>(), 0..200), any::<i64>(), ".{0,3}").prop_map(
        |(key, value, ttl_seconds, namespace)| SetRequest { key, value, ttl_seconds, namespace, ..Default::default() },
    );
    prop_oneof![
        (prop::collection::vec(set, 0..5), namespace.clone()).prop_map(|(requests, namespace)| BatchSetRequest {
            requests,
            namespace
        }
        .encode_to_vec()),
        (prop::collection::vec(".{0,200}", 0..5), namespace).prop_map(|(keys, namespace)| BatchGetRequest {
            keys,
            namespace
        }
        .encode_to_vec()),
    ]
}

proptest! {
    #[test]
    fn requests_are_decoded_as_by_prost(bytes in requests()) {
        check(&bytes)?;
    }

    #[test]
    fn changed_requests_are_decoded_as_by_prost(
        bytes in requests(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = bytes;
        if !bytes.is_empty() {
            let at = at.index(bytes.len());
            bytes[at] = byte;
            bytes.truncate(cut.index(bytes.len() + 1).max(at + 1));
        }
        check(&bytes)?;
    }

    #[test]
    fn noise_is_decoded_as_by_prost(bytes in prop::collection::vec(prop_oneof![0u8..20, any::<u8>()], 0..40)) {
        check(&bytes)?;
    }
}

/// Unknown groups inside of an entry may nest one level less than in a message of their own.
#[test]
fn nesting_has_the_limit_of_prost() {
    for levels in 95..103 {
        let nested = [vec![0x43; levels], vec![0x44; levels]].concat();
        let mut wrapped = vec![0x0a];
        prost::encoding::encode_varint(nested.len() as u64, &mut wrapped);
        wrapped.extend(&nested);
        check(&nested).expect("the view and prost agree");
        check(&wrapped).expect("the view and prost agree");
    }
}

#[test]
fn errors_name_the_field() {
    let text = |bytes: &[u8]| Batch::Set.decode(bytes, |_| ()).expect_err("it is malformed").to_string();
    assert_eq!(text(b"\x0a\x05ab"), "BatchSetRequest.requests reaches beyond the end of the message");
    assert_eq!(text(b"\x0a\x03\x0a\x01\xff"), "SetRequest.key is not UTF-8");
    let error = Batch::Get.decode(b"\x0a\x01\xff", |_| ()).expect_err("it is malformed");
    assert_eq!(error.to_string(), "BatchGetRequest.keys is not UTF-8");
}

#[test]
fn responses_are_written_as_by_prost() {
    let error = "RESOURCE_EXHAUSTED: no room";
    for (values, found_count) in [(vec![], 0), (vec![Some(vec![]), None, Some(vec![7; 126]), Some(vec![7; 300])], 3)] {
        let mut out = Vec::new();
        for value in &values {
            let bytes = super::super::get_response_bytes(value.as_deref());
            let before = out.len();
            write_batch_result(bytes, &mut out, |out| super::super::write_get_response(value.as_deref(), out));
            assert_eq!(out.len() - before, batch_result_bytes(bytes));
        }
        let before = out.len();
        write_batch_summary(found_count, &mut out);
        assert_eq!(out.len() - before, batch_summary_bytes(found_count));
        let results = values.into_iter().map(|value| GetResponse {
            found: value.is_some(),
            value: value.unwrap_or_default(),
            error: String::new(),
        });
        let found_count = found_count as i32;
        assert_eq!(out, BatchGetResponse { results: results.collect(), found_count }.encode_to_vec());
    }
    let failed = |batch| {
        let mut out = Vec::new();
        write_batch_failure(batch, error, &mut out);
        assert_eq!(out.len(), batch_failure_bytes(error.len()));
        out
    };
    let error = error.to_owned();
    assert_eq!(failed(Batch::Set), SetResponse { success: false, error: error.clone() }.encode_to_vec());
    assert_eq!(failed(Batch::Get), GetResponse { error: error.clone(), ..Default::default() }.encode_to_vec());
    assert_eq!(failed(Batch::Delete), DeleteResponse { error, ..Default::default() }.encode_to_vec());
    let mut out = Vec::new();
    write_batch_summary(1, &mut out);
    assert_eq!(out, BatchSetResponse { results: vec![], all_success: true }.encode_to_vec());
}
