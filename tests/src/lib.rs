//! Does it hold: what the tests share, which is the real program in a process of its own and clients that can be odd.
//!
//! The tests themselves lie in `tests/`: end-to-end, interoperability with clients that are not ours, and tidiness.

mod answer;
mod binary;
mod caller;
mod ctl;
pub mod fuzz;
mod launch;
mod load;
mod log;
mod proxy;
mod random;
pub mod recorded;
mod scratch;
pub mod steady;
mod wait;
mod wire;

pub use answer::Answer;
pub use binary::build;
pub use caller::{Caller, Request, prefixed};
pub use ctl::{Ctl, Done};
pub use launch::{Finished, Launch, cores};
pub use load::{Load, Loaded, Loading};
pub use proxy::{Proxy, waited_for_core};
pub use random::Random;
pub use scratch::Scratch;
pub use wait::{until, until_async};
pub use wire::{Frame, Wire, flag, kind};

/// tonic's generated clients, by the package of their service.
pub use prism_proto::tonic_generated as clients;

/// The owned messages of every interface.
pub use prism_proto::messages;
