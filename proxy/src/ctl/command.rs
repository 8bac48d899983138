//! The commands: which call each one makes, and what it prints.

mod list;
mod pubsub;
mod scan;
mod stream;
mod ttl;

use std::ffi::OsStr;
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;

use clap::CommandFactory as _;
use prism_proto::messages::grpc::health::v1::health_check_response::ServingStatus;
use prism_proto::messages::grpc::health::v1::{HealthCheckRequest, HealthCheckResponse};
use prism_proto::messages::prism::interfaces::keyvalue::{
    DeleteRequest, DeleteResponse, ExistsRequest, ExistsResponse, GetRequest, GetResponse, SetRequest, SetResponse,
};
use prism_proto::method::{MethodId, id};
use prost::Message;

use super::args::{Args, Command};
use super::caller::Go;
use super::failure::Failure;
use super::{caller, output};

/// Does what the command says.
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    match &args.command {
        Command::Get { key } => get(args, key),
        Command::Set { key, value, ttl } => set(args, key, value, *ttl),
        Command::Delete { key } => {
            let request = DeleteRequest { key: key.clone(), namespace: args.namespace.clone() };
            let response: DeleteResponse = call(args, id::KEYVALUE_BASIC_DELETE, &request)?;
            output::deleted(args.output, key, response.found)
        }
        Command::Exists { key } => {
            let request = ExistsRequest { key: key.clone(), namespace: args.namespace.clone() };
            let response: ExistsResponse = call(args, id::KEYVALUE_BASIC_EXISTS, &request)?;
            output::exists(args.output, key, response.exists)
        }
        Command::Expire { .. } | Command::Ttl { .. } | Command::Persist { .. } => ttl::run(args),
        Command::Scan { .. } | Command::Count { .. } => scan::run(args),
        Command::Push { .. } | Command::Pop { .. } | Command::Len { .. } => list::run(args),
        Command::Publish { .. } | Command::Subscribe { .. } => pubsub::run(args),
        Command::Append { .. } | Command::Read { .. } | Command::Trim { .. } => stream::run(args),
        Command::Health { service } => health(args, service),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Args::command(), "prismctl", &mut script);
            output::bytes(&script)
        }
    }
}

fn get(args: &Args, key: &str) -> Result<(), Failure> {
    let request = GetRequest { key: key.to_owned(), namespace: args.namespace.clone() };
    let response: GetResponse = call(args, id::KEYVALUE_BASIC_GET, &request)?;
    let value = response.found.then_some(&response.value[..]);
    output::value(args.output, key, value)?;
    match value {
        Some(_) => Ok(()),
        None => Err(missing(args, key)),
    }
}

fn missing(args: &Args, key: &str) -> Failure {
    Failure::Missing { key: key.to_owned(), namespace: args.namespace.clone() }
}

fn set(args: &Args, key: &str, value: &OsStr, ttl: Option<i64>) -> Result<(), Failure> {
    let value = bytes_of(value)?;
    let bytes = value.len();
    let ttl_seconds = ttl.unwrap_or(0);
    let request = SetRequest { key: key.to_owned(), value, tags: None, ttl_seconds, namespace: args.namespace.clone() };
    let _stored: SetResponse = call(args, id::KEYVALUE_BASIC_SET, &request)?;
    output::stored(args.output, key, bytes, ttl)
}

fn health(args: &Args, service: &str) -> Result<(), Failure> {
    let request = HealthCheckRequest { service: service.to_owned() };
    let response: HealthCheckResponse = call(args, id::HEALTH_CHECK, &request)?;
    let status = ServingStatus::try_from(response.status).unwrap_or(ServingStatus::Unknown);
    output::health(args.output, service, status.as_str_name())?;
    match status {
        ServingStatus::Serving => Ok(()),
        _ => Err(Failure::NotServing { service: service.to_owned(), status: status.as_str_name() }),
    }
}

fn call<Response: Message + Default>(
    args: &Args,
    method: MethodId,
    request: &impl Message,
) -> Result<Response, Failure> {
    let answer = caller::call(&args.proxy, method, &request.encode_to_vec(), args.timeout)?;
    Response::decode(&answer[..]).map_err(|error| Failure::Answer(error.to_string()))
}

/// Hands on each message of a stream.
fn stream_of<Message: prost::Message + Default>(
    args: &Args,
    method: MethodId,
    request: &impl prost::Message,
    mut each: impl FnMut(Message) -> Result<Go, Failure>,
) -> Result<(), Failure> {
    caller::stream(&args.proxy, method, &request.encode_to_vec(), args.timeout, &mut |message| {
        each(Message::decode(&message[..]).map_err(|error| Failure::Answer(error.to_string()))?)
    })
}

/// A value as it was given: `-` stands for what comes on standard input.
fn bytes_of(value: &OsStr) -> Result<Vec<u8>, Failure> {
    if value == "-" { standard_input() } else { Ok(value.as_bytes().to_vec()) }
}

fn standard_input() -> Result<Vec<u8>, Failure> {
    let mut value = Vec::new();
    io::stdin().lock().read_to_end(&mut value).map_err(Failure::Input)?;
    Ok(value)
}
