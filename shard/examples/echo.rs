//! A TCP echo on one shard: the floor below which no server on this ring can go.
//!
//! `cargo run --release --example echo -- --listen 127.0.0.1:7000 --core 0 [--spin MICROSECONDS]`

use std::net::TcpListener;
use std::process::ExitCode;

use prism_shard::{Application, Config, Machine, PeerId, Turn, launch, prepare};

#[derive(Default)]
struct Echo(Vec<u8>);

impl Machine for Echo {
    fn output(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }

    fn is_finished(&self) -> bool {
        false
    }
}

struct Server;

impl Application for Server {
    type Machine = Echo;
    type Parcel = ();
    type Control = ();

    fn connected(&mut self, _turn: &mut Turn<'_, Self>, _peer: PeerId) -> Echo {
        Echo::default()
    }

    fn received(&mut self, turn: &mut Turn<'_, Self>, peer: PeerId, bytes: &[u8]) {
        if let Some(echo) = turn.peers.get_mut(peer) {
            echo.0.extend_from_slice(bytes);
        }
    }

    fn closed(&mut self, _turn: &mut Turn<'_, Self>, _peer: PeerId, _machine: Echo) {}

    fn parcel(&mut self, _turn: &mut Turn<'_, Self>, _from: u32, (): ()) {}

    fn expired(&mut self, _turn: &mut Turn<'_, Self>, _token: u64) {}

    fn control(&mut self, _turn: &mut Turn<'_, Self>, (): ()) {}

    fn drain(&mut self, _turn: &mut Turn<'_, Self>) {}

    fn is_drained(&self, _turn: &mut Turn<'_, Self>) -> bool {
        true
    }
}

fn argument(name: &str, default: &str) -> String {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1).unwrap_or_else(|| default.to_owned())
}

fn serve() -> Result<(), Box<dyn std::error::Error>> {
    prepare();
    let listener = TcpListener::bind(argument("--listen", "127.0.0.1:7000"))?;
    let mut config = Config::new(vec![argument("--core", "0").parse()?], vec![listener.into()]);
    config.spin_us = argument("--spin", "0").parse()?;
    let shards = launch(config, |_| Server)?;
    std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("echo on {}\n", shards.local_addrs()[0]))?;
    Ok(shards.join()?)
}

fn main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("echo: {error}\n"));
            ExitCode::FAILURE
        }
    }
}
