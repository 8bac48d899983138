//! Logs by their unary calls: Append, Publish, Trim and GetLatestOffset, on one shard and on two.

use std::time::{SystemTime, UNIX_EPOCH};

use prism_tests::clients::prism::interfaces::pubsub::pub_sub_basic_interface_client::PubSubBasicInterfaceClient;
use prism_tests::clients::prism::interfaces::stream::stream_basic_interface_client::StreamBasicInterfaceClient;
use prism_tests::messages::prism::interfaces::pubsub::PublishRequest;
use prism_tests::messages::prism::interfaces::stream::{
    AppendRequest, AppendResponse, GetLatestOffsetRequest, TrimRequest,
};
use prism_tests::{Launch, Proxy};
use tonic::transport::Channel;
use tonic::{Code, Status};

/// Both interfaces of logs by tonic.
#[derive(Debug, Clone)]
pub(crate) struct Logs {
    pub(crate) stream: StreamBasicInterfaceClient<Channel>,
    pub(crate) topic: PubSubBasicInterfaceClient<Channel>,
}

impl Logs {
    pub(crate) async fn connect(proxy: &Proxy) -> Self {
        let channel = proxy.channel().await;
        let topic = PubSubBasicInterfaceClient::new(channel.clone());
        Self { stream: StreamBasicInterfaceClient::new(channel), topic }
    }

    pub(crate) async fn append(&mut self, stream: &str, payload: &[u8]) -> Result<AppendResponse, Status> {
        let request = AppendRequest { stream: stream.into(), payload: payload.into(), ..Default::default() };
        Ok(self.stream.append(request).await?.into_inner())
    }

    pub(crate) async fn publish(&mut self, topic: &str, payload: &[u8]) -> Result<String, Status> {
        let request = PublishRequest { topic: topic.into(), payload: payload.into(), ..Default::default() };
        let response = self.topic.publish(request).await?.into_inner();
        assert!(response.success && response.error.is_empty(), "a status of OK means success: {response:?}");
        Ok(response.message_id)
    }

    pub(crate) async fn trim(&mut self, stream: &str, before_offset: i64) -> Result<i64, Status> {
        let request = TrimRequest { stream: stream.into(), before_offset, ..Default::default() };
        Ok(self.stream.trim(request).await?.into_inner().low_watermark)
    }

    /// The earliest and the latest offset.
    pub(crate) async fn bounds(&mut self, stream: &str) -> Result<(i64, i64), Status> {
        let request = GetLatestOffsetRequest { stream: stream.into(), ..Default::default() };
        let response = self.stream.get_latest_offset(request).await?.into_inner();
        assert_eq!(response.partitions, 1);
        Ok((response.earliest_offset, response.latest_offset))
    }
}

pub(crate) async fn on_one_and_two_shards(test: impl AsyncFn(Proxy)) {
    for shards in [1, 2] {
        test(Launch::shards(shards).start()).await;
    }
}

#[track_caller]
fn assert_fails<T: std::fmt::Debug>(outcome: Result<T, Status>, code: Code, part: &str) {
    let status = outcome.unwrap_err();
    assert_eq!(status.code(), code, "{}", status.message());
    assert!(status.message().contains(part), "{:?} does not name {part:?}", status.message());
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

#[tokio::test]
async fn a_topic_and_a_stream_of_the_same_name_are_one_log() {
    on_one_and_two_shards(async |proxy| {
        let mut logs = Logs::connect(&proxy).await;
        // Some belong to each shard.
        for number in 0..20 {
            let name = format!("log-{number}");
            let before = now_ms();
            let first = logs.append(&name, b"one").await.unwrap();
            assert_eq!((first.offset, first.partition), (0, 0));
            assert_eq!(logs.publish(&name, b"two").await.unwrap(), "0-1");
            let third = logs.append(&name, b"").await.unwrap();
            assert_eq!(third.offset, 2);
            // The time of a turn is up to a tick older than the call.
            assert!(before - 1_000 <= first.timestamp && first.timestamp <= third.timestamp, "{first:?} {third:?}");
            assert!(third.timestamp <= now_ms() + 1_000, "{third:?}");
            assert_eq!(logs.bounds(&name).await.unwrap(), (0, 3));
        }
    })
    .await;
}

#[tokio::test]
async fn trim_cuts_exactly() {
    on_one_and_two_shards(async |proxy| {
        let mut logs = Logs::connect(&proxy).await;
        for name in ["s", "t", "u", "v"] {
            for number in 0..100 {
                assert_eq!(logs.append(name, b"payload").await.unwrap().offset, number);
            }
            assert_eq!(logs.trim(name, 0).await.unwrap(), 0);
            assert_eq!(logs.trim(name, 33).await.unwrap(), 33);
            assert_eq!(logs.trim(name, 20).await.unwrap(), 33, "a lower offset leaves the higher mark");
            assert_eq!(logs.bounds(name).await.unwrap(), (33, 100));
            assert_fails(logs.trim(name, 101).await, Code::OutOfRange, "latest offset, 100");
            assert_eq!(logs.bounds(name).await.unwrap(), (33, 100), "nothing was trimmed");
            assert_eq!(logs.trim(name, -1).await.unwrap(), 100);
            assert_eq!(logs.append(name, b"").await.unwrap().offset, 100);
            assert_eq!(logs.bounds(name).await.unwrap(), (100, 101));
        }
    })
    .await;
}

#[tokio::test]
async fn an_absent_stream_is_empty() {
    let proxy = Launch::shards(2).start();
    let mut logs = Logs::connect(&proxy).await;
    for name in ["s", "t", "u"] {
        assert_eq!(logs.bounds(name).await.unwrap(), (0, 0));
        assert_eq!(logs.trim(name, -1).await.unwrap(), 0);
        assert_fails(logs.trim(name, 1).await, Code::OutOfRange, "latest offset, 0");
    }
}

#[tokio::test]
async fn arguments_are_checked() {
    let proxy = Launch::shards(2).start();
    let mut logs = Logs::connect(&proxy).await;
    let long = "x".repeat(1_025);
    assert_fails(logs.append("", b"").await, Code::InvalidArgument, "stream is empty");
    assert_fails(logs.publish("", b"").await, Code::InvalidArgument, "topic is empty");
    assert_fails(logs.publish(&long, b"").await, Code::InvalidArgument, "limits.key_bytes_max");
    assert_fails(logs.bounds(&long).await, Code::InvalidArgument, "limits.key_bytes_max");
    assert_fails(logs.trim("s", -2).await, Code::InvalidArgument, "before_offset is -2");
    let append = AppendRequest { stream: "s".into(), key: long.clone(), ..Default::default() };
    assert_fails(logs.stream.append(append).await, Code::InvalidArgument, "key has 1025 bytes");
    for partition in [-1, 1, i32::MAX] {
        let trim = TrimRequest { stream: "s".into(), partition, ..Default::default() };
        assert_fails(logs.stream.trim(trim).await, Code::InvalidArgument, &format!("partition is {partition}"));
        let bounds = GetLatestOffsetRequest { stream: "s".into(), partition, ..Default::default() };
        assert_fails(logs.stream.get_latest_offset(bounds).await, Code::InvalidArgument, "partition is");
    }
    // The namespace comes before the arguments.
    let append = AppendRequest { namespace: "nowhere".into(), ..Default::default() };
    assert_fails(logs.stream.append(append).await, Code::NotFound, "nowhere");
    assert_eq!(logs.bounds("s").await.unwrap(), (0, 0), "nothing was appended");
}

#[tokio::test]
async fn namespaces_keep_what_they_are_told_to() {
    let file = "backends: { memory: { type: memstore, memory_bytes_max: 8MiB, retention_bytes: 1MiB } }
namespaces: { default: { backend: memory }, small: { backend: memory, retention_bytes: 128KiB },
  keys: { keyvalue: memory } }
";
    let proxy = Launch::shards(2).file(file).start();
    let mut logs = Logs::connect(&proxy).await;
    let append = |namespace: &str, bytes: usize| AppendRequest {
        stream: "s".into(),
        payload: vec![7; bytes],
        namespace: namespace.into(),
        ..Default::default()
    };
    for namespace in ["default", "small"] {
        for _ in 0..200 {
            logs.stream.append(append(namespace, 10_000)).await.unwrap();
        }
    }
    let earliest = async |logs: &mut Logs, namespace: &str| {
        let request = GetLatestOffsetRequest { stream: "s".into(), namespace: namespace.into(), ..Default::default() };
        logs.stream.get_latest_offset(request).await.unwrap().into_inner().earliest_offset
    };
    let kept = 200 - earliest(&mut logs, "default").await;
    assert!((90..=104).contains(&kept), "{kept} records of 10,000 bytes");
    let kept = 200 - earliest(&mut logs, "small").await;
    assert!((9..=13).contains(&kept), "{kept} records of 10,000 bytes");
    assert_fails(logs.stream.append(append("small", 200_000)).await, Code::ResourceExhausted, "retention_bytes");
    assert_fails(logs.stream.append(append("keys", 1)).await, Code::Unimplemented, "StreamBasicInterface");
}
