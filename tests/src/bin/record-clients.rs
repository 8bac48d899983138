//! Records what gRPC clients send, for `prism_tests::recorded`: `record-clients [CLIENT...]`, all when none is named.
//!
//! `make setup` brings all clients but grpc-java, for which Maven has to put its jars into the cache first:
//! `mvn -f tests/interop/java dependency:copy-dependencies -DoutputDirectory=$PWD/tests/.cache/java`.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use prism_proto::h2::server::{Config, Connection};
use prism_proto::view::GetView;
use prism_tests::clients::prism::interfaces::keyvalue::key_value_basic_interface_client::KeyValueBasicInterfaceClient;
use prism_tests::messages::prism::interfaces::keyvalue::GetRequest;
use prism_tests::prefixed;
use prism_tests::recorded::{CALLS, CASES, CLIENTS, METHOD_PATH, Recorded, answer};
use tonic::Request;

/// As long as a usual one.
const TOKEN: &str = "Bearer 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15";

fn main() {
    let named: Vec<String> = std::env::args().skip(1).collect();
    fs::create_dir_all(Recorded::folder()).expect("the folder of the recordings can be made");
    for client in CLIENTS {
        if named.is_empty() || named.iter().any(|name| name == client) {
            CASES.iter().for_each(|case| record(client, case));
        }
    }
}

#[allow(clippy::print_stdout, reason = "a recorder says what it has recorded")]
fn record(client: &'static str, case: &'static str) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    let caller = thread::spawn(move || call(client, case, address));
    let bytes = serve_one(&listener);
    caller.join().expect("the client succeeds");
    let mut recorded = Recorded { name: format!("{client}-{case}"), bytes };
    let calls = recorded.call_starts();
    assert_eq!(calls.len(), CALLS, "{}: calls", recorded.name);
    let is_of_last =
        |&(start, _): &(usize, usize)| recorded.bytes[start + 5..][..4] == recorded.bytes[calls[CALLS - 1] + 5..][..4];
    let starts = recorded.frame_starts();
    let frames = starts.iter().copied().zip(starts[1..].iter().copied());
    let end = frames.filter(is_of_last).map(|(_, end)| end).next_back().expect("the last call has frames");
    recorded.bytes.truncate(end);
    let path = Recorded::folder().join(format!("{}.bin", recorded.name));
    fs::write(path, &recorded.bytes).expect("the recording can be written");
    println!("{}: {} bytes", recorded.name, recorded.bytes.len());
}

/// Answers the calls of one connection until its end; what came.
fn serve_one(listener: &TcpListener) -> Vec<u8> {
    let (mut socket, _) = listener.accept().expect("the client connects");
    let mut connection = Connection::new(&Config::default(), 0);
    let (mut received, mut buffer) = (Vec::new(), vec![0; 1 << 16]);
    while let Ok(length @ 1..) = socket.read(&mut buffer) {
        received.extend_from_slice(&buffer[..length]);
        answer(&mut connection, &buffer[..length], |_| {});
        if socket.write_all(connection.output()).is_err() {
            break;
        }
        connection.output().clear();
    }
    received
}

/// Makes all calls of a case and ends.
fn call(client: &str, case: &str, address: SocketAddr) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cached = |name: &str| folder.join(".cache").join(name);
    let mut command = match client {
        "grpc-go" => Command::new(cached("bin/interop-go")),
        "grpc-java" => {
            let mut java = Command::new("java");
            java.arg("-cp").arg(cached("java/*")).arg(folder.join("interop/java/Record.java"));
            java
        }
        "grpc-js" => {
            let mut node = Command::new("node");
            node.env("NODE_PATH", cached("node/node_modules")).arg(folder.join("interop/node/client.js"));
            node
        }
        "grpcio" => {
            let mut python = Command::new(cached("venv/bin/python"));
            python.arg(folder.join("interop/grpcio_client.py"));
            python
        }
        "nghttp2" => return call_by_h2load(case, address),
        _ => return call_by_tonic(case, address),
    };
    command.arg(address.to_string());
    if matches!(client, "grpc-js" | "grpcio") {
        command.arg(folder.join("../proto/protos"));
    }
    run(command.arg(format!("record_{case}")).env("CALLS", CALLS.to_string()).env("TOKEN", TOKEN));
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Its headers are the same for all calls.
fn call_by_h2load(case: &str, address: SocketAddr) {
    let scratch = prism_tests::Scratch::new();
    let body = scratch.path("body");
    let mut message = Vec::new();
    GetView { key: "key-00000000".into(), ..GetView::default() }.write(&mut message);
    fs::write(&body, prefixed(0, &message)).expect("the scratch folder can be written to");
    let mut h2load = Command::new("h2load");
    h2load.args(["-t1", "-c1", "-m1", &format!("-n{CALLS}"), "-d", &body.display().to_string()]);
    h2load.args(["-H", "content-type: application/grpc", "-H", "te: trailers"]);
    match case {
        "deadline" => h2load.args(["-H", "grpc-timeout: 1S"]),
        "metadata" => {
            h2load.args(["-H", &format!("authorization: {TOKEN}"), "-H", &format!("x-trace-id: {}", trace(0))])
        }
        _ => &mut h2load,
    };
    run(h2load.arg(format!("http://{address}{METHOD_PATH}")));
}

fn call_by_tonic(case: &str, address: SocketAddr) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut client = KeyValueBasicInterfaceClient::connect(format!("http://{address}")).await.expect("it connects");
        for number in 0..CALLS {
            let mut request = Request::new(GetRequest { key: format!("key-{number:08}"), ..Default::default() });
            match case {
                "deadline" => request.set_timeout(Duration::from_secs(1)),
                "metadata" => {
                    request.metadata_mut().insert("authorization", TOKEN.parse().expect("visible characters"));
                    request.metadata_mut().insert("x-trace-id", trace(number).parse().expect("digits"));
                }
                _ => {}
            }
            client.get(request).await.expect("the call succeeds");
        }
    });
}

/// 32 hexadecimal digits that look like chance.
fn trace(number: usize) -> String {
    let first = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!("{first:016x}{:016x}", first ^ first >> 29)
}
