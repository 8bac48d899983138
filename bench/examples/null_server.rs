//! Baseline: the proxy's ring and HTTP/2 engine with a fixed answer, neither decoding nor storing anything.

use std::error::Error;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};

use clap::Parser;
use prism_bench::floor::{self, Fixed};

/// Answers every call of KeyValueBasicInterface alike, on one core; what it costs is the engine and the kernel.
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
    /// The bytes of the value that every Get finds, at most 4,096.
    #[arg(long, default_value_t = 64)]
    value_bytes: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    // Before any thread exists, as it says.
    prism_shard::prepare();
    let options = Options::parse();
    let listener = TcpListener::bind(options.listen)?;
    let value_bytes = options.value_bytes;
    let shards =
        floor::launch(listener, options.core, options.spin, false, move |now_ns| Fixed::new(value_bytes, now_ns))?;
    writeln!(io::stderr(), "null_server serving on {}", shards.local_addrs()[0])?;
    Ok(shards.join()?)
}
