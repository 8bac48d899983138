//! Reading a stream from an offset, with and without waiting at its end.

use std::time::{Duration, Instant};

use prism_tests::Launch;
use prism_tests::messages::prism::interfaces::stream::{AppendRequest, ReadRequest, StreamRecord};
use tonic::{Code, Status, Streaming};

use crate::stream::{Logs, on_one_and_two_shards};

fn request(stream: &str, offset: i64) -> ReadRequest {
    ReadRequest { stream: stream.into(), offset, ..Default::default() }
}

async fn begin(logs: &mut Logs, request: ReadRequest) -> Result<Streaming<StreamRecord>, Status> {
    Ok(logs.stream.read(request).await?.into_inner())
}

/// All records up to the end with OK, and where to go on.
async fn rest(records: &mut Streaming<StreamRecord>) -> (Vec<StreamRecord>, i64) {
    let mut all = Vec::new();
    while let Some(record) = records.message().await.unwrap() {
        all.push(record);
    }
    let trailers = records.trailers().await.unwrap().unwrap();
    let next = trailers.get("prism-next-offset").unwrap().to_str().unwrap().parse().unwrap();
    (all, next)
}

fn streams() -> impl Iterator<Item = String> {
    (0..6).map(|number| format!("stream-{number}"))
}

#[tokio::test]
async fn a_read_returns_what_was_appended_up_to_the_end_or_its_limit() {
    on_one_and_two_shards(async |proxy| {
        let mut logs = Logs::connect(&proxy).await;
        for stream in streams() {
            let mut empty = begin(&mut logs, request(&stream, -2)).await.unwrap();
            assert_eq!(rest(&mut empty).await, (vec![], 0), "an absent stream is empty");
            for number in 0..1_000i64 {
                let append = AppendRequest {
                    stream: stream.clone(),
                    payload: vec![number as u8; number as usize],
                    metadata: [("number".to_owned(), number.to_string()), ("b".to_owned(), String::new())].into(),
                    key: format!("key-{}", number % 7),
                    ..Default::default()
                };
                assert_eq!(logs.stream.append(append).await.unwrap().into_inner().offset, number);
            }
            for (from, limit) in [(0, 0), (-2, 0), (400, 0), (999, 0), (1_000, 0), (-1, 0), (0, 1), (7, 500), (990, 50)]
            {
                let mut records = begin(&mut logs, ReadRequest { limit, ..request(&stream, from) }).await.unwrap();
                let (records, next) = rest(&mut records).await;
                let first = match from {
                    -1 => 1_000,
                    -2 => 0,
                    offset => offset,
                };
                let end = if limit == 0 { 1_000 } else { (first + i64::from(limit)).min(1_000) };
                assert_eq!((records.len() as i64, next), (end - first, end), "{from} {limit}");
                for (record, offset) in records.iter().zip(first..) {
                    assert_eq!((record.offset, record.next_offset, record.partition), (offset, offset + 1, 0));
                    assert_eq!(record.payload, vec![offset as u8; offset as usize]);
                    assert_eq!(record.metadata["number"], offset.to_string());
                    assert_eq!((record.metadata.len(), &record.key), (2, &format!("key-{}", offset % 7)));
                    assert!(record.timestamp > 1_600_000_000_000);
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn records_of_any_size_come_whole() {
    let proxy = Launch::shards(2).start();
    let mut logs = Logs::connect(&proxy).await;
    let sizes = [0, 1, 5_000, 70_000, 1 << 20, 10, 3 << 20, 20_000];
    for stream in ["a", "b", "c"] {
        for bytes in sizes {
            logs.append(stream, &vec![7; bytes]).await.unwrap();
        }
        let mut records = begin(&mut logs, request(stream, 0)).await.unwrap();
        let (records, _) = rest(&mut records).await;
        assert_eq!(records.iter().map(|record| record.payload.len()).collect::<Vec<_>>(), sizes);
    }
}

#[tokio::test]
async fn offsets_that_are_not_there_are_out_of_range() {
    on_one_and_two_shards(async |proxy| {
        let mut logs = Logs::connect(&proxy).await;
        for stream in streams() {
            for _ in 0..10 {
                logs.append(&stream, b"").await.unwrap();
            }
            logs.trim(&stream, 4).await.unwrap();
            for (offset, nearest) in [(3, "4"), (0, "4"), (11, "10"), (i64::MAX, "10")] {
                let status = begin(&mut logs, request(&stream, offset)).await.unwrap_err();
                assert_eq!(status.code(), Code::OutOfRange);
                assert!(status.message().ends_with(nearest), "{status}");
            }
            let wrong = [
                ReadRequest { limit: -1, ..request(&stream, 5) },
                ReadRequest { wait_ms: -1, ..request(&stream, 5) },
                ReadRequest { wait_ms: 60_001, ..request(&stream, 5) },
                ReadRequest { partition: 1, ..request(&stream, 5) },
                request(&stream, -3),
                request("", 0),
            ];
            for wrong in wrong {
                assert_eq!(begin(&mut logs, wrong).await.unwrap_err().code(), Code::InvalidArgument);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_long_poll_wakes_at_once_and_ends_after_its_silence() {
    on_one_and_two_shards(async |proxy| {
        let mut logs = Logs::connect(&proxy).await;
        for stream in streams() {
            // One that is woken by each of three records, and ends at its limit long before its wait.
            let waiting = ReadRequest { wait_ms: 60_000, limit: 3, ..request(&stream, -1) };
            let mut records = begin(&mut logs, waiting).await.unwrap();
            let began = Instant::now();
            for offset in 0..3 {
                logs.append(&stream, b"payload").await.unwrap();
                assert_eq!(records.message().await.unwrap().unwrap().offset, offset);
            }
            assert_eq!(rest(&mut records).await, (vec![], 3));
            assert!(began.elapsed() < Duration::from_secs(50), "it did not wait for its time-out");
            // One that nobody wakes.
            let mut records = begin(&mut logs, ReadRequest { wait_ms: 30, ..request(&stream, 3) }).await.unwrap();
            assert_eq!(rest(&mut records).await, (vec![], 3));
        }
        let mut records = begin(&mut logs, ReadRequest { wait_ms: 60_000, ..request("waits", -1) }).await.unwrap();
        assert_eq!(logs.bounds("waits").await.unwrap(), (0, 0), "it stays absent");
        proxy.signal("TERM");
        assert_eq!(rest(&mut records).await, (vec![], 0), "a drain ends it with OK");
    })
    .await;
}
