//! What Subscribe and Read ask for.

use prism_proto::limits::Limits;
use prism_proto::messages::prism::interfaces::pubsub::SubscribeRequest;
use prism_proto::messages::prism::interfaces::stream::ReadRequest;
use prism_proto::status::{Code, Status};

use super::{Kind, Start};
use crate::limits::WAIT_MS_MAX;
use crate::services::log::{check_length, check_partition, check_topic};

/// `ReadRequest.offset` that stands for what is appended from now on, and for the first record that is there.
const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
/// The only option of a subscription.
const FROM: &str = "from";

fn invalid(message: String) -> Status {
    Status::new(Code::InvalidArgument, message)
}

/// Checks a Subscribe; where it begins.
pub(super) fn subscription(request: &SubscribeRequest, limits: &Limits) -> Result<Start, Status> {
    check_topic("topic", request.topic.as_bytes(), limits)?;
    check_length("subscriber_id", request.subscriber_id.len())?;
    if let Some(unknown) = request.options.keys().find(|option| *option != FROM) {
        return Err(invalid(format!("option {unknown:?} is not known: there is only {FROM:?}")));
    }
    request.options.get(FROM).map_or(Ok(Start::Latest), |from| start(from))
}

/// Where the option `from` says that a subscription begins.
fn start(from: &str) -> Result<Start, Status> {
    match from {
        "latest" => return Ok(Start::Latest),
        "earliest" => return Ok(Start::Earliest),
        _ => {}
    }
    // Before the first message there is none, and its id is 0--1.
    let offset = from.strip_prefix("0-").and_then(|offset| offset.parse::<i64>().ok().filter(|offset| *offset >= -1));
    let next = offset.and_then(|offset| offset.checked_add(1)).and_then(|next| u64::try_from(next).ok());
    next.map(Start::At).ok_or_else(|| {
        invalid(format!("from is {from:?}: it is latest, earliest, or the id of a message, which is 0-OFFSET here"))
    })
}

/// Checks a Read; where it begins, and how far it goes.
pub(super) fn reading(request: &ReadRequest, limits: &Limits) -> Result<(Start, Kind), Status> {
    let ReadRequest { partition, offset, limit, wait_ms, .. } = *request;
    check_topic("stream", request.stream.as_bytes(), limits)?;
    check_partition(partition)?;
    let start = match offset {
        LATEST => Start::Latest,
        EARLIEST => Start::Earliest,
        _ => Start::At(u64::try_from(offset).map_err(|_| {
            invalid(format!(
                "offset is {offset}: below 0 there are only {LATEST}, the latest, and {EARLIEST}, the earliest"
            ))
        })?),
    };
    let limit = usize::try_from(limit)
        .map_err(|_| invalid(format!("limit is {limit}: it must not be negative; 0 means all")))?;
    if !(0..=WAIT_MS_MAX).contains(&wait_ms) {
        return Err(invalid(format!("wait_ms is {wait_ms}: it is 0 to {WAIT_MS_MAX}")));
    }
    let wait_ns = u64::from(wait_ms.unsigned_abs()) * 1_000_000;
    Ok((start, Kind::Reader { left: (limit > 0).then_some(limit), wait_ns }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_begins_where_it_is_told_to() {
        assert_eq!(start("latest"), Ok(Start::Latest));
        assert_eq!(start("earliest"), Ok(Start::Earliest));
        assert_eq!(start("0-41"), Ok(Start::At(42)));
        assert_eq!(start("0--1"), Ok(Start::At(0)), "as prism-from says it");
        for wrong in ["", "now", "0", "0-", "1-5", "0-5,1-7", "0-5,0-6", "0--2", "0-9223372036854775807", "0-x", "-1"] {
            assert_eq!(start(wrong).map_err(|status| status.code), Err(Code::InvalidArgument), "{wrong}");
        }
    }

    #[test]
    fn an_unknown_option_is_named() {
        let request = SubscribeRequest {
            topic: "t".into(),
            options: [("form".to_owned(), "latest".to_owned())].into(),
            ..Default::default()
        };
        let status = subscription(&request, &Limits::DEFAULT).expect_err("there is no such option");
        assert_eq!(status.message, "option \"form\" is not known: there is only \"from\"");
    }
}
