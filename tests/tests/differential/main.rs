//! Our side of HTTP/2 against clients that know nothing of it: the h2 crate, and frames written one by one. Both hold
//! conversations at random whose every answer is known beforehand.
//!
//! All are repeated with `PRISM_TEST_SEED` set to what the failing test printed, and one of them alone with
//! `PRISM_TEST_ONLY` besides.
#![allow(clippy::unwrap_used, reason = "what a test calls fails as the test itself does")]

mod application;
mod client;
mod conversations;
mod driver;
mod frames;
mod model;
mod script;
mod with_frames;
mod with_h2;
