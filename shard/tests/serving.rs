//! Connections that are served: bytes in and out, spread over the shards.
#![allow(clippy::unwrap_used)]

mod stage;

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};

use prism_shard::{Config, Counter};
use stage::{CHUNK_BYTES, CHUNKS, Event, Order, Running};

fn exchange(stream: &mut (impl Read + Write), bytes: &[u8]) {
    stream.write_all(bytes).unwrap();
    let mut echoed = vec![0; bytes.len()];
    stream.read_exact(&mut echoed).unwrap();
    assert!(echoed == bytes);
}

#[test]
fn one_shard_echoes() {
    let running = Running::start(1);
    let mut stream = running.connect();
    for round in 0..100_u32 {
        exchange(&mut stream, format!("round {round}").as_bytes());
    }
    drop(stream);
    running.await_events(1, |event| *event == Event::Closed(0));
    running.finish();
}

#[test]
fn connections_are_spread_evenly() {
    for shards in [1, 2] {
        let running = Running::start(shards);
        let mut streams: Vec<_> = (0..200).map(|_| running.connect()).collect();
        for stream in &mut streams {
            exchange(stream, b"hello");
        }
        let handle = running.shards().handle();
        for shard in 0..shards as u32 {
            assert_eq!(handle.connections(shard), 200 / shards);
        }
        for _ in 0..3 {
            for stream in &mut streams {
                stream.write_all(&[42; 100]).unwrap();
            }
            for stream in &mut streams {
                let mut echoed = [0; 100];
                stream.read_exact(&mut echoed).unwrap();
                assert_eq!(echoed, [42; 100]);
            }
        }
        drop(streams);
        running.await_events(200, |event| matches!(event, Event::Closed(_)));
        running.await_counted(Counter::Accepted, 200);
        running.await_counted(Counter::Opened, 200);
        running.finish();
    }
}

#[test]
fn mebibytes_go_through_short_sends() {
    let running = Running::start_with(1, |config: &mut Config| {
        config.unsent_bytes_max = 64 << 20;
        socket2::SockRef::from(&config.listeners[0]).set_send_buffer_size(16 << 10).unwrap();
    });
    let stream = running.connect();
    let bytes: Vec<u8> = (0..8_u32 << 20).map(|number| (number >> 3) as u8 ^ number as u8).collect();
    let (mut reader, mut writer) = (stream.try_clone().unwrap(), stream);
    let written = bytes.clone();
    // Nothing is read before all is written, so the server has to hold megabytes that no socket buffer takes at once.
    writer.write_all(&written).unwrap();
    writer.shutdown(Shutdown::Write).unwrap();
    let mut echoed = Vec::new();
    reader.read_to_end(&mut echoed).unwrap();
    assert!(echoed == bytes, "{} of {} bytes came back, or in another order", echoed.len(), bytes.len());
    running.await_counted(Counter::SentBytes, bytes.len() as u64);
    assert!(running.counted(Counter::ShortSends) > 0);
    running.finish();
}

/// What launching relies on to set the option once.
#[test]
fn accepted_sockets_inherit_nodelay() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    socket2::SockRef::from(&listener).set_tcp_nodelay(true).unwrap();
    let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    assert!(listener.accept().unwrap().0.nodelay().unwrap());
}

#[test]
fn a_finished_machine_is_flushed_and_closed() {
    let running = Running::start(1);
    let mut stream = running.connect();
    stream.write_all(b"farewell, bye\n").unwrap();
    let mut echoed = Vec::new();
    stream.read_to_end(&mut echoed).unwrap();
    assert_eq!(echoed, b"farewell, bye\n");
    running.await_events(1, |event| *event == Event::Closed(0));
    running.finish();
}

#[test]
fn a_peer_closed_by_the_application_is_gone_at_once() {
    let running = Running::start(1);
    let mut stream = running.connect();
    stream.write_all(b"close\n").unwrap();
    let mut echoed = Vec::new();
    assert_eq!(stream.read_to_end(&mut echoed).unwrap_or(0), 0);
    running.await_events(1, |event| *event == Event::Closed(0));
    running.finish();
}

#[test]
fn unix_sockets_are_served_too() {
    let directory = std::env::temp_dir().join(format!("prism-shard-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join("echo");
    let listener = UnixListener::bind(&path).unwrap();
    let running = Running::start_with(1, |config: &mut Config| config.listeners.push(listener.into()));
    assert_eq!(running.shards().local_addrs()[1].to_string(), format!("unix:{}", path.display()));
    let mut stream = UnixStream::connect(&path).unwrap();
    exchange(&mut stream, b"by path");
    exchange(&mut running.connect(), b"by port");
    running.finish();
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn an_adopted_socket_is_a_peer() {
    let running = Running::start(1);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    running.order(0, Order::Adopt(socket, b"request".to_vec()));
    let mut request = [0; 7];
    server.read_exact(&mut request).unwrap();
    assert_eq!(&request, b"request");
    exchange(&mut server, b"response");
    assert_eq!(running.shards().handle().connections(0), 0, "it is no connection of a client");
    drop(server);
    running.await_events(1, |event| *event == Event::Closed(0));
    running.finish();
}

#[test]
fn a_spinning_shard_serves_the_same() {
    let running = Running::start_with(2, |config: &mut Config| config.spin_us = 50);
    let mut streams: Vec<_> = (0..10).map(|_| running.connect()).collect();
    for _ in 0..50 {
        for stream in &mut streams {
            exchange(stream, b"spin");
        }
    }
    running.finish();
}

#[test]
fn a_long_stream_is_made_as_it_is_taken() {
    let running = Running::start(1);
    let mut stream = running.connect();
    stream.write_all(b"stream\n").unwrap();
    let mut bytes = vec![0; 7 + CHUNKS * CHUNK_BYTES];
    stream.read_exact(&mut bytes).unwrap();
    assert!(bytes.starts_with(b"stream\n") && bytes[7..].iter().all(|byte| *byte == b'c'));
    assert_eq!(running.counted(Counter::Paused), 0, "no more than a chunk was ever unsent");
    running.finish();
}

/// Clients that come, send, read and break off at random, on both shards.
#[test]
fn random_traffic_comes_back_whole() {
    let seed = 0x9e37_79b9_7f4a_7c15_u64 ^ u64::from(std::process::id());
    let mut state = seed;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let running = Running::start_with(2, |config: &mut Config| {
        config.receive_buffers = 8;
        config.receive_buffer_bytes = 512;
        config.ring_entries = 8;
    });
    let mut clients = Vec::new();
    for step in 0..3_000 {
        match random(10) {
            0 if clients.len() < 60 => clients.push(running.connect()),
            1 if !clients.is_empty() => {
                let index = random(clients.len());
                let mut client = clients.swap_remove(index);
                if random(2) == 0 {
                    client.write_all(&vec![1; random(20_000)]).unwrap();
                }
            }
            _ if !clients.is_empty() => {
                let index = random(clients.len());
                let bytes: Vec<u8> = (0..1 + random(5_000)).map(|number| (number ^ step) as u8 | 0x80).collect();
                clients[index].write_all(&bytes).unwrap();
                let mut echoed = vec![0; bytes.len()];
                clients[index].read_exact(&mut echoed).unwrap();
                assert!(echoed == bytes, "seed {seed:#x}, step {step}");
            }
            _ => {}
        }
    }
    let opened = running.counted(Counter::Opened);
    drop(clients);
    running.await_counted(Counter::Closed, opened);
    running.finish();
}
