//! Subscriptions, on one shard and on two: nothing published after the headers is missed, whoever is slow.

use prism_tests::Launch;
use prism_tests::messages::prism::interfaces::pubsub::{Message, PublishRequest, SubscribeRequest, UnsubscribeRequest};
use tonic::{Code, Response, Status, Streaming};

use crate::stream::{Logs, on_one_and_two_shards};

fn request(topic: &str, from: &str, subscriber_id: &str) -> SubscribeRequest {
    let options = if from.is_empty() { Default::default() } else { [("from".to_owned(), from.to_owned())].into() };
    SubscribeRequest { topic: topic.into(), subscriber_id: subscriber_id.into(), options, ..Default::default() }
}

async fn subscribe(logs: &mut Logs, topic: &str, from: &str) -> Result<Response<Streaming<Message>>, Status> {
    logs.topic.subscribe(request(topic, from, "")).await
}

fn from_header(response: &Response<Streaming<Message>>) -> String {
    response.metadata().get("prism-from").unwrap().to_str().unwrap().to_owned()
}

async fn next(messages: &mut Streaming<Message>) -> Message {
    messages.message().await.unwrap().expect("another message comes")
}

/// Some are on each shard.
fn topics() -> impl Iterator<Item = String> {
    (0..6).map(|number| format!("topic-{number}"))
}

#[tokio::test]
async fn what_is_published_after_the_headers_comes_to_everybody() {
    on_one_and_two_shards(async |proxy| {
        let mut publisher = Logs::connect(&proxy).await;
        for topic in topics() {
            assert_eq!(publisher.publish(&topic, b"before").await.unwrap(), "0-0");
            let mut subscribers = Vec::new();
            for _ in 0..4 {
                // Connections of their own, on both shards.
                let mut logs = Logs::connect(&proxy).await;
                for _ in 0..3 {
                    let response = subscribe(&mut logs, &topic, "").await.unwrap();
                    assert_eq!(from_header(&response), "0-0");
                    subscribers.push(response.into_inner());
                }
            }
            for number in 1..30u64 {
                let request = PublishRequest {
                    topic: topic.clone(),
                    payload: number.to_le_bytes().into(),
                    metadata: [("name".to_owned(), number.to_string())].into(),
                    key: "order".into(),
                    ..Default::default()
                };
                publisher.topic.publish(request).await.unwrap();
            }
            for messages in &mut subscribers {
                for number in 1..30u64 {
                    let message = next(messages).await;
                    assert_eq!(message.message_id, format!("0-{number}"));
                    assert_eq!((message.topic, message.payload), (topic.clone(), number.to_le_bytes().to_vec()));
                    assert_eq!(message.metadata["name"], number.to_string());
                    assert!(message.timestamp > 1_600_000_000_000);
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn from_says_where_a_subscription_begins() {
    on_one_and_two_shards(async |proxy| {
        let mut logs = Logs::connect(&proxy).await;
        for topic in topics() {
            let empty = subscribe(&mut logs, &topic, "earliest").await.unwrap();
            assert_eq!(from_header(&empty), "0--1");
            for _ in 0..10 {
                logs.publish(&topic, b"").await.unwrap();
            }
            logs.trim(&topic, 4).await.unwrap();
            for (latest, from) in (10..).zip(["earliest", "latest", "", "0-3", "0-6", "0-9"]) {
                let before = match from {
                    "earliest" => 3,
                    "latest" | "" => latest - 1,
                    id => id[2..].parse().unwrap(),
                };
                let response = subscribe(&mut logs, &topic, from).await.unwrap();
                assert_eq!(from_header(&response), format!("0-{before}"), "{from}");
                let mut messages = response.into_inner();
                assert_eq!(logs.publish(&topic, b"").await.unwrap(), format!("0-{latest}"));
                for offset in before + 1..=latest {
                    assert_eq!(next(&mut messages).await.message_id, format!("0-{offset}"), "{from}");
                }
            }
            let outcome = subscribe(&mut logs, &topic, "0-2").await;
            assert_eq!(outcome.unwrap_err().code(), Code::OutOfRange);
            let outcome = subscribe(&mut logs, &topic, "0-99").await;
            assert_eq!(outcome.unwrap_err().code(), Code::InvalidArgument);
            let outcome = subscribe(&mut logs, &topic, "yesterday").await;
            assert_eq!(outcome.unwrap_err().code(), Code::InvalidArgument);
        }
    })
    .await;
}

#[tokio::test]
async fn a_subscription_is_replaced_by_another_of_its_name_and_ended_by_unsubscribe() {
    on_one_and_two_shards(async |proxy| {
        let mut first = Logs::connect(&proxy).await;
        let mut second = Logs::connect(&proxy).await;
        for topic in topics() {
            let mut one = first.topic.subscribe(request(&topic, "", "me")).await.unwrap().into_inner();
            let mut other = first.topic.subscribe(request(&topic, "", "you")).await.unwrap().into_inner();
            let mut two = second.topic.subscribe(request(&topic, "", "me")).await.unwrap().into_inner();
            let status = one.message().await.unwrap_err();
            assert_eq!(status.code(), Code::Aborted, "{status}");
            first.publish(&topic, b"payload").await.unwrap();
            assert_eq!(next(&mut two).await.payload, b"payload");
            assert_eq!(next(&mut other).await.payload, b"payload");
            let unsubscribe =
                UnsubscribeRequest { topic: topic.clone(), subscriber_id: "me".into(), ..Default::default() };
            for _ in 0..2 {
                let response = first.topic.unsubscribe(unsubscribe.clone()).await.unwrap().into_inner();
                assert!(response.success && response.error.is_empty());
            }
            assert_eq!(two.message().await.unwrap(), None, "it ends with OK");
            first.publish(&topic, b"more").await.unwrap();
            assert_eq!(next(&mut other).await.payload, b"more");
            // The name is free again.
            let mut again = second.topic.subscribe(request(&topic, "", "me")).await.unwrap().into_inner();
            first.publish(&topic, b"last").await.unwrap();
            assert_eq!(next(&mut again).await.payload, b"last");
        }
    })
    .await;
}

#[tokio::test]
async fn a_subscribe_that_fails_leaves_the_one_that_has_its_name() {
    on_one_and_two_shards(async |proxy| {
        let mut first = Logs::connect(&proxy).await;
        let mut second = Logs::connect(&proxy).await;
        for topic in topics() {
            for _ in 0..4 {
                first.publish(&topic, b"before").await.unwrap();
            }
            first.trim(&topic, 3).await.unwrap();
            let mut one = first.topic.subscribe(request(&topic, "", "me")).await.unwrap().into_inner();
            for (from, code) in
                [("0-9", Code::InvalidArgument), ("0-1", Code::OutOfRange), ("yesterday", Code::InvalidArgument)]
            {
                let outcome = second.topic.subscribe(request(&topic, from, "me")).await;
                assert_eq!(outcome.unwrap_err().code(), code, "{from}");
            }
            first.publish(&topic, b"payload").await.unwrap();
            assert_eq!(next(&mut one).await.payload, b"payload", "it was not replaced");
        }
    })
    .await;
}

#[tokio::test]
async fn a_slow_subscriber_gets_everything_and_one_that_is_too_slow_is_told() {
    let file = "backends: { memory: { type: memstore, retention_bytes: 4MiB } }";
    for shards in [1, 2] {
        let proxy = Launch::shards(shards).file(file).start();
        let mut logs = Logs::connect(&proxy).await;
        for topic in topics() {
            let mut slow = subscribe(&mut Logs::connect(&proxy).await, &topic, "").await.unwrap().into_inner();
            let mut lost = subscribe(&mut Logs::connect(&proxy).await, &topic, "").await.unwrap().into_inner();
            let payload = vec![5; 10_000];
            for _ in 0..300 {
                logs.publish(&topic, &payload).await.unwrap();
            }
            for offset in 0..300 {
                let message = next(&mut slow).await;
                assert_eq!((message.message_id, message.payload.len()), (format!("0-{offset}"), 10_000));
            }
            for _ in 0..1_000 {
                logs.publish(&topic, &payload).await.unwrap();
            }
            let status = loop {
                match lost.message().await {
                    Ok(message) => drop(message.expect("it does not end with OK")),
                    Err(status) => break status,
                }
            };
            assert_eq!(status.code(), Code::DataLoss, "{status}");
            assert!(status.message().contains("messages 0-"), "{status}");
        }
    }
}

#[tokio::test]
async fn a_subscription_that_is_dropped_leaves_nothing() {
    let proxy = Launch::shards(2).start();
    let mut logs = Logs::connect(&proxy).await;
    for topic in topics() {
        for _ in 0..5 {
            let mut other = Logs::connect(&proxy).await;
            let messages = subscribe(&mut other, &topic, "").await.unwrap();
            drop((messages, other));
        }
        logs.publish(&topic, b"").await.unwrap();
    }
    // A drain ends at once when nothing is in flight.
    proxy.signal("TERM");
    drop(logs);
    let mut proxy = proxy;
    assert!(proxy.wait().success());
}

#[tokio::test]
async fn draining_ends_subscriptions_as_unavailable() {
    on_one_and_two_shards(async |proxy| {
        let mut logs = Logs::connect(&proxy).await;
        let mut streams = Vec::new();
        for topic in topics() {
            streams.push(subscribe(&mut logs, &topic, "").await.unwrap().into_inner());
        }
        proxy.signal("TERM");
        for mut messages in streams {
            let status = messages.message().await.unwrap_err();
            assert_eq!(status.code(), Code::Unavailable, "{status}");
            assert!(status.message().contains("draining"), "{status}");
        }
        drop(logs);
        let mut proxy = proxy;
        assert!(proxy.wait().success());
    })
    .await;
}

#[tokio::test]
async fn a_deadline_ends_a_subscription() {
    let proxy = Launch::shards(2).start();
    let mut logs = Logs::connect(&proxy).await;
    for topic in topics() {
        let mut call = tonic::Request::new(request(&topic, "", "me"));
        call.metadata_mut().insert("grpc-timeout", "50m".parse().unwrap());
        let mut messages = logs.topic.subscribe(call).await.unwrap().into_inner();
        assert_eq!(messages.message().await.unwrap_err().code(), Code::DeadlineExceeded);
    }
}
