//! Baseline: bytes for bytes on the proxy's ring, without a protocol. Nothing on this ring can cost less.

use std::error::Error;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};

use clap::Parser;
use prism_bench::floor::{self, Echo, Exchange};

/// Answers bytes with bytes on one core; what it costs is the kernel and the ring.
#[derive(Debug, Parser)]
struct Options {
    /// Where to listen; port 0 takes a free one, and the address is printed to standard error.
    #[arg(long, default_value = "127.0.0.1:8980")]
    listen: SocketAddr,
    /// The core to run on.
    #[arg(long, default_value_t = 0)]
    core: usize,
    /// Microseconds to look for work before sleeping.
    #[arg(long, default_value_t = 0)]
    spin: u64,
    /// Read into buffers of 64 KiB instead of 8, as the proxy does while large messages come.
    #[arg(long)]
    long: bool,
    /// For each N bytes received send M: the bytes of a request and of its reply, so that a server which understands
    /// them can be compared. 1/1 sends as much as it receives.
    #[arg(long, value_name = "N/M", default_value = "1/1", value_parser = exchange)]
    reply_bytes_per: Exchange,
}

fn exchange(text: &str) -> Result<Exchange, String> {
    let parse = |part: &str| part.parse::<usize>().map_err(|error| format!("{part:?}: {error}"));
    let (received, sent) = text.split_once('/').ok_or("two numbers with a slash between them")?;
    let exchange = Exchange { received_bytes: parse(received)?, sent_bytes: parse(sent)? };
    if exchange.received_bytes == 0 { Err("a request has at least one byte".into()) } else { Ok(exchange) }
}

fn main() -> Result<(), Box<dyn Error>> {
    // Before any thread exists, as it says.
    prism_shard::prepare();
    let options = Options::parse();
    let listener = TcpListener::bind(options.listen)?;
    let exchange = options.reply_bytes_per;
    let shards = floor::launch(listener, options.core, options.spin, options.long, move |_| Echo::new(exchange))?;
    writeln!(io::stderr(), "echo_server serving on {}", shards.local_addrs()[0])?;
    Ok(shards.join()?)
}
