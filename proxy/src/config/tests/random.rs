//! Whatever the file holds, reading it never panics, and what is valid survives being printed.

use proptest::prelude::*;

use super::*;

/// A word of the file, mostly of its own vocabulary, so that the random files get far.
fn word() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "listen",
        "cores",
        "shard",
        "spin_us",
        "limits",
        "message_bytes_max",
        "key_bytes_max",
        "drain_timeout",
        "handshake_timeout",
        "log",
        "level",
        "format",
        "backends",
        "type",
        "memstore",
        "redis",
        "kafka",
        "plugin",
        "endpoints",
        "endpoint",
        "config",
        "memory",
        "memory_bytes_max",
        "eviction",
        "namespaces",
        "default",
        "backend",
        "keyvalue",
        "stream",
        "127.0.0.1:1",
        "unix:/a",
        "a:1",
        "4MiB",
        "10s",
        "0-1",
        "0",
        "-1",
        "1e400",
        "null",
        "true",
        "~",
        "<<",
        "*a",
        "&a",
        "!!str",
        "99999999999999999999999",
        "0x7f",
        ".nan",
        "'",
        "\"",
        "|",
        ">",
        "?",
    ]);
    prop_oneof![9 => known.prop_map(str::to_owned), 1 => "[^\\n]{0,12}"]
}

/// Lines of keys and values at random depths.
fn file() -> impl Strategy<Value = String> {
    let separator = prop::sample::select(vec![": ", ":", " ", ", ", ": {", ": [", "}", "]", "- "]);
    let line = (0_usize..4, word(), separator, word());
    let line =
        line.prop_map(|(depth, key, separator, value)| format!("{}{key}{separator}{value}\n", "  ".repeat(depth)));
    prop::collection::vec(line, 0..12).prop_map(|lines| lines.concat())
}

/// A value that may be anywhere in a file.
fn content() -> impl Strategy<Value = Value> {
    let number = prop_oneof![
        any::<i32>().prop_map(f64::from),
        prop::num::f64::NORMAL,
        Just(9_007_199_254_740_992.0),
        Just(0.0),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        number.prop_map(Value::Number),
        any::<String>().prop_map(Value::Text),
        word().prop_map(Value::Text),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
            prop::collection::btree_map(word(), inner, 0..4).prop_map(|map| Value::Map(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic(text in ".{0,200}") {
        let _ = read(&text);
    }

    #[test]
    fn any_file_like_text_is_read_without_panic(text in file()) {
        if let Ok(loaded) = read(&text) {
            prop_assert_eq!(valid(&print(&loaded.effective)), loaded.effective);
        }
    }

    #[test]
    fn any_tree_is_read_without_panic(value in content()) {
        let text = serde_saphyr::to_string(&value).expect("a tree is always YAML");
        let _ = read(&text);
        for section in ["listen", "cores", "limits", "log", "backends", "namespaces"] {
            let text = serde_saphyr::to_string(&Value::map([(section, value.clone())])).expect("a tree is always YAML");
            let _ = read(&text);
        }
    }

    #[test]
    fn names_and_settings_survive_being_printed(
        name in "[^\\x00-\\x1f\\x7f-\\x9f]{1,40}",
        prefix in ".{0,40}",
        config in prop::collection::btree_map(word(), content(), 0..4),
        memory in 1_u64 << 20..1 << 40,
    ) {
        let mut effective = Effective::default_on(ALLOWED.to_vec());
        effective.namespaces[0].name.clone_from(&name);
        effective.backends.push(Backend { name: format!("{name}2"), kind: BackendKind::Redis(Redis {
            endpoints: vec![Endpoint { host: "h".to_owned(), port: 1 }],
            cluster: false,
            username: String::new(),
            password_file: None,
            database: 0,
            key_prefix: prefix,
            connections_per_shard: 1,
            timeout_ns: 1_000_001,
        }) });
        let plugin = Plugin {
            endpoint: Endpoint { host: "::1".to_owned(), port: 1 },
            config: Value::Map(config.into_iter().collect()),
        };
        effective.backends.push(Backend { name: "p".to_owned(), kind: BackendKind::Plugin(plugin) });
        let first = &mut effective.backends[0].kind;
        let BackendKind::Memstore(memstore) = first else { unreachable!("the first is a memstore") };
        memstore.memory_bytes_max = memory;
        memstore.retention_bytes = memory / 2;
        let printed = print(&effective);
        prop_assert_eq!(valid(&printed), effective, "{}", printed);
    }
}
