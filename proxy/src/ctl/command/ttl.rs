//! How long a key lives: `expire`, `ttl`, `persist`.

use prism_proto::messages::prism::interfaces::keyvalue::{
    ExpireRequest, ExpireResponse, GetTtlRequest, GetTtlResponse, PersistRequest, PersistResponse,
};
use prism_proto::method::id;
use serde_json::{Value, json};

use super::{Args, Command, Failure, call, missing, output};

/// What GetTTL answers for a key that lives for ever, and for one that is not there.
const FOR_EVER: i64 = -1;
const NO_KEY: i64 = -2;

/// Does one of these commands.
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let namespace = args.namespace.clone();
    match &args.command {
        Command::Expire { key, after } => {
            let request = ExpireRequest { key: key.clone(), ttl_seconds: *after, namespace };
            let response: ExpireResponse = call(args, id::KEYVALUE_TTL_EXPIRE, &request)?;
            if !response.key_existed {
                return Err(missing(args, key));
            }
            output::answer(args.output, &format!("expires in {after} s"), &json!({ "key": key, "ttl_seconds": after }))
        }
        Command::Ttl { key } => {
            let request = GetTtlRequest { key: key.clone(), namespace };
            let response: GetTtlResponse = call(args, id::KEYVALUE_TTL_GET_TTL, &request)?;
            let (words, seconds) = match response.ttl_seconds {
                NO_KEY => return Err(missing(args, key)),
                FOR_EVER => ("for ever".to_owned(), Value::Null),
                seconds => (format!("{seconds} s"), seconds.into()),
            };
            output::answer(args.output, &words, &json!({ "key": key, "ttl_seconds": seconds }))
        }
        Command::Persist { key } => {
            let request = PersistRequest { key: key.clone(), namespace };
            let response: PersistResponse = call(args, id::KEYVALUE_TTL_PERSIST, &request)?;
            let removed = response.expiration_removed;
            let words = if removed { "lives for ever" } else { "it had no expiry" };
            output::answer(args.output, words, &json!({ "key": key, "expiration_removed": removed }))
        }
        _ => Ok(()),
    }
}
