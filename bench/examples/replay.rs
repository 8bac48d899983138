//! The replay client: keeps a server busy with one recorded request from one core, and prints what came of it as JSON.

use std::io::{self, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use prism_bench::echo::Echo;
use prism_bench::replay::{self, Bound, Pacing, Plan, Report};
use prism_bench::request::{HeaderCoding, Operation, Request};
use prism_bench::session::Session;

/// Drives a server with one recorded request, in a closed loop on one thread.
///
/// Exits 0 when every call ended with grpc-status 0, 1 otherwise or when a connection failed, 2 on wrong usage.
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  replay --address 127.0.0.1:8980 --operation set --requests 1
  replay --address 127.0.0.1:8980 --connections 8 --streams 100 --requests 600000 --core 1
  replay --mode echo --address 127.0.0.1:8981 --reply-bytes 57 --duration 5")]
struct Options {
    /// The server.
    #[arg(long, default_value = "127.0.0.1:8980")]
    address: String,
    /// grpc: HTTP/2 calls, their statuses checked. echo: the same bytes to a raw echo, the answer's bytes counted.
    #[arg(long, value_enum, default_value = "grpc")]
    mode: Mode,
    /// Which rpc of KeyValueBasicInterface.
    #[arg(long, value_enum, default_value = "get")]
    operation: Rpc,
    /// The key of every call.
    #[arg(long, default_value = "key-000000000001")]
    key: String,
    /// The bytes of a Set's value.
    #[arg(long, default_value_t = 64)]
    value_bytes: usize,
    /// The namespace; empty is the default one.
    #[arg(long, default_value = "")]
    namespace: String,
    /// How the header fields of each call are written.
    #[arg(long, value_enum, default_value = "indexed")]
    headers: Headers,
    /// Connections.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    connections: u32,
    /// Calls in flight on each connection.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    streams: u32,
    /// sliding: a new call for each answer. batch: all calls of a connection, then the next when all are answered.
    #[arg(long, value_enum, default_value = "sliding")]
    pacing: Pace,
    /// Stop after this many calls in total (the default is 100,000).
    #[arg(long, conflicts_with = "duration")]
    requests: Option<u64>,
    /// Stop after this many seconds.
    #[arg(long)]
    duration: Option<f64>,
    /// In echo mode: the bytes that the server sends for each request.
    #[arg(long, required_if_eq("mode", "echo"))]
    reply_bytes: Option<u64>,
    /// Look for answers all the time instead of sleeping until there are some.
    #[arg(long)]
    spin: bool,
    /// Pin to this core.
    #[arg(long)]
    core: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    Grpc,
    Echo,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Rpc {
    Get,
    Set,
    Delete,
    Exists,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Headers {
    Indexed,
    Literal,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Pace {
    Sliding,
    Batch,
}

fn main() -> ExitCode {
    let options = Options::parse();
    match drive(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            let _closed = writeln!(io::stderr(), "replay: {}: {error}", options.address);
            ExitCode::from(1)
        }
    }
}

/// Runs, prints, and says whether every call went well.
fn drive(options: &Options) -> io::Result<bool> {
    if let Some(core) = options.core
        && !core_affinity::set_for_current(core_affinity::CoreId { id: core })
    {
        return Err(io::Error::other(format!("core {core} cannot be had")));
    }
    let request = Rc::new(request(options));
    let plan = plan(options)?;
    let report = match options.mode {
        Mode::Grpc => replay::run(&plan, || Session::new(Rc::clone(&request)))?,
        Mode::Echo => {
            let reply_bytes = options.reply_bytes.unwrap_or(1);
            replay::run(&plan, || Echo::new(Rc::clone(&request), reply_bytes))?
        }
    };
    writeln!(io::stdout(), "{}", json(&report, &request))?;
    Ok(report.errors == 0)
}

fn request(options: &Options) -> Request {
    let operation = match options.operation {
        Rpc::Get => Operation::Get,
        Rpc::Set => Operation::Set,
        Rpc::Delete => Operation::Delete,
        Rpc::Exists => Operation::Exists,
    };
    let coding = match options.headers {
        Headers::Indexed => HeaderCoding::Indexed,
        Headers::Literal => HeaderCoding::Literal,
    };
    let value = vec![b'v'; options.value_bytes];
    let message = operation.message(&options.key, &value, &options.namespace);
    Request::new(operation.path(), &options.address, &message, coding)
}

fn plan(options: &Options) -> io::Result<Plan> {
    let address: SocketAddr =
        options.address.to_socket_addrs()?.next().ok_or_else(|| io::Error::other("the name has no address"))?;
    let bound = match options.duration {
        Some(seconds) => Bound::Duration(Duration::try_from_secs_f64(seconds).map_err(io::Error::other)?),
        None => Bound::Requests(options.requests.unwrap_or(100_000)),
    };
    let pacing = match options.pacing {
        Pace::Sliding => Pacing::Sliding,
        Pace::Batch => Pacing::Batch,
    };
    let (connections, streams, spins) = (options.connections as usize, options.streams, options.spin);
    Ok(Plan { address, connections, streams, pacing, bound, spins })
}

fn json(report: &Report, request: &Request) -> serde_json::Value {
    let per = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
    let seconds = report.elapsed.as_secs_f64();
    serde_json::json!({
        "requests": report.requests,
        "seconds": seconds,
        "rps": if seconds > 0.0 { report.requests as f64 / seconds } else { 0.0 },
        "errors": report.errors,
        "first_error": report.first_error,
        "request_bytes": request.wire_bytes(),
        "reply_bytes": per(report.received_bytes, report.requests),
        "message_bytes": per(report.message_bytes, report.requests),
        "calls_per_write": per(report.requests, report.writes),
        "calls_per_read": per(report.requests, report.reads),
    })
}
