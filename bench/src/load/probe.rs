//! One call before the run, so that a server that is not there, or is no gRPC server, is one clear line.

use std::io;
use std::time::Duration;

use prism_proto::h2::client::{Connection, Event, Refused, Request};
use prism_proto::method::id::KEYVALUE_BASIC_EXISTS;
use prism_proto::status::{Code, Status};
use prism_proto::text::Text;
use prism_proto::view::ExistsView;

use super::lane::config;
use super::mix::Operation;
use super::plan::Plan;
use super::run::Clock;
use super::socket::{Moved, Poller, Socket};

/// How long the server may take.
const PATIENCE_NS: u64 = 5_000_000_000;

/// Asks the server for a key that nobody looks at.
pub(super) fn probe(plan: &Plan, clock: Clock) -> Result<(), String> {
    let failed = |reason: &str| format!("{}: {reason}", plan.proxy);
    let mut connection = Connection::new(&config(plan, 1), 0).map_err(failed)?;
    let namespace = Text::from(&plan.namespace);
    let view = ExistsView { key: Text::from("prism-load"), namespace };
    let request = Request::from(KEYVALUE_BASIC_EXISTS);
    let made = connection.call(&request, view.encoded_bytes(), |out| view.write(out), clock.now_ns());
    made.map_err(|refused: Refused| failed(&refused.to_string()))?;
    let status = talk(plan, &mut connection, clock).map_err(|error| match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => {
            failed(&format!("{error}; is a server running there? --proxy names another address"))
        }
        _ => failed(&error.to_string()),
    })?;
    match status.code {
        // It may still have the interfaces that the load is for.
        Code::Unimplemented if !plan.mix.operations().any(Operation::is_basic) => Ok(()),
        // Whatever a gRPC server answers, it is one, and the run tells what else it says.
        Code::Unimplemented | Code::Unavailable | Code::Unknown | Code::Internal => {
            Err(failed(&format!("it does not serve gRPC calls of this kind: {}", status.message)))
        }
        Code::InvalidArgument | Code::NotFound | Code::PermissionDenied | Code::Unauthenticated => {
            Err(failed(&format!("it refuses the calls: {}: {}", status.code.name(), status.message)))
        }
        _ => Ok(()),
    }
}

/// Exchanges bytes until the call has ended.
fn talk(plan: &Plan, connection: &mut Connection, clock: Clock) -> io::Result<Status> {
    let end_ns = clock.now_ns() + PATIENCE_NS;
    let mut poller = Poller::new()?;
    let mut socket = Socket::connect(&plan.address)?;
    poller.watch(&socket, 0)?;
    let mut buffer = vec![0; 16 << 10];
    let (mut is_connected, mut has_read) = (false, false);
    loop {
        let now_ns = clock.now_ns();
        if now_ns >= end_ns {
            let what = match (is_connected, has_read) {
                (false, _) => "no connection comes about",
                (true, false) => "it says nothing",
                (true, true) => "it does not answer a call",
            };
            return Err(io::Error::new(io::ErrorKind::TimedOut, format!("{what} for 5 s")));
        }
        is_connected = is_connected || socket.is_connected()?;
        while is_connected && !connection.output().is_empty() {
            match socket.write(connection.output()) {
                Moved::Bytes(bytes) => drop(connection.output().drain(..bytes)),
                Moved::Blocked => break,
                Moved::Lost(reason) => return Err(io::Error::other(reason)),
            }
        }
        let bytes = match if is_connected { socket.read(&mut buffer) } else { Moved::Blocked } {
            Moved::Bytes(bytes) => bytes,
            Moved::Blocked => {
                poller.wait(Duration::from_millis(100))?;
                continue;
            }
            Moved::Lost(reason) if has_read => return Err(io::Error::other(reason)),
            Moved::Lost(reason) => {
                return Err(io::Error::other(format!("{reason} without a word: is it a gRPC server?")));
            }
        };
        has_read = true;
        let input = connection.begin(&buffer[..bytes]);
        while let Some(event) = connection.poll(&input, now_ns) {
            if let Event::Finished(finished) = event {
                return Ok(finished.status);
            }
        }
        connection.end(input);
    }
}
