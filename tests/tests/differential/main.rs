//! Our sides of HTTP/2 against peers that know nothing of them: the h2 crate, and frames written one by one. All hold
//! conversations at random whose every answer is known beforehand.
//!
//! The modules here talk to our server; those in `ours/` to our client.
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
mod ours;
mod script;
mod with_frames;
mod with_h2;
