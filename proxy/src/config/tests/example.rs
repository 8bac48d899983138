//! The documented example: valid, complete, and true about the defaults.

use super::*;

const EXAMPLE: &str = include_str!("../../../prism.example.yaml");

#[test]
fn the_example_is_valid() {
    assert_eq!(read(EXAMPLE).expect("the example is valid").warnings, []);
}

#[test]
fn the_example_shows_the_defaults() {
    let example = valid(EXAMPLE);
    let default = Effective::default_on(ALLOWED.to_vec());
    assert_eq!(example.listen, default.listen);
    assert_eq!(example.cores, default.cores);
    assert_eq!(example.spin_us, default.spin_us);
    assert_eq!(example.limits, default.limits);
    assert_eq!(example.log, default.log);
    assert_eq!(example.backends[0], default.backends[0]);
    assert_eq!(example.namespaces[0], default.namespaces[0]);
    // What only the needed keys say comes to the same as what the example spells out.
    let short = "backends:\n  memory: {type: memstore}\n  cache: {type: redis, endpoints: 127.0.0.1:6379}\n  log: \
        {type: kafka, bootstrap: 127.0.0.1:9092}\n  mine: {type: plugin, endpoint: 127.0.0.1:9000}";
    assert_eq!(example.backends, valid(short).backends);
}

#[test]
fn the_example_has_every_key() {
    let printed = print(&valid(EXAMPLE));
    let keys =
        printed.lines().filter_map(|line| line.trim_start_matches([' ', '-']).split_once(':')).map(|(key, _)| key);
    let mut count = 0;
    for key in keys.filter(|key| key.chars().all(|character| character.is_ascii_lowercase() || character == '_')) {
        count += 1;
        let written = |line: &str| line.trim_start_matches([' ', '#', '-']).starts_with(&format!("{key}:"));
        assert!(EXAMPLE.lines().any(written), "the example does not have `{key}`");
    }
    assert!(count > 50, "the keys were not found in what is printed");
}
