//! A closed loop of fixed-size messages against an echo, and the CPU that the server used for each.
//!
//! `cargo run --release --example echo_load -- --connect 127.0.0.1:7000 --core 1 --connections 16 --seconds 3 --pid
//! PID`

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use prism_shard::{Application, Config, Machine, PeerId, Turn, launch, prepare};

/// One connection: a message goes out when the last one has come back whole.
struct Caller {
    output: Vec<u8>,
    missing: usize,
}

impl Machine for Caller {
    fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    fn is_finished(&self) -> bool {
        false
    }
}

struct Load {
    bytes: usize,
    echoed: Arc<AtomicU64>,
}

impl Application for Load {
    type Machine = Caller;
    type Parcel = ();
    type Control = TcpStream;

    fn connected(&mut self, _turn: &mut Turn<'_, Self>, _peer: PeerId) -> Caller {
        unreachable!("it has no listener")
    }

    fn received(&mut self, turn: &mut Turn<'_, Self>, peer: PeerId, bytes: &[u8]) {
        let Some(caller) = turn.peers.get_mut(peer) else { return };
        caller.missing -= bytes.len();
        if caller.missing == 0 {
            caller.missing = self.bytes;
            caller.output.resize(self.bytes, b'x');
            self.echoed.store(self.echoed.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
    }

    fn closed(&mut self, _turn: &mut Turn<'_, Self>, _peer: PeerId, _machine: Caller) {}

    fn parcel(&mut self, _turn: &mut Turn<'_, Self>, _from: u32, (): ()) {}

    fn expired(&mut self, _turn: &mut Turn<'_, Self>, _token: u64) {}

    fn control(&mut self, turn: &mut Turn<'_, Self>, socket: TcpStream) {
        let caller = Caller { output: vec![b'x'; self.bytes], missing: self.bytes };
        assert!(turn.peers.adopt(socket.into(), caller).is_ok(), "there is room for the connections of a test");
    }

    fn drain(&mut self, _turn: &mut Turn<'_, Self>) {}

    fn is_drained(&self, _turn: &mut Turn<'_, Self>) -> bool {
        true
    }
}

fn argument(name: &str, default: &str) -> String {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1).unwrap_or_else(|| default.to_owned())
}

/// User and system time of a process in microseconds (proc(5), fields 14 and 15, in ticks of 10 ms).
fn cpu_us(pid: &str) -> Result<u64, Box<dyn std::error::Error>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    let ticks = fields.map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(ticks * 10_000)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    prepare();
    let (bytes, pid) = (argument("--bytes", "100").parse()?, argument("--pid", "self"));
    let (echoed, seconds) = (Arc::new(AtomicU64::new(0)), argument("--seconds", "3").parse()?);
    let config = Config::new(vec![argument("--core", "1").parse()?], Vec::new());
    let counted = echoed.clone();
    let shards = launch(config, move |_| Load { bytes, echoed: counted.clone() })?;
    for _ in 0..argument("--connections", "1").parse()? {
        let socket = TcpStream::connect(argument("--connect", "127.0.0.1:7000"))?;
        socket.set_nodelay(true)?;
        shards.control(0, socket).map_err(|_| "too many connections at once")?;
    }
    std::thread::sleep(Duration::from_millis(500));
    let (start, cpu, before) = (Instant::now(), cpu_us(&pid)?, echoed.load(Ordering::Relaxed));
    std::thread::sleep(Duration::from_secs(seconds));
    let (wall, cpu, count) = (start.elapsed(), cpu_us(&pid)? - cpu, echoed.load(Ordering::Relaxed) - before);
    writeln!(
        std::io::stderr(),
        "{count} messages in {wall:.2?}: {:.0} a second, {:.2} us of server CPU each",
        count as f64 / wall.as_secs_f64(),
        cpu as f64 / count as f64,
    )?;
    shards.drain(Duration::from_secs(1));
    Ok(shards.join()?)
}
