//! The messages of a topic: `publish`, `subscribe`.

use prism_proto::messages::prism::interfaces::pubsub::{Message, PublishRequest, PublishResponse, SubscribeRequest};
use prism_proto::method::id;
use serde_json::json;

use super::{Args, Command, Failure, Go, bytes_of, call, output, stream_of};

/// Does one of these commands.
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let namespace = args.namespace.clone();
    match &args.command {
        Command::Publish { topic, payload, key } => {
            let (topic, payload, key) = (topic.clone(), bytes_of(payload)?, key.clone());
            let request = PublishRequest { topic, payload, key, namespace, ..Default::default() };
            let response: PublishResponse = call(args, id::PUBSUB_BASIC_PUBLISH, &request)?;
            let fields = json!({ "topic": request.topic, "message_id": response.message_id });
            output::answer(args.output, &response.message_id, &fields)
        }
        Command::Subscribe { topic, from, subscriber, count } => {
            let options = [("from".to_owned(), from.clone())].into();
            let request =
                SubscribeRequest { topic: topic.clone(), subscriber_id: subscriber.clone(), options, namespace };
            let mut left = *count;
            stream_of(args, id::PUBSUB_BASIC_SUBSCRIBE, &request, |message: Message| {
                write(args, &message)?;
                left = left.map(|left| left - 1);
                Ok(if left == Some(0) { Go::Away } else { Go::On })
            })
        }
        _ => Ok(()),
    }
}

fn write(args: &Args, message: &Message) -> Result<(), Failure> {
    let Message { topic, payload, metadata, message_id, timestamp } = message;
    let fields = json!({ "topic": topic, "message_id": message_id, "timestamp": timestamp, "metadata": metadata });
    output::entry(args.output, message_id, "payload", payload, fields)
}
