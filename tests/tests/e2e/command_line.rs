//! Flags, environment and file: what is wrong is refused with words that help.

use prism_tests::{Finished, Launch, Scratch, cores};

#[track_caller]
fn assert_refused(finished: &Finished, parts: &[&str]) {
    assert_eq!(finished.code, Some(2), "{finished:?}");
    for part in parts {
        assert!(finished.error.contains(part), "{part:?} is not in: {}", finished.error);
    }
    assert!(!finished.error.contains("panicked"), "{}", finished.error);
}

fn check(file: &str) -> Finished {
    Launch::bare().file(file).argument("--check-config").finish()
}

#[test]
fn version_and_help_are_printed() {
    let finished = Launch::bare().argument("--version").finish();
    assert_eq!(finished.code, Some(0));
    assert!(finished.output.starts_with("prism-proxy 0.1.0"), "{}", finished.output);
    let finished = Launch::bare().argument("--help").finish();
    assert_eq!(finished.code, Some(0));
    for flag in ["--config", "--cores", "--listen", "--spin", "--log-format", "--log-level", "--check-config"] {
        assert!(finished.output.contains(flag), "{flag} is missing in: {}", finished.output);
    }
}

#[test]
fn an_unknown_flag_names_the_nearest() {
    let finished = Launch::bare().argument("--listne").argument("127.0.0.1:0").finish();
    assert_refused(&finished, &["--listne", "--listen"]);
}

#[test]
fn wrong_values_of_flags_are_refused() {
    for (flag, value) in
        [("--listen", "nowhere"), ("--cores", "a-b"), ("--cores", ""), ("--spin", "-1"), ("--log-format", "xml")]
    {
        let finished = Launch::bare().argument(&format!("{flag}={value}")).finish();
        assert_refused(&finished, &[flag]);
    }
}

#[test]
fn a_core_that_does_not_exist_is_refused_naming_the_others() {
    let finished = Launch::bare().argument("--cores").argument("900").finish();
    assert_refused(&finished, &["900", &cores(1)]);
}

#[test]
fn a_file_that_is_not_there_is_refused() {
    let path = Scratch::new().path("nowhere.yaml");
    let finished = Launch::bare().argument("--config").argument(path.to_str().unwrap()).finish();
    assert_refused(&finished, &["nowhere.yaml"]);
}

#[test]
fn a_valid_file_is_called_so() {
    let file = "listen: 127.0.0.1:0\nlimits:\n  message_bytes_max: 1MiB\n  drain_timeout: 3s\n";
    let finished = check(file);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.output.contains("configuration is valid"), "{}", finished.output);
    assert_eq!(check("").code, Some(0), "an empty file changes nothing");
}

#[test]
fn errors_name_their_place_and_the_nearest_key() {
    assert_refused(
        &check("limits:\n  mesage_bytes_max: 1MiB\n"),
        &["mesage_bytes_max", "message_bytes_max", "prism.yaml:2:3"],
    );
    assert_refused(&check("listne: 127.0.0.1:0\n"), &["listne", "listen", "prism.yaml:1:1"]);
    assert_refused(&check("limits:\n  connections_max: many\n"), &["connections_max", "prism.yaml:2:"]);
    assert_refused(&check("listen: [\n"), &["prism.yaml:"]);
}

#[test]
fn every_error_is_reported() {
    let finished = check("listne: 127.0.0.1:0\nlimits:\n  key_bytes_max: -3\n");
    assert_refused(&finished, &["listne", "key_bytes_max"]);
}

#[test]
fn a_namespace_needs_a_backend_that_exists() {
    let file = "backends:\n  memory: { type: memstore }\nnamespaces:\n  default: { backend: memroy }\n";
    assert_refused(&check(file), &["memroy", "memory", "prism.yaml:4:"]);
}

#[test]
fn the_effective_configuration_is_printed_and_valid_itself() {
    let file = "limits:\n  connections_max: 77\n";
    let print = Launch::bare().file(file).argument("--print-config").argument("--listen").argument("127.0.0.1:7777");
    let finished = print.finish();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    for part in ["connections_max: 77", "127.0.0.1:7777", "message_bytes_max: 4MiB"] {
        assert!(finished.output.contains(part), "{part:?} is not in: {}", finished.output);
    }
    assert_eq!(check(&finished.output).code, Some(0), "what is printed can be read: {}", finished.output);
}

#[test]
fn a_flag_goes_before_the_environment_and_that_before_the_file() {
    let file = "listen: 127.0.0.1:1111\n";
    let print = || Launch::bare().file(file).argument("--print-config");
    let listens_on = |launch: Launch, port: &str| {
        let finished = launch.finish();
        assert!(finished.output.contains(port), "{port} is not in: {finished:?}");
    };
    listens_on(print(), "127.0.0.1:1111");
    listens_on(print().environment("PRISM_LISTEN", "127.0.0.1:2222"), "127.0.0.1:2222");
    let both = print().environment("PRISM_LISTEN", "127.0.0.1:2222").argument("--listen").argument("127.0.0.1:3333");
    listens_on(both, "127.0.0.1:3333");
}
