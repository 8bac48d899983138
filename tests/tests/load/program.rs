//! What the program does for whoever calls it.

use std::net::TcpListener;
use std::time::Duration;

use prism_tests::{Launch, Load, cores};

use crate::{pass, turn};

#[test]
fn a_run_reports_every_call_and_its_validity() {
    let _turn = turn();
    let proxy = Launch::shards(1).start();
    let words = "--rps 2000 --duration 2s --warmup 200ms --keys 500 --prefill --verify --operation mixed \
                 --mix get:7,set:2,exists:1 --value-bytes 16..64 --slo errors<=0 --seed 3";
    let run = Load::at(proxy.address(), words).run();
    run.balanced();
    assert_eq!((run.errors(), run.count("timeouts"), run.count("missing")), (0, 0, 0), "{run:?}");
    // Five standard deviations of a Poisson process around 4,000.
    assert!((3_680..4_320).contains(&run.count("intended")), "{}", run.output);
    // Both depend on how busy the machine is, and on nothing else.
    let valid = run.report["valid"].as_bool().unwrap();
    assert_eq!(run.code, Some(if valid { 0 } else { 1 }), "{}", run.output);
    assert_eq!(run.report["reasons"].as_array().unwrap().is_empty(), valid);
    assert_eq!(run.output.contains("NOT VALID"), !valid, "{}", run.output);
    let operations = run.report["operations"].as_object().unwrap();
    assert_eq!(operations.keys().collect::<Vec<_>>(), ["exists", "get", "set"]);
    let seconds = run.report["series"].as_array().unwrap();
    let of_seconds: u64 = seconds.iter().map(|second| second["intended"].as_u64().unwrap()).sum();
    assert_eq!((seconds.len(), of_seconds), (2, run.count("intended")));
}

#[test]
fn every_operation_is_served_and_counted() {
    let _turn = turn();
    let proxy = Launch::shards(1).start();
    let mix = "get:1,set:1,delete:1,exists:1,scan:1,list:1,publish:1,append:1";
    let words = "--rps 400 --duration 1s --warmup 0s --timeout 5s --keys 50 --prefill --scan-limit 10";
    let run = Load::at(proxy.address(), &format!("{words} --operation mixed --mix {mix}")).run();
    run.balanced();
    assert_eq!(run.count("ok"), run.count("intended"), "{}", run.output);
    let operations = run.report["operations"].as_object().unwrap();
    assert_eq!(operations.len(), 8);
    for (name, figures) in operations {
        assert!(figures["ok"].as_u64().unwrap() > 20, "{name}: {}", run.output);
    }
    // A scan is a page that is pulled.
    assert_eq!(proxy.counters()["pages"], operations["scan"]["ok"].as_u64().unwrap());
}

#[test]
fn a_core_that_the_proxy_uses_too_is_told() {
    let _turn = turn();
    let proxy = Launch::shards(1).start();
    let core = cores(1);
    let run = Load::at(proxy.address(), &format!("--rps 50 --duration 200ms --warmup 0s --cores {core}")).run();
    run.balanced();
    assert!(run.output.contains(&format!("a shard on core {core}, and the load ran there too")), "{}", run.output);
}

#[test]
fn a_value_that_nobody_wrote_is_found() {
    let _turn = turn();
    let proxy = Launch::shards(1).start();
    let fill = Load::at(proxy.address(), "--rps 100 --duration 100ms --warmup 0s --keys 50 --prefill --seed 1").run();
    fill.balanced();
    let run = Load::at(proxy.address(), "--rps 100 --duration 500ms --warmup 0s --keys 50 --verify --seed 2").run();
    run.balanced();
    assert_eq!(run.report["total"]["errors"]["WRONG_VALUE"].as_u64(), Some(run.count("intended")), "{run:?}");
    assert_eq!(run.code, Some(1));
}

#[test]
fn an_interrupted_run_reports_what_it_has() {
    let _turn = turn();
    let proxy = Launch::shards(1).start();
    let load = Load::at(proxy.address(), "--rps 500 --duration 10m --warmup 0s").start();
    pass(Duration::from_secs(2));
    load.signal("INT");
    let run = load.wait();
    run.balanced();
    assert!(run.count("ok") > 0, "{}", run.output);
    assert!(run.report["seconds"].as_f64().unwrap() < 60.0);
    assert!(run.output.contains("interrupted"), "{}", run.output);
}

#[test]
fn a_proxy_that_is_killed_costs_the_calls_it_had_and_those_after_it() {
    let _turn = turn();
    let proxy = Launch::shards(1).start();
    let words = "--rps 2000 --duration 3s --warmup 0s --timeout 200ms --arrivals constant";
    let load = Load::at(proxy.address(), words).start();
    pass(Duration::from_millis(1_500));
    proxy.signal("KILL");
    let run = load.wait();
    run.balanced();
    assert_eq!(run.count("intended"), 6_000);
    // Whoever is late into its run finds no server; nobody is so late that all calls are answered.
    assert!(run.count("timeouts") > 0 && run.report["connects_failed"].as_u64().unwrap() > 0, "{}", run.output);
    assert_eq!(run.code, Some(1), "calls were not sent: the run is not valid");
}

#[test]
fn what_cannot_be_loaded_is_one_line() {
    let _turn = turn();
    // A port that was free a moment ago.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let run = Load::at(&free.to_string(), "--duration 1s").run();
    assert_eq!((run.code, run.error.lines().count()), (Some(1), 1), "{run:?}");
    assert!(run.error.contains("refused") && run.error.contains("--proxy names another address"), "{run:?}");

    let web = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = web.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        let (mut socket, _) = web.accept().unwrap();
        socket.read_exact(&mut [0; 24]).unwrap();
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").unwrap();
    });
    let run = Load::at(&address.to_string(), "--duration 1s").run();
    server.join().unwrap();
    assert_eq!((run.code, run.error.lines().count()), (Some(1), 1), "{run:?}");
    assert!(run.error.contains("HTTP/1.1"), "{run:?}");
}

#[test]
fn a_report_that_cannot_be_written_is_told_before_anything_is_asked() {
    let _turn = turn();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    server.set_nonblocking(true).unwrap();
    let words = "--duration 1s --hgrm /nowhere/latency.hgrm";
    let run = Load::at(&server.local_addr().unwrap().to_string(), words).run();
    assert_eq!((run.code, run.error.lines().count()), (Some(1), 1), "{run:?}");
    assert!(run.error.contains("/nowhere/latency.hgrm: No such file"), "{run:?}");
    assert_eq!(server.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "nobody has connected");
}

#[test]
fn many_connections_fill_the_keys_without_a_refusal() {
    let _turn = turn();
    let proxy = Launch::shards(2).start();
    let words = "--rps 100 --duration 200ms --warmup 0s --timeout 5s --connections 400 --keys 60000 --prefill";
    let run = Load::at(proxy.address(), words).run();
    run.balanced();
    assert_eq!((run.count("ok"), run.count("missing")), (run.count("intended"), 0), "{run:?}");
    let counters = proxy.counters();
    assert_eq!((counters["memstore_keys"], counters.get("mesh_full")), (60_000, None), "{counters:?}");
}

#[test]
fn wrong_usage_is_told_with_the_reason() {
    for (words, reason) in [
        ("--rps fast", "calls a second"),
        ("--duration 0s", "no time"),
        ("--cores 8000", "not allowed"),
        ("--slo p99=1ms", "no objective"),
        ("--mix get:0", "weight"),
        ("--prefil", "--prefill"),
    ] {
        let run = Load::new(words).run();
        assert_eq!(run.code, Some(2), "{words}: {run:?}");
        assert!(run.error.contains(reason), "{words}: {}", run.error);
    }
}
