//! What the targets run, taken from the tests' library without what else it depends on.

#[path = "../../src/fuzz/mod.rs"]
pub mod bodies;
