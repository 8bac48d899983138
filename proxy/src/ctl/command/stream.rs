//! The records of a stream: `append`, `read`, `trim`.

use prism_proto::messages::prism::interfaces::stream::{
    AppendRequest, AppendResponse, ReadRequest, StreamRecord, TrimRequest, TrimResponse,
};
use prism_proto::method::id;
use serde_json::json;

use super::{Args, Command, Failure, Go, bytes_of, call, output, stream_of};

/// Does one of these commands.
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let namespace = args.namespace.clone();
    match &args.command {
        Command::Append { stream, payload, key } => {
            let (stream, payload, key) = (stream.clone(), bytes_of(payload)?, key.clone());
            let request = AppendRequest { stream, payload, key, namespace, ..Default::default() };
            let AppendResponse { offset, partition, timestamp } = call(args, id::STREAM_BASIC_APPEND, &request)?;
            let fields = json!({
                "stream": request.stream, "partition": partition, "offset": offset, "timestamp": timestamp
            });
            output::answer(args.output, &offset.to_string(), &fields)
        }
        Command::Read { stream, offset, limit, wait } => {
            let (offset, limit, wait_ms) = (*offset, *limit, *wait);
            let request =
                ReadRequest { stream: stream.clone(), offset, limit, wait_ms, namespace, ..Default::default() };
            stream_of(args, id::STREAM_BASIC_READ, &request, |record: StreamRecord| {
                write(args, stream, &record)?;
                Ok(Go::On)
            })
        }
        Command::Trim { stream, before } => {
            let request =
                TrimRequest { stream: stream.clone(), before_offset: *before, namespace, ..Default::default() };
            let TrimResponse { low_watermark } = call(args, id::STREAM_BASIC_TRIM, &request)?;
            let fields = json!({ "stream": stream, "low_watermark": low_watermark });
            output::answer(args.output, &low_watermark.to_string(), &fields)
        }
        _ => Ok(()),
    }
}

fn write(args: &Args, stream: &str, record: &StreamRecord) -> Result<(), Failure> {
    let StreamRecord { offset, partition, payload, metadata, key, timestamp, next_offset } = record;
    let fields = json!({
        "stream": stream, "partition": partition, "offset": offset, "key": key, "timestamp": timestamp,
        "next_offset": next_offset, "metadata": metadata
    });
    output::entry(args.output, &offset.to_string(), "payload", payload, fields)
}
