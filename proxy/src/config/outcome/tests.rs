//! What checking and printing answer.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

/// A file of its own for one test, removed afterwards.
struct File(PathBuf);

impl File {
    fn new(bytes: &[u8]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("prism-config-{}-{number}.yaml", std::process::id()));
        fs::write(&path, bytes).expect("the temporary directory can be written");
        Self(path)
    }

    fn args(&self) -> Args {
        Args { config: Some(self.0.clone()), ..Args::default() }
    }

    fn name(&self) -> String {
        self.0.display().to_string()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn refused(args: &Args) -> String {
    match decide(args) {
        Outcome::Exit { output, errors, code: 2 } if output.is_empty() => errors,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

#[test]
fn a_valid_file_is_served() {
    let file = File::new(b"limits: {connections_max: 5}");
    let Outcome::Serve(loaded) = decide(&file.args()) else { panic!("nothing else was asked for") };
    assert_eq!(loaded.effective.limits.connections_max, 5);
}

#[test]
fn a_valid_file_is_called_valid_and_its_surprises_are_told() {
    let file = File::new(b"namespaces: {a: {backend: memory}}");
    let name = file.name();
    let expected = Outcome::Exit {
        output: "configuration is valid\n".to_owned(),
        errors: format!(
            "warning: {name}: there is no namespace `default`: calls that name none are answered NOT_FOUND\n"
        ),
        code: 0,
    };
    assert_eq!(decide(&Args { check_config: true, ..file.args() }), expected);
}

#[test]
fn a_wrong_file_is_refused_with_all_its_errors_whatever_was_asked_for() {
    let file = File::new(b"limts: {}\nshard: {spin_us: -1}\n");
    let name = file.name();
    let expected = format!(
        "{name}:1:1: unknown key `limts`; did you mean `limits`?\n\
         {name}:2:18: shard.spin_us: expected a whole number, found `-1`\n"
    );
    for (check_config, print_config) in [(false, false), (true, false), (false, true)] {
        assert_eq!(refused(&Args { check_config, print_config, ..file.args() }), expected);
    }
}

#[test]
fn what_is_printed_is_read_back_as_a_file() {
    let printed = |args: &Args| match decide(args) {
        Outcome::Exit { output, code: 0, .. } => output,
        other => panic!("expected the configuration, got {other:?}"),
    };
    let first = printed(&Args { print_config: true, spin: Some(7), ..Args::default() });
    assert!(first.contains("spin_us: 7"), "{first}");
    let file = File::new(first.as_bytes());
    assert_eq!(printed(&Args { print_config: true, ..file.args() }), first);
}

#[test]
fn a_file_that_cannot_be_read_is_named_with_the_reason() {
    let args = Args { config: Some("/nonexistent/prism.yaml".into()), ..Args::default() };
    let expected = "/nonexistent/prism.yaml: cannot be read: No such file or directory (os error 2)\n";
    assert_eq!(refused(&args), expected);
    let args = Args { config: Some(std::env::temp_dir()), ..Args::default() };
    assert!(refused(&args).contains("cannot be read: Is a directory"));
}

#[test]
fn what_is_not_text_is_refused_at_its_place() {
    for (bytes, place) in [(&b"\xff"[..], "1:1"), (b"a: 1\nb: \xc3\xa9\xff", "2:5"), (b"a: 1\n\xff", "2:1")] {
        let file = File::new(bytes);
        assert_eq!(refused(&file.args()), format!("{}:{place}: is not UTF-8 text\n", file.name()));
    }
}

#[test]
fn a_file_beyond_the_bound_is_refused() {
    let file = File::new(&vec![b'#'; (4 << 20) + 1]);
    assert_eq!(refused(&file.args()), format!("{}: is longer than 4MiB\n", file.name()));
    let file = File::new(&vec![b'#'; 4 << 20]);
    assert!(matches!(decide(&file.args()), Outcome::Serve(_)));
}
