//! A page of a log as it is sent: one gRPC message after another, each with its prefix.

use prism_backends::Record;
use prism_backends::memstore::Records;
use prism_proto::h2::append_message;
use prism_proto::view::RecordView;

fn view(offset: u64, record: Record<'_>) -> RecordView<'_> {
    let Record { timestamp_ms, key, metadata, payload } = record;
    RecordView { offset, timestamp_ms, key, metadata, payload }
}

/// The records as messages of a topic.
pub(crate) fn write_messages(topic: &[u8], records: Records<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    for (offset, record) in records {
        let record = view(offset, record);
        append_message(&mut out, record.message_bytes(topic), |out| record.write_message(topic, out));
    }
    out
}

/// The records as those of a stream.
pub(crate) fn write_records(records: Records<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    for (offset, record) in records {
        let record = view(offset, record);
        append_message(&mut out, record.stream_record_bytes(), |out| record.write_stream_record(out));
    }
    out
}
