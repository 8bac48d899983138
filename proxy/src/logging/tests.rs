//! Log lines in both forms, and the level that changes.

use std::io::Write;
use std::sync::{Arc, Mutex};

use tracing::dispatcher;

use super::*;

/// Keeps what is written, for the test to read.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no writer panics").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Kept {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no writer panics").clone()).expect("log lines are UTF-8")
    }
}

fn logged(format: LogFormat, level: &str, act: impl FnOnce(&LevelHandle)) -> String {
    let kept = Kept::default();
    let writer = kept.clone();
    let log = Log { format, level: level.parse().expect("the test's levels are valid") };
    let (subscriber, handle) = subscriber(&log, move || writer.clone(), false);
    dispatcher::with_default(&subscriber.into(), || act(&handle));
    kept.text()
}

#[test]
fn text_has_the_level_the_message_and_its_fields() {
    let text = logged(LogFormat::Text, "info", |_| {
        tracing::info!(shards = 2, "serving");
        tracing::debug!("too fine");
    });
    assert!(text.contains("INFO serving shards=2"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn json_has_the_fields_at_the_top() {
    let text = logged(LogFormat::Json, "info", |_| tracing::info!(shards = 2, "serving"));
    for part in ["\"level\":\"INFO\"", "\"message\":\"serving\"", "\"shards\":2"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert!(text.starts_with('{') && text.ends_with("}\n"), "{text}");
}

#[test]
fn the_level_changes_while_it_runs() {
    let text = logged(LogFormat::Text, "warn", |handle| {
        tracing::info!("before");
        handle.set(&"debug".parse().expect("debug is a level"));
        tracing::debug!("after");
    });
    assert!(!text.contains("before") && text.contains("after"), "{text}");
}

#[test]
fn parts_of_the_program_have_their_own_level() {
    let text = logged(LogFormat::Text, "off,prism_proxy=info", |_| {
        tracing::info!("ours");
        tracing::info!(target: "other", "theirs");
    });
    assert!(text.contains("ours") && !text.contains("theirs"), "{text}");
}
