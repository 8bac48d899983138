//! What happens at a bound: clients that do not read, buffers that run out, too many connections, no descriptors.
#![allow(clippy::unwrap_used)]

mod stage;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use prism_shard::{Config, Counter};
use stage::{Event, Order, PATIENCE, Running};

/// Writes what the sockets' buffers and the server take, until `held` says that it is enough. Returns how much that
/// was.
fn write_until(stream: &mut TcpStream, mut held: impl FnMut() -> bool) -> usize {
    stream.set_nonblocking(true).unwrap();
    let (chunk, mut written, end) = ([7; 64 << 10], 0, Instant::now() + PATIENCE);
    loop {
        match stream.write(&chunk) {
            Ok(bytes) => written += bytes,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if held() {
                    break;
                }
                std::thread::yield_now();
            }
            Err(error) => panic!("{error}"),
        }
        assert!(Instant::now() < end, "the server takes without end: {written} bytes");
    }
    stream.set_nonblocking(false).unwrap();
    written
}

fn unsent_bytes(running: &Running) -> usize {
    running.order(0, Order::Unsent);
    loop {
        if let Event::Unsent(bytes) = running.event() {
            return bytes;
        }
    }
}

#[test]
fn a_client_that_never_reads_is_no_longer_read() {
    const UNSENT_BYTES_MAX: usize = 256 << 10;
    let running = Running::start_with(1, |config: &mut Config| config.unsent_bytes_max = UNSENT_BYTES_MAX);
    let mut stream = running.connect();
    // One turn may overshoot by what had been received when the bound was passed: every buffer there is.
    let unsent_bytes_max = UNSENT_BYTES_MAX + 512 * 8_192;
    let mut looks = 0;
    let written = write_until(&mut stream, || {
        let unsent = unsent_bytes(&running);
        assert!(unsent < unsent_bytes_max, "{unsent} unsent");
        looks += u32::from(running.counted(Counter::Paused) > 0);
        looks == 100
    });
    // Others are served meanwhile.
    let mut other = running.connect();
    other.write_all(b"x").unwrap();
    other.read_exact(&mut [0]).unwrap();
    // And when it reads after all, everything is there.
    let mut left = written;
    let mut bytes = vec![0; 1 << 20];
    while left > 0 {
        let read = stream.read(&mut bytes).unwrap();
        assert!(read > 0 && bytes[..read].iter().all(|byte| *byte == 7));
        left -= read;
    }
    stream.write_all(b"y").unwrap();
    stream.read_exact(&mut bytes[..1]).unwrap();
    assert_eq!(bytes[0], b'y');
    running.finish();
}

#[test]
fn a_paused_peer_is_read_when_it_is_resumed() {
    let running = Running::start(1);
    let mut stream = running.connect();
    stream.write_all(b"a").unwrap();
    stream.read_exact(&mut [0]).unwrap();
    running.order(0, Order::Pause(true));
    // The shard has seen the order, and its turn is over.
    unsent_bytes(&running);
    let turns = running.counted(Counter::Turns);
    while running.counted(Counter::Turns) < turns + 2 {
        std::thread::yield_now();
    }
    let written = write_until(&mut stream, || true);
    assert_eq!(unsent_bytes(&running), 0);
    assert_eq!(running.counted(Counter::ReceivedBytes), 1, "nothing is read after the pause");
    running.order(0, Order::Pause(false));
    let (mut bytes, mut left) = (vec![0; 1 << 20], written);
    while left > 0 {
        let read = stream.read(&mut bytes).unwrap();
        assert!(read > 0);
        left -= read;
    }
    running.finish();
}

#[test]
fn buffers_that_run_out_come_back() {
    let running = Running::start_with(1, |config: &mut Config| {
        config.receive_buffers = 2;
        config.receive_buffer_bytes = 64;
    });
    let mut streams: Vec<_> = (0..50).map(|_| running.connect()).collect();
    for round in 0..20_u8 {
        for stream in &mut streams {
            stream.write_all(&[round; 500]).unwrap();
        }
        for stream in &mut streams {
            let mut echoed = [0; 500];
            stream.read_exact(&mut echoed).unwrap();
            assert_eq!(echoed, [round; 500]);
        }
    }
    assert!(running.counted(Counter::ReceiveBufferMisses) > 0);
    running.finish();
}

#[test]
fn connections_beyond_the_bound_wait_for_one_to_close() {
    for shards in [1, 2] {
        let running = Running::start_with(shards, |config: &mut Config| config.connections_max = 3);
        let mut served: Vec<_> = (0..3).map(|_| running.connect()).collect();
        for stream in &mut served {
            stream.write_all(b"x").unwrap();
            stream.read_exact(&mut [0]).unwrap();
        }
        let mut waiting: Vec<_> = (0..5).map(|_| running.connect()).collect();
        for stream in &mut waiting {
            stream.write_all(b"y").unwrap();
        }
        running.await_events(3, |event| matches!(event, Event::Connected(_)));
        assert_eq!(running.counted(Counter::Opened), 3);
        for mut stream in waiting {
            drop(served.pop().unwrap());
            stream.read_exact(&mut [0]).unwrap();
            served.push(stream);
            assert!(running.counted(Counter::Opened) - running.counted(Counter::Closed) <= 3);
        }
        running.finish();
    }
}

#[test]
fn a_raised_bound_lets_them_in() {
    let running = Running::start_with(1, |config: &mut Config| config.connections_max = 1);
    let mut streams = [running.connect(), running.connect()];
    for stream in &mut streams {
        stream.write_all(b"x").unwrap();
    }
    running.await_events(1, |event| matches!(event, Event::Connected(_)));
    running.shards().handle().set_connections_max(2);
    for stream in &mut streams {
        stream.read_exact(&mut [0]).unwrap();
    }
    running.finish();
}

#[test]
fn a_client_that_breaks_off_is_cleared_away() {
    let running = Running::start(2);
    for round in 0..50 {
        let mut stream = running.connect();
        stream.write_all(&vec![round; 300_000]).unwrap();
        // Closing with unread bytes in the buffer resets the connection.
        stream.read_exact(&mut [0; 10]).unwrap();
        drop(stream);
    }
    running.await_events(50, |event| matches!(event, Event::Closed(_)));
    running.await_counted(Counter::Closed, 50);
    let handle = running.shards().handle();
    let end = Instant::now() + PATIENCE;
    while handle.connections(0) + handle.connections(1) > 0 {
        assert!(Instant::now() < end, "connections are still counted");
    }
    let mut stream = running.connect();
    stream.write_all(b"x").unwrap();
    stream.read_exact(&mut [0]).unwrap();
    running.finish();
}

/// Runs one ignored test of this file in a process of its own.
fn in_own_process(test: &str) {
    let program = std::env::current_exe().unwrap();
    let output = std::process::Command::new(program)
        .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn without_descriptors_accepting_rests_and_resumes() {
    in_own_process("own_process_descriptors");
}

#[test]
#[ignore = "lowers the limits of its process: run by without_descriptors_accepting_rests_and_resumes"]
fn own_process_descriptors() {
    // An accept keeps to the limit that held when it was armed; so few connections are accepted one at a time.
    let running = Running::start_with(1, |config: &mut Config| config.connections_max = 100);
    let mut streams: Vec<_> = (0..4).map(|_| running.connect()).collect();
    for stream in &mut streams {
        stream.write_all(b"x").unwrap();
        stream.read_exact(&mut [0]).unwrap();
    }
    // Client sockets made before the limit falls to what is open now.
    let clients: Vec<_> =
        (0..3).map(|_| socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap()).collect();
    let open = std::fs::read_dir("/proc/self/fd").unwrap().count() as u64;
    let limit = libc::rlimit { rlim_cur: open - 1, rlim_max: 20_000 };
    // SAFETY: `limit` is a valid structure; this process exists for this test alone.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
    let address = running.address.into();
    let mut clients: Vec<_> = clients
        .into_iter()
        .map(|client| {
            client.connect(&address).unwrap();
            let mut client = TcpStream::from(client);
            client.set_read_timeout(Some(PATIENCE)).unwrap();
            client.write_all(b"y").unwrap();
            client
        })
        .collect();
    let end = Instant::now() + PATIENCE;
    while running.counted(Counter::AcceptFailures) == 0 {
        assert!(Instant::now() < end, "no accept failed");
    }
    // Those that are there are served; those that wait are when descriptors are free again.
    for stream in &mut streams {
        stream.write_all(b"x").unwrap();
        stream.read_exact(&mut [0]).unwrap();
    }
    drop(streams);
    for client in &mut clients {
        client.read_exact(&mut [0]).unwrap();
    }
    running.finish();
}
