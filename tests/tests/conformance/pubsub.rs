//! PubSubBasicInterface.

use std::collections::BTreeMap;

use prism_tests::messages::prism::interfaces::pubsub::{Message, PublishRequest, SubscribeRequest, UnsubscribeRequest};
use tonic::{Code, Status, Streaming};

use crate::stand::{PubSub, Stand, assert_fails};

/// The id of the new message.
pub(crate) async fn publish(client: &mut PubSub, topic: &str, payload: &[u8]) -> String {
    let request = PublishRequest { topic: topic.into(), payload: payload.into(), ..Default::default() };
    let response = client.publish(request).await.unwrap().into_inner();
    assert!(response.success && response.error.is_empty(), "{response:?}");
    response.message_id
}

fn from(topic: &str, from: &str) -> SubscribeRequest {
    let options = if from.is_empty() { BTreeMap::new() } else { [("from".to_owned(), from.to_owned())].into() };
    SubscribeRequest { topic: topic.into(), options, ..Default::default() }
}

fn named(topic: &str, subscriber_id: &str) -> SubscribeRequest {
    SubscribeRequest { topic: topic.into(), subscriber_id: subscriber_id.into(), ..Default::default() }
}

/// A subscription that is in place: its headers have come, with the position that it begins after.
async fn subscribe(client: &mut PubSub, request: SubscribeRequest) -> Streaming<Message> {
    let response = client.subscribe(request).await.unwrap();
    assert!(response.metadata().contains_key("prism-from"), "{:?}", response.metadata());
    response.into_inner()
}

async fn payloads(stream: &mut Streaming<Message>, count: usize) -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    for _ in 0..count {
        payloads.push(stream.message().await.unwrap().expect("the stream goes on").payload);
    }
    payloads
}

fn numbered(numbers: std::ops::Range<usize>) -> Vec<Vec<u8>> {
    numbers.map(|number| number.to_string().into_bytes()).collect()
}

pub(crate) async fn every_subscriber_gets_every_message_in_order(stand: &Stand) {
    let topic = stand.name("topic");
    let mut publisher = stand.pubsub().await;
    let mut streams = Vec::new();
    for number in 0..6 {
        // Two on each of three connections.
        let mut client = if number % 2 == 0 { stand.pubsub().await } else { publisher.clone() };
        streams.push(subscribe(&mut client, from(&topic, "")).await);
    }
    let mut ids = Vec::new();
    for number in 0..200usize {
        let request = PublishRequest {
            topic: topic.clone(),
            payload: number.to_string().into_bytes(),
            metadata: [("number".to_owned(), number.to_string()), ("größe".to_owned(), String::new())].into(),
            key: "one key, one order".into(),
            ..Default::default()
        };
        ids.push(publisher.publish(request).await.unwrap().into_inner().message_id);
    }
    for stream in &mut streams {
        let mut last = 0;
        for (number, id) in ids.iter().enumerate() {
            let message = stream.message().await.unwrap().unwrap();
            assert_eq!((&message.topic, &message.message_id), (&topic, id));
            assert_eq!(message.payload, number.to_string().into_bytes());
            assert_eq!((message.metadata.len(), &message.metadata["number"]), (2, &number.to_string()));
            assert!(message.timestamp >= last && message.timestamp > 1_700_000_000_000, "{}", message.timestamp);
            last = message.timestamp;
        }
    }
}

pub(crate) async fn a_subscription_begins_where_it_is_told(stand: &Stand) {
    let topic = stand.name("topic");
    let (mut publisher, mut other) = (stand.pubsub().await, stand.pubsub().await);
    for payload in numbered(0..3) {
        publish(&mut publisher, &topic, &payload).await;
    }
    let mut latest = subscribe(&mut other, from(&topic, "latest")).await;
    let mut earliest = subscribe(&mut other, from(&topic, "earliest")).await;
    for payload in numbered(3..5) {
        publish(&mut publisher, &topic, &payload).await;
    }
    assert_eq!(payloads(&mut earliest, 5).await, numbered(0..5));
    assert_eq!(payloads(&mut latest, 2).await, numbered(3..5));
}

pub(crate) async fn a_message_id_resumes_after_it(stand: &Stand) {
    let topic = stand.name("topic");
    let (mut publisher, mut other) = (stand.pubsub().await, stand.pubsub().await);
    let mut first = subscribe(&mut other, from(&topic, "")).await;
    for payload in numbered(0..50) {
        publish(&mut publisher, &topic, &payload).await;
    }
    for _ in 0..20 {
        first.message().await.unwrap().unwrap();
    }
    let id = first.message().await.unwrap().unwrap().message_id;
    drop(first);
    let response = other.subscribe(from(&topic, &id)).await.unwrap();
    assert_eq!(response.metadata().get("prism-from").unwrap(), &id, "the id before the first that comes");
    assert_eq!(payloads(&mut response.into_inner(), 29).await, numbered(21..50));
}

pub(crate) async fn a_second_subscription_of_the_same_name_replaces_the_first(stand: &Stand) {
    let topic = stand.name("topic");
    let mut publisher = stand.pubsub().await;
    let mut anonymous = subscribe(&mut stand.pubsub().await, from(&topic, "")).await;
    let mut first = subscribe(&mut stand.pubsub().await, named(&topic, "me")).await;
    let mut other = subscribe(&mut stand.pubsub().await, named(&topic, "you")).await;
    let mut second = subscribe(&mut stand.pubsub().await, named(&topic, "me")).await;
    let ended = first.message().await;
    assert_fails(ended, Code::Aborted, &["me"]);
    publish(&mut publisher, &topic, b"payload").await;
    for stream in [&mut anonymous, &mut other, &mut second] {
        assert_eq!(payloads(stream, 1).await, [b"payload"]);
    }
}

pub(crate) async fn unsubscribe_ends_the_stream(stand: &Stand) {
    let topic = stand.name("topic");
    let mut caller = stand.pubsub().await;
    let mut stream = subscribe(&mut stand.pubsub().await, named(&topic, "me")).await;
    let mut other = subscribe(&mut stand.pubsub().await, named(&topic, "you")).await;
    let request = UnsubscribeRequest { topic: topic.clone(), subscriber_id: "me".into(), ..Default::default() };
    for _ in 0..2 {
        let response = caller.unsubscribe(request.clone()).await.unwrap().into_inner();
        assert!(response.success && response.error.is_empty(), "also when it is not there: {response:?}");
    }
    assert_eq!(stream.message().await.unwrap(), None, "the stream ends with OK");
    publish(&mut caller, &topic, b"payload").await;
    assert_eq!(payloads(&mut other, 1).await, [b"payload"]);
}

pub(crate) async fn a_slow_subscriber_misses_nothing(stand: &Stand) {
    let topic = stand.name("topic");
    let mut publisher = stand.pubsub().await;
    let mut slow = subscribe(&mut stand.pubsub().await, from(&topic, "")).await;
    let mut quick = subscribe(&mut stand.pubsub().await, from(&topic, "")).await;
    let payload = |number: usize| [number.to_string().into_bytes(), vec![b' '; 16 << 10]].concat();
    // 8 MiB: far more than windows and buffers of the slow one take.
    for number in 0..500 {
        publish(&mut publisher, &topic, &payload(number)).await;
        assert_eq!(payloads(&mut quick, 1).await, [payload(number)], "nobody waits for the slow one");
    }
    for number in 0..500 {
        let got = slow.message().await.unwrap().unwrap().payload;
        assert!(got == payload(number), "message {number} is {:?}", String::from_utf8_lossy(&got[..8]));
    }
}

pub(crate) async fn bad_arguments_are_named(stand: &Stand) {
    let mut client = stand.pubsub().await;
    let (too_long, topic) = ("t".repeat(1_025), stand.name("topic"));
    for name in ["", &too_long] {
        let request = PublishRequest { topic: name.into(), ..Default::default() };
        assert_fails(client.publish(request).await, Code::InvalidArgument, &["topic"]);
        assert_fails(first(&mut client, from(name, "")).await, Code::InvalidArgument, &["topic"]);
        let request = UnsubscribeRequest { topic: name.into(), ..Default::default() };
        assert_fails(client.unsubscribe(request).await, Code::InvalidArgument, &["topic"]);
    }
    let request = PublishRequest { topic: topic.clone(), key: too_long.clone(), ..Default::default() };
    assert_fails(client.publish(request).await, Code::InvalidArgument, &["key"]);
    assert_fails(first(&mut client, named(&topic, &too_long)).await, Code::InvalidArgument, &["subscriber_id"]);
    for bad in ["newest", "0", "0-", "-1", "1-2-3", "0-x", "0-99999999999999999999"] {
        assert_fails(first(&mut client, from(&topic, bad)).await, Code::InvalidArgument, &["from"]);
    }
    let options = [("form".to_owned(), "latest".to_owned())].into();
    let request = SubscribeRequest { topic: topic.clone(), options, ..Default::default() };
    assert_fails(first(&mut client, request).await, Code::InvalidArgument, &["form"]);
    let request = SubscribeRequest { topic, namespace: "nowhere".into(), ..Default::default() };
    assert_fails(first(&mut client, request).await, Code::NotFound, &["nowhere"]);
}

/// What a subscription that should fail yields first.
async fn first(client: &mut PubSub, request: SubscribeRequest) -> Result<Option<Message>, Status> {
    client.subscribe(request).await?.into_inner().message().await
}
