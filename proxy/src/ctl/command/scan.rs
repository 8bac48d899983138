//! All keys with a prefix: `scan`, `count`.

use prism_proto::messages::prism::interfaces::keyvalue::{
    CountRequest, CountResponse, ScanKeysRequest, ScanKeysResponse, ScanRequest, ScanResponse,
};
use prism_proto::method::id;
use serde_json::json;

use super::{Args, Command, Failure, Go, call, output, stream_of};
use crate::ctl::failure::OneLine;

/// Does one of these commands.
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let namespace = args.namespace.clone();
    match &args.command {
        Command::Scan { prefix, keys: true, limit } => {
            let request = ScanKeysRequest { prefix: prefix.clone(), limit: *limit, cursor: Vec::new(), namespace };
            stream_of(args, id::KEYVALUE_SCAN_SCAN_KEYS, &request, |entry: ScanKeysResponse| {
                let words = OneLine(&entry.key).to_string();
                output::answer(args.output, &words, &json!({ "key": entry.key }))?;
                Ok(Go::On)
            })
        }
        Command::Scan { prefix, keys: false, limit } => {
            let request = ScanRequest { prefix: prefix.clone(), limit: *limit, cursor: Vec::new(), namespace };
            stream_of(args, id::KEYVALUE_SCAN_SCAN, &request, |entry: ScanResponse| {
                output::entry(args.output, &entry.key, "value", &entry.value, json!({ "key": entry.key }))?;
                Ok(Go::On)
            })
        }
        Command::Count { prefix } => {
            let request = CountRequest { prefix: prefix.clone(), namespace };
            let CountResponse { count, approximate } = call(args, id::KEYVALUE_SCAN_COUNT, &request)?;
            let fields = json!({ "prefix": prefix, "count": count, "approximate": approximate });
            output::answer(args.output, &count.to_string(), &fields)
        }
        _ => Ok(()),
    }
}
