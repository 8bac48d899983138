//! What valid files and flags come to.

use super::*;
use prism_proto::limits::Limits;

const FULL: &str = "\
listen: [127.0.0.1:1, '[::1]:0', unix:/run/p.sock]
cores: 0,2
shard: {spin_us: 50}
limits:
  message_bytes_max: 1MiB
  connection_buffer_bytes_max: 2MiB
  buffer_bytes_max: 100MiB
  calls_per_shard_max: 7
  key_bytes_max: 100
  connections_max: 5
  streams_per_connection_max: 6
  header_list_bytes_max: 8KiB
  handshake_timeout: 2s
  message_stall_max: 3s
  drain_timeout: 1m
  ping_interval_min: 100ms
  connection_idle_max: 1h
  connection_age_max: 1d
  connection_age_grace: 2m
log: {format: json, level: 'warn,prism_shard=debug'}
backends:
  m: {type: memstore, memory_bytes_max: 10MiB, retention_bytes: 1MiB, retention_age: 5s}
  c:
    type: redis
    endpoints: ['[::1]:6379', r:1]
    cluster: true
    username: u
    password_file: /p
    key_prefix: 'k:'
    connections_per_shard: 2
    timeout: 2s
  k:
    type: kafka
    bootstrap: k:9092
    client_id: '5'
    topic_prefix: t.
    topics: {create: true, partitions: 3, replication: 2}
    sasl: {mechanism: scram-sha-512, username: u, password_file: /q}
    compression: zstd
    request_timeout: 1s
    delivery_timeout: 2s
  p:
    type: plugin
    endpoint: h:1
    config: {list: [1, 2.5, x, true, null], token: abc, nested: {password: p, password_file: f}}
namespaces:
  default: {backend: m}
  some: {keyvalue: m, stream: m}
";

#[test]
fn everything_is_read() {
    let effective = valid(FULL);
    assert_eq!(
        effective.listen.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["127.0.0.1:1", "[::1]:0", "unix:/run/p.sock"]
    );
    assert_eq!((effective.cores.as_slice(), effective.spin_us), (&[0, 2][..], 50));
    let limits = Limits {
        message_bytes_max: 1 << 20,
        connection_buffer_bytes_max: 2 << 20,
        buffer_bytes_max: 100 << 20,
        calls_per_shard_max: 7,
        key_bytes_max: 100,
        connections_max: 5,
        streams_per_connection_max: 6,
        header_list_bytes_max: 8 << 10,
        handshake_timeout_ns: 2_000_000_000,
        message_stall_max_ns: 3_000_000_000,
        drain_timeout_ns: 60_000_000_000,
        ping_interval_min_ns: 100_000_000,
        connection_idle_max_ns: 3_600_000_000_000,
        connection_age_max_ns: 86_400_000_000_000,
        connection_age_grace_ns: 120_000_000_000,
    };
    assert_eq!(effective.limits, limits);
    assert_eq!((effective.log.format, effective.log.level.filter()), (LogFormat::Json, "warn,prism_shard=debug"));
    let names: Vec<(&str, &str)> =
        effective.backends.iter().map(|backend| (backend.name.as_str(), backend.kind.type_name())).collect();
    assert_eq!(names, [("m", "memstore"), ("c", "redis"), ("k", "kafka"), ("p", "plugin")]);
    assert_eq!(effective.memory_bytes(), 10 << 20);
}

#[test]
fn backends_are_read() {
    let effective = valid(FULL);
    let kinds: Vec<&BackendKind> = effective.backends.iter().map(|backend| &backend.kind).collect();
    let endpoint = |text: &str| text.parse::<Endpoint>().expect("the test's endpoints are valid");
    let memstore = Memstore {
        memory_bytes_max: 10 << 20,
        eviction: Eviction::None,
        retention_bytes: 1 << 20,
        retention_age_ns: 5_000_000_000,
    };
    assert_eq!(kinds[0], &BackendKind::Memstore(memstore));
    let redis = Redis {
        endpoints: vec![endpoint("[::1]:6379"), endpoint("r:1")],
        cluster: true,
        username: "u".to_owned(),
        password_file: Some("/p".into()),
        database: 0,
        key_prefix: "k:".to_owned(),
        connections_per_shard: 2,
        timeout_ns: 2_000_000_000,
    };
    assert_eq!(kinds[1], &BackendKind::Redis(redis));
    let kafka = Kafka {
        bootstrap: vec![endpoint("k:9092")],
        client_id: "5".to_owned(),
        topic_prefix: "t.".to_owned(),
        topics: Topics { create: true, partitions: 3, replication: 2 },
        sasl: Sasl {
            mechanism: SaslMechanism::ScramSha512,
            username: "u".to_owned(),
            password_file: Some("/q".into()),
        },
        compression: Compression::Zstd,
        request_timeout_ns: 1_000_000_000,
        delivery_timeout_ns: 2_000_000_000,
    };
    assert_eq!(kinds[2], &BackendKind::Kafka(kafka));
    let BackendKind::Plugin(plugin) = kinds[3] else { panic!("p is a plugin") };
    assert_eq!(plugin.endpoint, endpoint("h:1"));
    let list = [Value::Number(1.0), Value::Number(2.5), Value::Text("x".to_owned()), Value::Bool(true), Value::Null];
    let Value::Map(config) = &plugin.config else { panic!("a plugin's configuration is a mapping") };
    assert_eq!(config[0], ("list".to_owned(), Value::List(list.to_vec())));
}

#[test]
fn namespaces_know_their_backends() {
    let effective = valid(FULL);
    let served = |index: usize| Group::ALL.map(|group| effective.namespaces[index].backend(group));
    assert_eq!(served(0), [Some(0); 4]);
    assert_eq!(served(1), [Some(0), None, None, Some(0)]);
}

#[test]
fn nothing_said_is_one_namespace_in_memory() {
    let default = interpret(&Args::default(), "", None, &ALLOWED).expect("the defaults are valid");
    assert_eq!(default.warnings, []);
    assert_eq!(default.effective, Effective::default_on(ALLOWED.to_vec()));
    let effective = &default.effective;
    assert_eq!(effective.listen, ["127.0.0.1:8980".parse().expect("the address is valid")]);
    assert_eq!(effective.backends[0].name, "memory");
    assert_eq!(effective.memory_bytes(), 1 << 30);
    for text in ["", "# nothing\n", "limits:\nbackends: {}\nnamespaces:\n", "backends: {memory: {type: memstore}}"] {
        assert_eq!(valid(text), *effective, "{text}");
    }
}

#[test]
fn the_namespace_may_be_left_out_when_its_backend_is_clear() {
    let effective = valid("backends: {only: {type: memstore}}");
    assert_eq!((effective.backends[0].name.as_str(), effective.namespaces[0].backends), ("only", [Some(0); 4]));
    let effective = valid("backends: {a: {type: memstore}, memory: {type: memstore}}");
    assert_eq!(effective.namespaces[0].backends, [Some(1); 4]);
}

#[test]
fn forms_that_mean_the_same() {
    for (one, other) in [
        ("listen: 127.0.0.1:1", "listen: [127.0.0.1:1]"),
        ("cores: 0-1", "cores: [0, 1]"),
        ("cores: 2", "cores: '2'"),
        ("limits: {message_bytes_max: 1MiB}", "limits: {message_bytes_max: 1048576}"),
        ("limits: {drain_timeout: 0}", "limits: {drain_timeout: 0s}"),
        ("limits: &l {key_bytes_max: 5}", "limits: {<<: {key_bytes_max: 5}}"),
        ("shard: {spin_us: null}", "shard:"),
    ] {
        assert_eq!(valid(one), valid(other), "{one}");
    }
}

#[test]
fn the_default_retention_fits_a_small_store() {
    let effective = valid("backends: {memory: {type: memstore, memory_bytes_max: 10MiB}}");
    let BackendKind::Memstore(memstore) = &effective.backends[0].kind else { panic!("it is a memstore") };
    assert_eq!(memstore.retention_bytes, 5 << 20);
}

#[test]
fn a_missing_default_namespace_is_a_warning() {
    let loaded = read("namespaces: {a: {backend: memory}}").expect("the file is valid");
    let expected = "prism.yaml: there is no namespace `default`: calls that name none are answered NOT_FOUND";
    assert_eq!(lines(&loaded.warnings), [expected]);
}

#[test]
fn flags_go_before_the_file() {
    let flags = ["--cores=3,1", "--listen=[::1]:5", "--spin=9", "--log-format=text", "--log-level=debug"];
    let loaded = interpret(&args(&flags), "prism.yaml", Some(FULL), &ALLOWED).expect("both are valid");
    let effective = loaded.effective;
    assert_eq!((effective.cores.as_slice(), effective.spin_us), (&[3, 1][..], 9));
    assert_eq!(effective.listen, ["[::1]:5".parse().expect("the address is valid")]);
    assert_eq!((effective.log.format, effective.log.level.filter()), (LogFormat::Text, "debug"));
    // A file for another host: its cores do not matter when a flag replaces them.
    let loaded = interpret(&args(&["--cores=1"]), "prism.yaml", Some("cores: 0-63"), &ALLOWED);
    assert_eq!(loaded.expect("the flag is valid").effective.cores, [1]);
}

#[test]
fn what_is_printed_reads_back_to_the_same() {
    let full = valid(FULL);
    let printed = print(&full);
    let mut again = valid(&printed);
    // The secrets alone are lost.
    assert!(printed.contains("***"), "{printed}");
    assert!(!printed.contains("abc") && !format!("{full:?}").contains("abc"), "{printed}");
    assert!(printed.contains("password_file: f"), "{printed}");
    let (BackendKind::Plugin(old), BackendKind::Plugin(new)) = (&full.backends[3].kind, &mut again.backends[3].kind)
    else {
        panic!("both are plugins")
    };
    new.config = old.config.clone();
    assert_eq!(again, full);
}

#[test]
fn what_needs_a_restart_is_named() {
    let old = valid(FULL);
    assert_eq!(changes_needing_restart(&old, &old), Vec::<String>::new());
    let reloadable = FULL.replace("connections_max: 5", "connections_max: 6").replace("level: 'warn", "level: 'info");
    let reloadable = reloadable.replace("some: {", "other: {").replace("retention_age: 5s", "retention_age: 6s");
    let new = valid(&reloadable);
    assert_ne!(old, new);
    assert_eq!(changes_needing_restart(&old, &new), Vec::<String>::new());
    let fixed = FULL
        .replace("127.0.0.1:1", "127.0.0.1:2")
        .replace("cores: 0,2", "cores: 0,1")
        .replace("spin_us: 50", "spin_us: 51")
        .replace("format: json", "format: text")
        .replace("memory_bytes_max: 10MiB", "memory_bytes_max: 11MiB");
    let expected = ["listen", "cores", "shard.spin_us", "log.format", "backends.m.memory_bytes_max"];
    let new = valid(&fixed);
    assert_eq!(changes_needing_restart(&old, &new), expected);
    assert_eq!(reloaded(&old, new), old);
}

#[test]
fn a_reload_takes_what_may_change() {
    let old = valid(FULL);
    let text = FULL.replace("connections_max: 5", "connections_max: 6").replace("cores: 0,2", "cores: 0");
    let merged = reloaded(&old, valid(&text));
    assert_eq!((merged.limits.connections_max, merged.cores.as_slice()), (6, &[0, 2][..]));
    let small = valid("backends: {memory: {type: memstore, memory_bytes_max: 2MiB}}");
    let merged = reloaded(&small, valid(""));
    let BackendKind::Memstore(memstore) = &merged.backends[0].kind else { panic!("it is a memstore") };
    assert_eq!((memstore.memory_bytes_max, memstore.retention_bytes), (2 << 20, 1 << 20));
    // So do the namespaces' own bounds, which a reload may change.
    for (bound, expected) in [("1MiB", 1 << 20), ("3MiB", 2 << 20)] {
        let text = format!("namespaces: {{default: {{backend: memory, memory_bytes_max: {bound}}}}}");
        assert_eq!(reloaded(&small, valid(&text)).namespaces[0].bounds.memory_bytes_max, Some(expected));
    }
}
