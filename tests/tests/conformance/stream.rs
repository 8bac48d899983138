//! StreamBasicInterface.

use prism_tests::messages::prism::interfaces::stream::{
    AppendRequest, AppendResponse, GetLatestOffsetRequest, ReadRequest, StreamRecord, TrimRequest,
};
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

use crate::pubsub::publish;
use crate::stand::{Stand, Stream, assert_fails};

async fn append(client: &mut Stream, stream: &str, payload: &[u8]) -> AppendResponse {
    let request = AppendRequest { stream: stream.into(), payload: payload.into(), ..Default::default() };
    client.append(request).await.unwrap().into_inner()
}

fn read_from(stream: &str, offset: i64) -> ReadRequest {
    ReadRequest { stream: stream.into(), offset, ..Default::default() }
}

/// All records of a Read that ends by itself, and its trailing metadata.
async fn try_read(client: &mut Stream, request: ReadRequest) -> Result<(Vec<StreamRecord>, MetadataMap), Status> {
    let mut stream = client.read(request).await?.into_inner();
    let mut records = Vec::new();
    while let Some(record) = stream.message().await? {
        records.push(record);
    }
    let trailers = stream.trailers().await?.expect("a stream that ends well has trailers");
    Ok((records, trailers))
}

async fn read(client: &mut Stream, request: ReadRequest) -> (Vec<StreamRecord>, i64) {
    let (records, trailers) = try_read(client, request).await.unwrap();
    let next = trailers.get("prism-next-offset").expect("it says where to go on").to_str().unwrap().parse().unwrap();
    (records, next)
}

/// The earliest and the latest offset.
async fn bounds(client: &mut Stream, stream: &str) -> (i64, i64) {
    let request = GetLatestOffsetRequest { stream: stream.into(), ..Default::default() };
    let response = client.get_latest_offset(request).await.unwrap().into_inner();
    assert_eq!(response.partitions, 1);
    (response.earliest_offset, response.latest_offset)
}

async fn trim(client: &mut Stream, stream: &str, before_offset: i64) -> Result<i64, Status> {
    let request = TrimRequest { stream: stream.into(), before_offset, ..Default::default() };
    Ok(client.trim(request).await?.into_inner().low_watermark)
}

fn payloads(records: &[StreamRecord]) -> Vec<&[u8]> {
    records.iter().map(|record| &record.payload[..]).collect()
}

pub(crate) async fn what_is_appended_is_read_in_order(stand: &Stand) {
    let (mut writer, mut reader) = (stand.stream().await, stand.stream().await);
    let name = stand.name("stream");
    assert_eq!(bounds(&mut reader, &name).await, (0, 0));
    let (mut appended, random) = (Vec::new(), prism_tests::Random::seeded());
    for number in 0..300u64 {
        let payload = random.fork(number).bytes([0, 1, 64, 1_000, 20_000][number as usize % 5]);
        let request = AppendRequest {
            stream: name.clone(),
            payload: payload.clone(),
            metadata: [("number".to_owned(), number.to_string())].into(),
            key: if number % 2 == 0 { String::new() } else { format!("key-{number}") },
            ..Default::default()
        };
        let response = writer.append(request.clone()).await.unwrap().into_inner();
        assert_eq!((response.offset, response.partition), (number as i64, 0));
        appended.push((request, response));
    }
    assert_eq!(bounds(&mut reader, &name).await, (0, 300));
    let (records, next) = read(&mut reader, read_from(&name, -2)).await;
    assert_eq!((records.len(), next), (300, 300));
    for ((request, response), record) in appended.iter().zip(&records) {
        assert_eq!((record.offset, record.partition), (response.offset, 0));
        assert_eq!((record.timestamp, record.next_offset), (response.timestamp, response.offset + 1));
        assert_eq!((&record.key, &record.metadata), (&request.key, &request.metadata));
        assert!(record.payload == request.payload, "the payload of {}", record.offset);
    }
}

pub(crate) async fn a_read_ends_at_the_end_and_says_where_to_go_on(stand: &Stand) {
    let mut client = stand.stream().await;
    let name = stand.name("stream");
    assert_eq!(read(&mut client, read_from(&name, 0)).await, (vec![], 0), "an absent stream is empty");
    assert_eq!(read(&mut client, read_from(&name, -2)).await, (vec![], 0));
    for payload in [b"a", b"b", b"c", b"d"] {
        append(&mut client, &name, payload).await;
    }
    let (records, next) = read(&mut client, read_from(&name, 2)).await;
    assert_eq!((payloads(&records), next), (vec![&b"c"[..], b"d"], 4));
    assert_eq!(read(&mut client, read_from(&name, 4)).await, (vec![], 4));
    assert_eq!(read(&mut client, read_from(&name, -1)).await, (vec![], 4));
    let limited = ReadRequest { limit: 3, ..read_from(&name, 0) };
    let (records, next) = read(&mut client, limited).await;
    assert_eq!((payloads(&records), next), (vec![&b"a"[..], b"b", b"c"], 3));
    let waiting = ReadRequest { wait_ms: 30, ..read_from(&name, 3) };
    let (records, next) = read(&mut client, waiting).await;
    assert_eq!((payloads(&records), next), (vec![&b"d"[..]], 4), "silence ends it");
}

pub(crate) async fn a_long_poll_wakes_when_something_is_appended(stand: &Stand) {
    let (mut writer, mut reader) = (stand.stream().await, stand.stream().await);
    let name = stand.name("stream");
    append(&mut writer, &name, b"before").await;
    let request = ReadRequest { wait_ms: 60_000, limit: 3, ..read_from(&name, -1) };
    let mut stream = reader.read(request).await.unwrap().into_inner();
    for payload in [b"1", b"2", b"3"] {
        append(&mut writer, &name, payload).await;
        let record = stream.message().await.unwrap().unwrap();
        assert_eq!(record.payload, payload, "-1 begins with what comes after the call");
    }
    assert_eq!(stream.message().await.unwrap(), None, "the limit ends it");
    let trailers = stream.trailers().await.unwrap().unwrap();
    assert_eq!(trailers.get("prism-next-offset").unwrap(), "4");
}

pub(crate) async fn a_trim_cuts_exactly(stand: &Stand) {
    let mut client = stand.stream().await;
    let name = stand.name("stream");
    for number in 0..100 {
        append(&mut client, &name, format!("{number}").as_bytes()).await;
    }
    assert_eq!(trim(&mut client, &name, 37).await.unwrap(), 37);
    assert_eq!(bounds(&mut client, &name).await, (37, 100));
    let (records, _) = read(&mut client, read_from(&name, -2)).await;
    assert_eq!((records[0].offset, records.len()), (37, 63));
    assert_eq!(trim(&mut client, &name, 10).await.unwrap(), 37, "the higher mark stays");
    assert_fails(trim(&mut client, &name, 101).await, Code::OutOfRange, &["100"]);
    assert_eq!(trim(&mut client, &name, -1).await.unwrap(), 100);
    assert_eq!(bounds(&mut client, &name).await, (100, 100));
    assert_eq!(append(&mut client, &name, b"next").await.offset, 100, "offsets are never used again");
    assert_fails(trim(&mut client, &name, -2).await, Code::InvalidArgument, &["before_offset"]);
}

pub(crate) async fn reads_out_of_range_name_the_nearest_offset(stand: &Stand) {
    let mut client = stand.stream().await;
    let name = stand.name("stream");
    for _ in 0..20 {
        append(&mut client, &name, b"record").await;
    }
    trim(&mut client, &name, 12).await.unwrap();
    assert_fails(try_read(&mut client, read_from(&name, 11)).await, Code::OutOfRange, &["12"]);
    assert_fails(try_read(&mut client, read_from(&name, 21)).await, Code::OutOfRange, &["20"]);
    assert_fails(try_read(&mut client, read_from(&name, i64::MAX)).await, Code::OutOfRange, &["20"]);
}

pub(crate) async fn a_topic_and_a_stream_of_one_name_are_one_log(stand: &Stand) {
    let (mut topics, mut client) = (stand.pubsub().await, stand.stream().await);
    let name = stand.name("log");
    assert_eq!(publish(&mut topics, &name, b"published").await, "0-0");
    assert_eq!(append(&mut client, &name, b"appended").await.offset, 1);
    let (records, _) = read(&mut client, read_from(&name, 0)).await;
    assert_eq!(payloads(&records), [&b"published"[..], b"appended"]);
}

pub(crate) async fn bad_arguments_are_named(stand: &Stand) {
    let mut client = stand.stream().await;
    let (too_long, name) = ("s".repeat(1_025), stand.name("stream"));
    for stream in ["", &too_long] {
        let request = AppendRequest { stream: stream.into(), ..Default::default() };
        assert_fails(client.append(request).await, Code::InvalidArgument, &["stream"]);
        assert_fails(try_read(&mut client, read_from(stream, 0)).await, Code::InvalidArgument, &["stream"]);
        assert_fails(trim(&mut client, stream, 0).await, Code::InvalidArgument, &["stream"]);
        let request = GetLatestOffsetRequest { stream: stream.into(), ..Default::default() };
        assert_fails(client.get_latest_offset(request).await, Code::InvalidArgument, &["stream"]);
    }
    let request = AppendRequest { stream: name.clone(), key: too_long, ..Default::default() };
    assert_fails(client.append(request).await, Code::InvalidArgument, &["key"]);
    let bad = [
        (read_from(&name, -3), "offset"),
        (ReadRequest { partition: 1, ..read_from(&name, 0) }, "partition"),
        (ReadRequest { partition: -1, ..read_from(&name, 0) }, "partition"),
        (ReadRequest { limit: -1, ..read_from(&name, 0) }, "limit"),
        (ReadRequest { wait_ms: -1, ..read_from(&name, 0) }, "wait_ms"),
        (ReadRequest { wait_ms: 60_001, ..read_from(&name, 0) }, "wait_ms"),
    ];
    for (request, argument) in bad {
        assert_fails(try_read(&mut client, request).await, Code::InvalidArgument, &[argument]);
    }
    let request = TrimRequest { stream: name.clone(), partition: 1, ..Default::default() };
    assert_fails(client.trim(request).await, Code::InvalidArgument, &["partition"]);
    let request = GetLatestOffsetRequest { stream: name, partition: 7, ..Default::default() };
    assert_fails(client.get_latest_offset(request).await, Code::InvalidArgument, &["partition"]);
}
