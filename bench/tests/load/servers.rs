//! Servers on threads of this process: one that answers, and some that do what servers should not.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use prism_bench::floor::{self, Fixed};
use prism_shard::Address;

/// The engine that answers every call alike, for as long as `work` takes.
pub(crate) fn with_null_server<T>(work: impl FnOnce(SocketAddr) -> T) -> T {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let cores = core_affinity::get_core_ids().expect("the cores of this process");
    let make = |now_ns| Fixed::new(64, now_ns);
    let shards = floor::launch(listener, cores[0].id, 0, false, make).expect("the shard starts");
    let address = shards.local_addrs().iter().find_map(Address::as_tcp).expect("a TCP listener");
    let result = work(address);
    shards.drain(Duration::from_secs(10));
    shards.join().expect("the shard ends well");
    result
}

/// Accepts nothing; what connects waits in the backlog.
pub(crate) fn deaf() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    (listener, address)
}

/// Gives each connection, with its number, to `serve` on a thread of its own, until the process ends.
pub(crate) fn odd(serve: impl Fn(u64, TcpStream) -> io::Result<()> + Clone + Send + 'static) -> SocketAddr {
    let (listener, address) = deaf();
    thread::spawn(move || {
        for (number, socket) in (0..).zip(listener.incoming()) {
            let (serve, Ok(socket)) = (serve.clone(), socket) else { return };
            // What the other side does to the socket is no error here.
            thread::spawn(move || drop(serve(number, socket)));
        }
    });
    address
}

/// Says something that is no HTTP/2 as soon as it hears something; every second connection then hangs up, the others
/// leave that to the client.
pub(crate) fn garbage() -> SocketAddr {
    odd(|number, mut socket| {
        socket.read_exact(&mut [0; 24])?;
        socket.write_all(&[0xa5; 1_000])?;
        if number % 2 == 1 {
            socket.shutdown(Shutdown::Write)?;
        }
        io::copy(&mut socket, &mut io::sink()).map(drop)
    })
}

/// Passes bytes to a server; every second connection breaks after so many of the client's.
pub(crate) fn breaking(server: SocketAddr, bytes: u64) -> SocketAddr {
    odd(move |number, client| {
        let upstream = TcpStream::connect(server)?;
        let (mut from_server, mut to_client) = (upstream.try_clone()?, client.try_clone()?);
        thread::spawn(move || drop(io::copy(&mut from_server, &mut to_client)));
        let limit = if number % 2 == 1 { bytes } else { u64::MAX };
        let (mut from_client, mut to_server) = ((&client).take(limit), &upstream);
        let copied = io::copy(&mut from_client, &mut to_server);
        client.shutdown(Shutdown::Both).and(upstream.shutdown(Shutdown::Both))?;
        copied.map(drop)
    })
}
