//! Listeners on real sockets.

use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

/// A directory of its own for one test, removed afterwards.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("prism-listeners-{}-{number}", std::process::id()));
        fs::create_dir(&path).expect("the temporary directory can be written");
        Self(path)
    }

    fn socket(&self) -> (PathBuf, ListenAddress) {
        let path = self.0.join("s");
        (path.clone(), ListenAddress::Unix(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn tcp(text: &str) -> ListenAddress {
    text.parse().expect("the test's addresses are valid")
}

fn bind_one(address: ListenAddress) -> Result<Listener, BindError> {
    bind(&[address]).map(|mut bound| bound.pop().expect("one address gives one listener"))
}

fn tcp_address(listener: &Listener) -> SocketAddr {
    match listener.address {
        ListenAddress::Tcp(address) => address,
        ListenAddress::Unix(_) => panic!("a TCP listener has a TCP address"),
    }
}

#[test]
fn port_zero_becomes_a_real_one_that_accepts() {
    let listener = bind_one(tcp("127.0.0.1:0")).expect("a free port exists");
    let address = tcp_address(&listener);
    assert_ne!(address.port(), 0);
    TcpStream::connect(address).expect("the listener accepts");
}

#[test]
fn a_port_in_use_is_refused_naming_the_address() {
    let listener = bind_one(tcp("127.0.0.1:0")).expect("a free port exists");
    let error = bind_one(listener.address.clone()).expect_err("the port is taken");
    let expected = format!("cannot listen on {}: another socket listens there already", listener.address);
    assert_eq!(error.to_string(), expected);
}

#[test]
fn an_address_of_no_interface_is_refused() {
    // TEST-NET-1 (RFC 5737) is nobody's.
    let error = bind_one(tcp("192.0.2.1:0")).expect_err("no interface has this address");
    let expected = "cannot listen on 192.0.2.1:0: no interface of this host has the address 192.0.2.1";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn both_wildcards_may_have_the_same_port() {
    let v4 = tcp("0.0.0.0:8980");
    let SocketAddr::V6(v6) = "[::]:8980".parse().expect("the address is valid") else { panic!("it is of IPv6") };
    assert!(is_ipv4_covered(v6.into(), &[v4.clone(), ListenAddress::Tcp(v6.into())]));
    assert!(!is_ipv4_covered(v6.into(), &[tcp("0.0.0.0:1"), ListenAddress::Tcp(v6.into())]));
    assert!(!is_ipv4_covered("[::1]:8980".parse().expect("the address is valid"), &[v4]));
}

#[test]
fn a_unix_socket_accepts_and_its_file_goes_with_it() {
    let directory = Directory::new();
    let (path, address) = directory.socket();
    let listener = bind_one(address.clone()).expect("the path is free");
    assert_eq!(listener.address, address);
    UnixStream::connect(&path).expect("the listener accepts");
    drop(listener);
    assert!(!path.exists());
}

#[test]
fn a_stale_unix_socket_is_replaced() {
    let directory = Directory::new();
    let (path, address) = directory.socket();
    drop(UnixListener::bind(&path).expect("the path is free"));
    assert!(path.exists(), "closing a socket leaves its file");
    let _listener = bind_one(address).expect("nobody listens there any more");
    UnixStream::connect(&path).expect("the new one accepts");
}

#[test]
fn a_live_unix_socket_is_refused_and_left_alone() {
    let directory = Directory::new();
    let (path, address) = directory.socket();
    let _other = UnixListener::bind(&path).expect("the path is free");
    let error = bind_one(address.clone()).expect_err("another listens there");
    assert_eq!(error.to_string(), format!("cannot listen on {address}: another process listens there already"));
    UnixStream::connect(&path).expect("the other one still accepts");
}

#[test]
fn a_live_unix_socket_whose_queue_is_full_is_refused_at_once() {
    let directory = Directory::new();
    let (path, address) = directory.socket();
    let other = Socket::new(Domain::UNIX, Type::STREAM, None).expect("a socket can be made");
    other.bind(&SockAddr::unix(&path).expect("the path is short")).expect("the path is free");
    other.listen(0).expect("a bound socket can listen");
    let mut waiting = Vec::new();
    while let Ok(()) = connect(&path).map(|()| waiting.push(())) {
        // Each dropped attempt stays in the queue until it is accepted.
        assert!(waiting.len() < 100, "the queue has an end");
    }
    let error = bind_one(address).expect_err("another listens there");
    assert!(error.to_string().ends_with("another process listens there already"), "{error}");
}

#[test]
fn a_file_that_is_no_socket_is_left_alone() {
    let directory = Directory::new();
    let (path, address) = directory.socket();
    fs::write(&path, "precious").expect("the directory can be written");
    let error = bind_one(address.clone()).expect_err("a file is there");
    let reason = "a file that is not a socket is there; it is left alone";
    assert_eq!(error.to_string(), format!("cannot listen on {address}: {reason}"));
    assert_eq!(fs::read_to_string(&path).expect("the file is there"), "precious");
}

#[test]
fn a_socket_that_took_the_place_of_ours_keeps_its_file() {
    let directory = Directory::new();
    let (path, address) = directory.socket();
    let listener = bind_one(address).expect("the path is free");
    // Kept under another name, so that its inode is not used again.
    fs::rename(&path, directory.0.join("old")).expect("a socket's file can be moved");
    let _other = UnixListener::bind(&path).expect("the path is free again");
    drop(listener);
    assert!(path.exists());
}

#[test]
fn a_missing_directory_is_named_as_the_reason() {
    let error = bind_one(ListenAddress::Unix("/nonexistent/prism/s".into())).expect_err("the directory is missing");
    assert!(error.to_string().contains("its directory does not exist"), "{error}");
}

#[test]
fn one_bad_address_undoes_the_others() {
    let directory = Directory::new();
    let (path, address) = directory.socket();
    bind(&[address, tcp("192.0.2.1:0")]).expect_err("no interface has this address");
    assert!(!path.exists());
}
