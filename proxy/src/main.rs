//! The proxy's program.

fn main() {}
