//! Keeps the tree as it is meant to be: who may depend on whom, where `unsafe` and the ring live, how long files are.
//!
//! Each test lists every offence with its file and line, so that one run shows all there is to correct.

mod code;
mod layering;
mod lints;
mod text;
mod tree;

/// Fails with the whole list when there is one.
#[track_caller]
fn assert_none(what: &str, offences: &[String]) {
    assert!(offences.is_empty(), "{what}:\n  {}", offences.join("\n  "));
}
