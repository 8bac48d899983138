//! What the interfaces of logs have in common: a topic and a stream of the same name are one log.

use prism_backends::{Command, LogCommand, Record};
use prism_proto::limits::{Limits, NAME_BYTES_MAX};
use prism_proto::messages::prism::interfaces::stream::{GetLatestOffsetRequest, TrimRequest};
use prism_proto::status::{Code, Status};
use prism_proto::text::Text;
use prism_proto::view::{AppendView, RecordView};

/// More than the numbers, tags and lengths of a record's message take.
const RECORD_BYTES_MORE_MAX: usize = 128;
/// The only partition that a log of the memstore has.
const PARTITION: i32 = 0;
/// `TrimRequest.before_offset` that stands for everything.
const EVERYTHING: i64 = -1;

/// A request of one reply, not yet checked.
#[derive(Debug)]
pub(crate) enum Request<'a> {
    /// Publish to a topic.
    Publish(AppendView<'a>),
    /// Append to a stream.
    Append(AppendView<'a>),
    /// Trim a stream.
    Trim(TrimRequest),
    /// Say where a stream begins and ends.
    Bounds(GetLatestOffsetRequest),
}

impl Request<'_> {
    /// The namespace that it names.
    pub(crate) fn namespace(&self) -> Text<'_> {
        match self {
            Self::Publish(view) | Self::Append(view) => view.namespace,
            Self::Trim(request) => (&request.namespace).into(),
            Self::Bounds(request) => (&request.namespace).into(),
        }
    }

    fn topic(&self) -> &[u8] {
        match self {
            Self::Publish(view) | Self::Append(view) => view.name.as_bytes(),
            Self::Trim(request) => request.stream.as_bytes(),
            Self::Bounds(request) => request.stream.as_bytes(),
        }
    }

    /// Checks what the schema cannot say.
    pub(crate) fn check(&self, limits: &Limits) -> Result<(), Status> {
        let what = if matches!(self, Self::Publish(_)) { "topic" } else { "stream" };
        check_topic(what, self.topic(), limits)?;
        match self {
            Self::Publish(view) | Self::Append(view) => {
                check_length("key", view.key.len())?;
                check_record(view, limits)
            }
            Self::Trim(request) => {
                check_partition(request.partition)?;
                if request.before_offset < EVERYTHING {
                    let before = request.before_offset;
                    let message = format!("before_offset is {before}: the lowest is {EVERYTHING}, for everything");
                    return Err(Status::new(Code::InvalidArgument, message));
                }
                Ok(())
            }
            Self::Bounds(request) => check_partition(request.partition),
        }
    }

    /// The command that it means at this time of day.
    pub(crate) fn command(&self, unix_ms: u64) -> Command<'_> {
        let command = match self {
            Self::Publish(view) | Self::Append(view) => LogCommand::Append {
                record: Record {
                    timestamp_ms: unix_ms,
                    key: view.key.as_bytes(),
                    metadata: &view.metadata,
                    payload: view.payload,
                },
            },
            // Everything is the only negative one that is checked in.
            Self::Trim(request) => LogCommand::Trim { before: u64::try_from(request.before_offset).ok() },
            Self::Bounds(_) => LogCommand::Bounds,
        };
        Command::Log { topic: self.topic(), command }
    }
}

/// Checks that a record can be handed to its readers, whose message has its offset and time beside what it was sent
/// with.
fn check_record(view: &AppendView<'_>, limits: &Limits) -> Result<(), Status> {
    let AppendView { name, payload, metadata, key, .. } = view;
    let (topic, key, bytes_max) = (name.as_bytes(), key.as_bytes(), limits.message_bytes_max);
    if topic.len() + payload.len() + metadata.len() + key.len() + RECORD_BYTES_MORE_MAX <= bytes_max {
        return Ok(());
    }
    let record = RecordView { offset: i64::MAX as u64, timestamp_ms: u64::MAX, key, metadata, payload };
    let bytes = record.message_bytes(topic).max(record.stream_record_bytes());
    if bytes <= bytes_max {
        return Ok(());
    }
    let message = format!(
        "its readers would get a message of {bytes} bytes: at most {bytes_max} are allowed (limits.message_bytes_max)"
    );
    Err(Status::new(Code::ResourceExhausted, message))
}

/// Checks the name of a topic or stream.
pub(crate) fn check_topic(what: &str, topic: &[u8], limits: &Limits) -> Result<(), Status> {
    let (bytes, bytes_max) = (topic.len(), limits.key_bytes_max);
    if (1..=bytes_max).contains(&bytes) {
        return Ok(());
    }
    let message = if bytes == 0 {
        format!("{what} is empty: a {what} has 1 to {bytes_max} bytes (limits.key_bytes_max)")
    } else {
        format!("{what} has {bytes} bytes: at most {bytes_max} are allowed (limits.key_bytes_max)")
    };
    Err(Status::new(Code::InvalidArgument, message))
}

/// Checks an ordering key or the like.
pub(crate) fn check_length(what: &str, bytes: usize) -> Result<(), Status> {
    if bytes <= NAME_BYTES_MAX {
        return Ok(());
    }
    let message = format!("{what} has {bytes} bytes: at most {NAME_BYTES_MAX} are allowed");
    Err(Status::new(Code::InvalidArgument, message))
}

/// Checks a partition.
pub(crate) fn check_partition(partition: i32) -> Result<(), Status> {
    if partition == PARTITION {
        return Ok(());
    }
    let message = format!("partition is {partition}: the stream has one, {PARTITION}");
    Err(Status::new(Code::InvalidArgument, message))
}

#[cfg(test)]
mod tests {
    use prism_proto::messages::prism::interfaces::pubsub::PublishRequest;
    use prost::Message as _;

    use super::*;

    /// What is taken can be delivered: the longest that passes is one byte short of the first that does not.
    #[test]
    fn a_record_whose_readers_could_not_be_sent_it_is_refused() {
        let limits = Limits { message_bytes_max: 1_000, ..Limits::DEFAULT };
        let check = |payload_bytes: usize| {
            let payload = vec![7; payload_bytes];
            let request = PublishRequest { topic: "t".to_owned(), payload, ..Default::default() }.encode_to_vec();
            assert!(request.len() <= 1_000, "the request itself has room");
            Request::Publish(AppendView::decode_publish(&request).unwrap()).check(&limits)
        };
        let first = (800..990).find(|bytes| check(*bytes).is_err()).expect("it is too long");
        let status = check(first).unwrap_err();
        assert_eq!(status.code, Code::ResourceExhausted);
        assert!(status.message.contains("1001 bytes") && status.message.contains("limits.message_bytes_max"));
    }
}
