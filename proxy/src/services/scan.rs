//! KeyValueScanInterface: Scan and ScanKeys, which stream, and Count.

mod count;
mod cursor;
mod entries;

use prism_proto::h2::Call;
use prism_proto::limits::NAME_BYTES_MAX;
use prism_proto::messages::prism::interfaces::keyvalue::{CountRequest, ScanKeysRequest, ScanRequest};
use prism_proto::method::{MethodId, id};
use prism_proto::status::{Code, Status};
use prism_proto::text::Text;
use prism_shard::PeerId;
use prost::Message as _;

use self::count::Count;
use self::cursor::Seal;
use self::entries::Entries;
use crate::app::Proxy;
use crate::client::Client;
use crate::config::Group;
use crate::pull::{Pull, Source};
use crate::status;

/// What the requests of the three have together: a Count is a scan without limit and cursor.
struct Request {
    prefix: String,
    limit: i32,
    cursor: Vec<u8>,
    namespace: String,
}

impl Proxy {
    /// Begins one of these calls on a connection of this shard.
    pub(crate) fn scan(
        &mut self,
        shards: u32,
        peer: PeerId,
        client: &mut Client,
        call: &Call<'_>,
    ) -> Result<(), Status> {
        let request = decode(call.method, &call.message)?;
        let (namespace, _) = self.offered(Text::from(&request.namespace), Group::KeyValue, call.method)?;
        check(&request)?;
        let source: Box<dyn Source> = if call.method == id::KEYVALUE_SCAN_COUNT {
            Box::new(Count::new(request.prefix.into_bytes(), shards))
        } else {
            let seal = Seal::new(&self.hasher, namespace, request.prefix.as_bytes());
            let is_keys = call.method == id::KEYVALUE_SCAN_SCAN_KEYS;
            let limit = u32::try_from(request.limit).ok().filter(|limit| *limit > 0);
            let entries = Entries::new(request.prefix.into_bytes(), shards, seal, is_keys, limit);
            Box::new(entries.resumed(&request.cursor)?)
        };
        let is_streaming = source.is_streaming();
        let deadline_ns = call.deadline_ns.unwrap_or(0);
        self.begin_pull(client, Pull::new((peer, call.stream), call.method, deadline_ns, namespace, source))?;
        if is_streaming {
            client.connection.open(call.stream, &[]);
        }
        Ok(())
    }
}

fn decode(method: MethodId, message: &[u8]) -> Result<Request, Status> {
    let decoded = match method {
        id::KEYVALUE_SCAN_SCAN => ScanRequest::decode(message)
            .map(|ScanRequest { prefix, limit, cursor, namespace }| Request { prefix, limit, cursor, namespace }),
        id::KEYVALUE_SCAN_SCAN_KEYS => ScanKeysRequest::decode(message)
            .map(|ScanKeysRequest { prefix, limit, cursor, namespace }| Request { prefix, limit, cursor, namespace }),
        _ => CountRequest::decode(message).map(|CountRequest { prefix, namespace }| Request {
            prefix,
            namespace,
            limit: 0,
            cursor: Vec::new(),
        }),
    };
    decoded.map_err(|error| status::malformed(method, &error))
}

fn check(request: &Request) -> Result<(), Status> {
    let Request { prefix, limit, .. } = request;
    if prefix.len() > NAME_BYTES_MAX {
        let message = format!("prefix has {} bytes: at most {NAME_BYTES_MAX} are allowed", prefix.len());
        return Err(Status::new(Code::InvalidArgument, message));
    }
    if *limit < 0 {
        let message = format!("limit is {limit}: it must not be negative; 0 means all");
        return Err(Status::new(Code::InvalidArgument, message));
    }
    Ok(())
}
