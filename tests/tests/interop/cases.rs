//! What every foreign client checks. Each case is one line here and one function in each client, which prints a line
//! for it; none may be missing.

use std::process::{Command, Stdio};

use prism_tests::{Launch, Proxy};

/// Cases that one proxy serves as it is configured, two shards and the defaults.
const USUAL: &[(&str, &str)] = &[
    ("unary", "values of any bytes are set and got back, a missing key is not found"),
    ("many_at_once", "2,000 calls at a time are each answered with what is theirs"),
    ("large", "a message of nearly limits.message_bytes_max goes both ways"),
    ("too_large", "a longer one is RESOURCE_EXHAUSTED and names the limit; the connection lives on"),
    ("scan", "2,000 keys stream in, and from any cursor on; one that is given up under way ends with CANCELLED"),
    ("subscribe", "200 messages come in order after the headers, and again from an id; unsubscribed, it ends with OK"),
    ("health_watch", "the stream says SERVING and stays; cancelled, it ends with CANCELLED"),
    ("reflection", "a stream of three requests is answered one by one, and ends with OK when the client ends it"),
    ("deadline", "a stream ends with DEADLINE_EXCEEDED at the caller's deadline"),
    ("cancel", "200 calls are cancelled under way; the connection lives on"),
    ("metadata", "names twice, and binary metadata of any length, padded or not, as the client encodes it"),
    ("status_message", "the words of a failure arrive with their umlauts and percent signs"),
    ("unknown_method", "UNIMPLEMENTED, and the method is named"),
    ("gzip", "compressed requests are understood, and one that inflates to 64 MiB is RESOURCE_EXHAUSTED"),
];

/// Pings at an interval that is allowed, while nothing else happens: the connection stays.
const KEEPALIVE: &str = "keepalive";
/// Pings more often than allowed: the connection ends with `too_many_pings`, and the client understands.
const TOO_MANY_PINGS: &str = "too_many_pings";

/// Connections grow old under calls that go on and on: the client moves to the next one, and no call fails.
const CONNECTION_DRAIN: &str = "connection_drain";

/// Runs all cases of a client that takes an address and the names of cases; the command begins with what comes before
/// the address, and `between` with what comes between address and names.
#[track_caller]
pub(crate) fn check(client: impl Fn() -> Command, between: &[&str]) {
    let usual: Vec<&str> = USUAL.iter().map(|(name, _)| *name).collect();
    let limits = |limits: &str| format!("limits: {{ {limits} }}\n");
    // Clients have a shortest interval of their own, up to 10 s; so the proxy's is made longer, or next to nothing.
    let groups: [(String, &[&str]); 4] = [
        (String::new(), &usual),
        (limits("ping_interval_min: 50ms"), &[KEEPALIVE]),
        (limits("ping_interval_min: 60s"), &[TOO_MANY_PINGS]),
        (limits("connection_age_max: 1s"), &[CONNECTION_DRAIN]),
    ];
    // Each has a proxy and a process of its own: some wait for most of their time.
    let running = groups.map(|(file, names)| {
        let launch = Launch::shards(2);
        let proxy = if file.is_empty() { launch.start() } else { launch.file(&file).start() };
        let mut command = client();
        command.arg(proxy.address()).args(between).args(names);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}: run `make setup`"));
        (proxy, child, names)
    });
    for (proxy, child, names) in running {
        let output = child.wait_with_output().expect("it is our child");
        let printed = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        for name in names {
            let line = format!("{name}: passed");
            assert!(printed.lines().any(|printed| printed == line), "{name} has not passed:\n{printed}");
        }
        assert!(output.status.success(), "{}:\n{printed}", output.status);
        serves(&proxy);
    }
}

/// Whatever the client did, the proxy is still there.
fn serves(proxy: &Proxy) {
    std::net::TcpStream::connect(proxy.address()).expect("the proxy accepts connections");
}
