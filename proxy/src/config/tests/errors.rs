//! Every error with its exact position and message.

use super::*;

fn check(cases: &[(&str, &[&str])]) {
    for (text, expected) in cases {
        assert_eq!(wrong(text), *expected, "in:\n{text}");
    }
}

#[test]
fn of_yaml_itself() {
    check(&[
        ("a: [", &["1:4: unclosed bracket '['"]),
        ("a: b: c", &["1:5: mapping values are not allowed in this context"]),
        ("listen: 'x", &["1:9: unclosed quote"]),
        ("listen: *x", &["1:9: alias references unknown anchor"]),
        ("---\na: 1\n---\nb: 2", &["4:1: the file holds more than one YAML document"]),
        ("[a]: b", &["1:1: a key must be plain text"]),
        ("- a", &["1:1: the file: expected a mapping of keys, found a list"]),
        ("hello", &["1:1: the file: expected a mapping of keys, found `hello`"]),
    ]);
}

#[test]
fn of_files_that_would_exhaust_the_reader() {
    let deep = |depth: usize| wrong(&format!("listen: {}{}", "[".repeat(depth), "]".repeat(depth)));
    assert_eq!(deep(10_000), ["1:264: recursion limit exceeded"]);
    assert_eq!(deep(40), ["1:40: the file is nested more than 32 deep"]);
    // Each line has ten times the items of the one before.
    let mut bomb = String::from("a: &l0 [x]\n");
    for level in 1..10 {
        let before = vec![format!("*l{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("k{level}: &l{level} [{before}]\n"));
    }
    assert_eq!(wrong(&bomb), ["6:50: the file holds more than a configuration may"]);
}

#[test]
fn of_unknown_keys() {
    check(&[
        ("lisen: 127.0.0.1:1", &["1:1: unknown key `lisen`; did you mean `listen`?"]),
        (
            "limits:\n  message_byte_max: 1MiB\n  conections_max: 1",
            &[
                "2:3: unknown key `limits.message_byte_max`; did you mean `message_bytes_max`?",
                "3:3: unknown key `limits.conections_max`; did you mean `connections_max`?",
            ],
        ),
        ("shard: {zzz: 1}", &["1:9: unknown key `shard.zzz`; known: spin_us"]),
        (
            "backends:\n  memory: {type: memstore}\n  c: {type: redis, endpoints: a:1, password: hunter2}",
            &["3:36: unknown key `backends.c.password`; did you mean `password_file`?"],
        ),
        (
            "backends:\n  k:\n    type: kafka\n    bootstrap: a:1\n    sasl: {user: x}\n    topics: {partition: \
             1}\nnamespaces: {default: {backend: k}}",
            &[
                "3:11: backends.k: type kafka is not available in this version; available: memstore",
                "5:12: unknown key `backends.k.sasl.user`; did you mean `username`?",
                "6:14: unknown key `backends.k.topics.partition`; did you mean `partitions`?",
            ],
        ),
        (
            "namespaces:\n  a: {backnd: memory, backend: memory}",
            &["2:7: unknown key `namespaces.a.backnd`; did you mean `backend`?"],
        ),
        ("log: {levle: info}", &["1:7: unknown key `log.levle`; did you mean `level`?"]),
    ]);
}

#[test]
fn of_keys_given_twice() {
    check(&[
        ("cores: 0\nlisten: 127.0.0.1:1\ncores: 1", &["3:1: cores: this key is already set in line 1"]),
        (
            "backends:\n  m: {type: memstore}\n  m: {type: memstore}",
            &["3:3: backends.m: this key is already set in line 2"],
        ),
        (
            "backends:\n  m: {type: memstore}\n  p: {type: plugin, endpoint: a:1, config: {x: {y: 1, y: \
             2}}}\nnamespaces: {default: {backend: m}}",
            &["3:55: backends.p.config.x.y: this key is already set in line 3"],
        ),
    ]);
}

#[test]
fn of_types() {
    check(&[
        ("limits: 4", &["1:9: limits: expected a mapping of keys, found `4`"]),
        ("limits: [a]", &["1:9: limits: expected a mapping of keys, found a list"]),
        (
            "limits:\n  message_bytes_max: 4M\n  drain_timeout: 10\n  connections_max: many",
            &[
                "2:22: limits.message_bytes_max: expected a size such as 4MiB, 16KiB or a number of bytes, found `4M`",
                "3:18: limits.drain_timeout: expected a duration such as 10s, 100ms or 5m, found `10`",
                "4:20: limits.connections_max: expected a whole number, found `many`",
            ],
        ),
        (
            "limits:\n  key_bytes_max: -5\n  calls_per_shard_max: 1.5\n  streams_per_connection_max: {}",
            &[
                "2:18: limits.key_bytes_max: expected a size such as 4MiB, 16KiB or a number of bytes, found `-5`",
                "3:24: limits.calls_per_shard_max: expected a whole number, found `1.5`",
                "4:31: limits.streams_per_connection_max: expected a whole number, found a mapping",
            ],
        ),
        (
            "backends:\n  memory: {type: memstore}\n  c: {type: redis, endpoints: a:1, cluster: yes, username: 5}",
            &[
                "3:45: backends.c.cluster: expected true or false, found `yes`",
                "3:60: backends.c.username: expected text (in quotes when it looks like something else), found `5`",
            ],
        ),
        (
            "backends:\n  m: {type: memstore, eviction: lru}",
            &["2:33: backends.m.eviction: expected one of none, s3fifo, soonest_expiry, found `lru`"],
        ),
        (
            "log: {format: xml, level: inof}",
            &[
                "1:15: log.format: expected one of text, json, found `xml`",
                "1:27: log.level: `inof` is not a level (off, error, warn, info, debug, trace) or a filter such as \
                 info,prism_shard=debug; did you mean `info`?",
            ],
        ),
        ("shard: {spin_us: 5us}", &["1:18: shard.spin_us: expected a whole number, found `5us`"]),
    ]);
}

#[test]
fn of_ranges() {
    check(&[
        ("shard: {spin_us: 1000001}", &["1:18: shard.spin_us: 1000001 is out of range; it must be 0 to 1000000"]),
        ("limits: {connections_max: 0}", &["1:27: limits.connections_max: 0 is out of range; it must be 1 to 1000000"]),
        (
            "limits:\n  header_list_bytes_max: 1KiB\n  drain_timeout: 2d",
            &[
                "2:26: limits.header_list_bytes_max: 1KiB is out of range; it must be 4KiB to 144KiB",
                "3:18: limits.drain_timeout: 2d is out of range; it must be 0s to 1d",
            ],
        ),
        (
            "backends: {memory: {type: memstore, memory_bytes_max: 1KiB}}",
            &["1:55: backends.memory.memory_bytes_max: 1KiB is out of range; it must be 1MiB to 1024TiB"],
        ),
    ]);
}

#[test]
fn of_relations_between_limits() {
    check(&[
        (
            "limits:\n  message_bytes_max: 9MiB",
            &["2:22: limits.connection_buffer_bytes_max (16MiB) must be at least twice limits.message_bytes_max \
                 (9MiB), so that one message can always finish"],
        ),
        (
            "limits:\n  message_bytes_max: 1MiB\n  connection_buffer_bytes_max: 1MiB",
            &["3:32: limits.connection_buffer_bytes_max (1MiB) must be at least twice limits.message_bytes_max \
                 (1MiB), so that one message can always finish"],
        ),
        (
            "limits: {buffer_bytes_max: 8MiB}",
            &["1:28: limits.buffer_bytes_max (8MiB) must be at least limits.connection_buffer_bytes_max (16MiB)"],
        ),
        (
            "limits: {key_bytes_max: 4000, message_bytes_max: 4KiB}",
            &["1:25: limits.key_bytes_max (4000) and a namespace of 1024 bytes must leave room in \
                 limits.message_bytes_max (4KiB)"],
        ),
        (
            "backends: {memory: {type: memstore, memory_bytes_max: 64MiB, retention_bytes: 33MiB}}",
            &["1:79: backends.memory.retention_bytes: 33MiB is more than half of memory_bytes_max (64MiB), which \
                 is all that logs may use"],
        ),
    ]);
}

#[test]
fn of_addresses_and_cores() {
    let form = "an address such as 127.0.0.1:8980, [::1]:8980 or unix:/path";
    let on_this_host = format!("1:9: listen: `8980` is not {form}; to listen on this host only write 127.0.0.1:8980");
    let localhost = format!("3:3: listen: `localhost:1` is not {form}; for localhost write 127.0.0.1:1 or [::1]:1");
    check(&[
        ("listen: 8980", &[on_this_host.as_str()]),
        ("listen:\n- 127.0.0.1:1\n- localhost:1\n- 127.0.0.1:1", &[localhost.as_str()]),
        ("listen: [127.0.0.1:1, 127.0.0.1:1]", &["1:23: listen: 127.0.0.1:1 is named twice"]),
        ("listen: []", &["1:9: listen: expected at least one, found an empty list"]),
        ("listen: [{}]", &["1:10: listen: expected text, found a mapping"]),
        ("cores: 4", &["1:8: cores: core 4 does not exist or is not allowed; allowed: 0-3"]),
        ("cores: 0-9", &["1:8: cores: cores 4-9 do not exist or are not allowed; allowed: 0-3"]),
        ("cores: 0,0", &["1:8: cores: core 0 is named twice"]),
        ("cores: x", &["1:8: cores: `x` is not a list of cores such as 0-7 or 0,2,4-6"]),
        ("cores: {}", &["1:8: cores: expected a list of cores such as 0-7 or 0,2,4-6, found a mapping"]),
    ]);
}

#[test]
fn of_backends() {
    let endpoint = "an endpoint such as redis.example.com:6379, 127.0.0.1:6379 or [::1]:6379";
    let needed = format!("2:6: backends.c.endpoints is needed: {endpoint}");
    let refused = format!("2:37: backends.c.endpoints: `b` is not {endpoint}");
    let plugin = format!("2:6: backends.p.endpoint is needed: {endpoint}");
    check(&[
        ("backends:\n  c: {}", &["2:6: backends.c.type is needed: one of memstore, redis, kafka, plugin"]),
        ("backends:\n  c:", &["2:3: backends.c: needs a type: memstore, redis, kafka, plugin"]),
        ("backends:\n  c: memstore", &["2:6: backends.c: expected a mapping of keys, found `memstore`"]),
        (
            "backends:\n  c: {type: memstor}",
            &["2:13: backends.c.type: expected one of memstore, redis, kafka, plugin, found `memstor`"],
        ),
        ("backends:\n  c: {type: redis}\n  memory: {type: memstore}", &[needed.as_str()]),
        ("backends:\n  c: {type: redis, endpoints: [a:1, b]}\n  memory: {type: memstore}", &[refused.as_str()]),
        ("backends:\n  p: {type: plugin}\n  memory: {type: memstore}", &[plugin.as_str()]),
        ("backends:\n  '': {type: memstore}", &["2:3: the name of a backend may not be empty"]),
        (
            "backends:\n  memory: {type: memstore}\n  c: {type: redis, endpoints: a:1, cluster: true, database: 1, \
             key_prefix: '{a}', username: u}",
            &[
                "3:61: backends.c.database: a Cluster has only database 0",
                "3:76: backends.c.key_prefix: braces in a Cluster's key prefix would put every key into one hash slot",
                "3:93: backends.c.username: a user needs a password_file",
            ],
        ),
        (
            "backends:\n  memory: {type: memstore}\n  k:\n    type: kafka\n    bootstrap: a:1\n    topic_prefix: \
             a/b\n    delivery_timeout: 1s\n    sasl: {mechanism: plain}",
            &[
                "6:19: backends.k.topic_prefix: topics' names have only letters, digits, `.`, `_` and `-`",
                "7:23: backends.k.delivery_timeout: delivery_timeout must be at least request_timeout",
                "8:23: backends.k.sasl.mechanism: needs a username and a password_file",
            ],
        ),
        (
            "backends:\n  memory: {type: memstore}\n  p: {type: plugin, endpoint: a:1, config: [x]}",
            &["3:44: backends.p.config: expected a mapping of keys, found a list"],
        ),
        (
            "backends:\n  memory: {type: memstore}\n  p: {type: plugin, endpoint: a:1, config: {x: 9007199254740993}}",
            &["3:48: backends.p.config.x: a number beyond 2^53 must be quoted: numbers are doubles here"],
        ),
    ]);
}

#[test]
fn of_what_this_version_cannot_run() {
    let others = "namespaces: {a: {backend: c}, default: {backend: memory}}";
    for kind in ["redis, endpoints: a:1", "kafka, bootstrap: a:1", "plugin, endpoint: a:1"] {
        let text = format!("backends:\n  memory: {{type: memstore}}\n  c: {{type: {kind}}}\n{others}");
        let name = kind.split(',').next().expect("the type comes first");
        let expected = format!("3:13: backends.c: type {name} is not available in this version; available: memstore");
        assert_eq!(wrong(&text), [expected]);
    }
    check(&[(
        "namespaces:\n  default:\n    backend: memory\n    memory_bytes_max: 1025MiB",
        &["4:23: namespaces.default.memory_bytes_max: 1025MiB is more than backends.memory.memory_bytes_max (1GiB)"],
    )]);
    valid("namespaces: {default: {backend: memory, memory_bytes_max: 1GiB}}");
    // What nobody uses may be there.
    valid(
        "backends: {memory: {type: memstore}, c: {type: redis, endpoints: a:1}, n: {type: memstore, eviction: s3fifo}}",
    );
}

#[test]
fn of_namespaces() {
    check(&[
        (
            "backends: {cache: {type: memstore}}\nnamespaces: {default: {keyvalue: cashe}}",
            &["2:34: namespaces.default.keyvalue: there is no backend `cashe`; did you mean `cache`?"],
        ),
        (
            "namespaces: {default: {backend: other}}",
            &["1:33: namespaces.default.backend: there is no backend `other`; known: memory"],
        ),
        (
            "namespaces:\n  default: {}",
            &["2:3: namespaces.default: needs `backend`, or one of keyvalue, list, pubsub, stream"],
        ),
        (
            "namespaces:\n  default: {backend: memory, list: memory}",
            &["2:36: namespaces.default: `backend` already covers `list`; write one or the other"],
        ),
        ("namespaces:\n  default: memory", &["2:12: namespaces.default: expected a mapping of keys, found `memory`"]),
        (
            "namespaces:\n  \"\\t\": {backend: memory}",
            &["2:3: the name of a namespace may not have control characters"],
        ),
        (
            "backends: {a: {type: memstore}, b: {type: memstore}}",
            &["1:11: namespaces: needed when there are several backends and none of them is called `memory`"],
        ),
        (
            "backends: {c: {type: redis, endpoints: a:1}}\nnamespaces: {default: {keyvalue: c, pubsub: c}}",
            &[
                "1:22: backends.c: type redis is not available in this version; available: memstore",
                "2:45: namespaces.default.pubsub: `c` is of type redis, which offers only keyvalue and list",
            ],
        ),
    ]);
}

#[test]
fn a_broken_backend_is_not_reported_again_where_it_is_used() {
    check(&[(
        "backends: {c: {type: rediss}}\nnamespaces: {default: {backend: c}}",
        &["1:22: backends.c.type: expected one of memstore, redis, kafka, plugin, found `rediss`"],
    )]);
}

/// The errors that say that Redis and Kafka cannot run yet are not what these cases are about.
fn overlaps(text: &str) -> Vec<String> {
    wrong(text).into_iter().filter(|line| !line.contains("not available")).collect()
}

#[test]
fn of_namespaces_that_would_share_keys() {
    let shared = "backends: {c: {type: redis, endpoints: a:1}}\nnamespaces:\n  x: {backend: c}\n  y: {backend: c}";
    let expected = "4:16: namespaces.y: shares backend `c` with namespace `x`, and so its keys; give each a backend \
        with a prefix of its own";
    assert_eq!(overlaps(shared), [expected]);

    let two = |first: &str, second: &str| {
        let namespaces = "namespaces:\n  x: {keyvalue: c, list: c}\n  y: {backend: d}";
        let text = format!("backends:\n  c: {{type: redis, {first}}}\n  d: {{type: redis, {second}}}\n{namespaces}");
        overlaps(&text)
    };
    let message = "backends.d: its prefix overlaps that of backend `c` on the same store; namespaces `x` and `y` \
        would share keys";
    let at = |position: &str| vec![format!("{position}: {message}")];
    assert_eq!(two("endpoints: a:1, key_prefix: 'p:'", "endpoints: [b:1, a:1], key_prefix: 'p:q'"), at("3:55"));
    assert_eq!(two("endpoints: a:1, key_prefix: p", "endpoints: a:1"), at("3:6"));
    assert_eq!(two("endpoints: a:1, key_prefix: p", "endpoints: a:1, key_prefix: q"), Vec::<String>::new());
    assert_eq!(two("endpoints: a:1", "endpoints: a:1, database: 1"), Vec::<String>::new());
    assert_eq!(two("endpoints: a:1", "endpoints: b:1"), Vec::<String>::new());

    let kafka = "backends:\n  c: {type: kafka, bootstrap: a:1}\n  d: {type: kafka, bootstrap: a:1, topic_prefix: \
        t.}\nnamespaces:\n  x: {backend: c}\n  y: {stream: d}";
    assert_eq!(overlaps(kafka), at("3:50"));
}

#[test]
fn of_a_file_that_is_wrong_throughout_the_first_hundred_are_kept() {
    let text: String = (0..1_000).map(|number| format!("k{number}: 1\n")).collect();
    assert_eq!(wrong(&text).len(), 100);
}

#[test]
fn of_flags() {
    let load = |arguments: &[&str]| {
        let problems = interpret(&args(arguments), "prism.yaml", Some("cores: 9"), &ALLOWED);
        lines(&problems.expect_err("the flags are wrong"))
    };
    assert_eq!(load(&["--cores", "7"]), ["--cores: core 7 does not exist or is not allowed; allowed: 0-3"]);
    assert_eq!(
        load(&["--listen", "127.0.0.1:1", "--listen", "127.0.0.1:1"]),
        [
            "--listen: 127.0.0.1:1 is named twice",
            "prism.yaml:1:8: cores: core 9 does not exist or is not allowed; allowed: 0-3"
        ]
    );
}
