//! What is done: the [`Backend`] trait, the commands it executes, and the backends.
//!
//! A backend serves one shard. It never blocks: it answers at once or parks the call and answers later.

mod backend;
mod command;
mod failure;
mod hash;
pub mod limits;
pub mod memstore;
mod record;
mod scan;

pub use backend::{Backend, Context, Execution, Interfaces};
pub use command::{
    Command, Extent, LogCommand, LogReply, OwnedCommand, OwnedLogReply, OwnedReply, PlacedSet, Reply, Side,
};
pub use failure::{Failure, FailureKind};
pub use hash::KeyHasher;
pub use record::Record;
pub use scan::{Content, Position, Scan, ScanEntry, ScanPage};
