//! A topic that is published to all the time and followed: every message comes, in order, although the log is trimmed
//! behind the follower.

use std::time::Instant;

use prism_tests::clients::prism::interfaces::pubsub::pub_sub_basic_interface_client::PubSubBasicInterfaceClient;
use prism_tests::messages::prism::interfaces::pubsub::{PublishRequest, SubscribeRequest};
use tonic::transport::Channel;

const TOPIC: &str = "followed";
/// Messages published before the follower has caught up: far less than the log keeps.
const AHEAD: u64 = 50;

/// Publishes and follows until `end`; returns how many calls and messages there were.
pub(crate) async fn run(publisher: Channel, follower: Channel, end: Instant) -> u64 {
    let mut publisher = PubSubBasicInterfaceClient::new(publisher);
    let mut follower = PubSubBasicInterfaceClient::new(follower);
    let request = SubscribeRequest { topic: TOPIC.into(), ..Default::default() };
    let mut stream = follower.subscribe(request).await.unwrap().into_inner();
    let mut published = 0u64;
    while Instant::now() < end {
        let first = published;
        for _ in 0..AHEAD {
            let payload = [&published.to_le_bytes()[..], &[7; 200]].concat();
            let request = PublishRequest { topic: TOPIC.into(), payload, ..Default::default() };
            let response = publisher.publish(request).await.unwrap().into_inner();
            assert_eq!(response.message_id, format!("0-{published}"));
            published += 1;
        }
        for number in first..published {
            let message = stream.message().await.unwrap().expect("the stream goes on");
            assert_eq!(message.message_id, format!("0-{number}"));
            assert_eq!(message.payload[..8], number.to_le_bytes());
        }
    }
    published * 2
}
