//! What every backend promises, told once and held against each backend through the real program.
//!
//! A case is an `async fn(&Stand)` in the file of its interface; `cases.rs` lists them all; each stand below runs those
//! of the interfaces that its backend offers. A new backend is one more stand.
#![allow(clippy::unwrap_used, reason = "what a test calls fails as the test itself does")]

#[macro_use]
mod cases;

mod batch;
mod keyvalue;
mod list;
mod pubsub;
mod scan;
mod stand;
mod stream;
mod ttl;

use stand::Stand;

/// Every case of these interfaces on one stand, each with a proxy of its own.
macro_rules! stand {
    ($stand:ident = $start:expr, offers $($interface:ident),+) => {
        mod $stand {
            $( mod $interface {
                async fn start() -> crate::Stand { $start }
                cases_of!($interface);
            } )+
        }
    };
}

stand!(memstore_on_one_shard = crate::Stand::memstore(1).await,
    offers keyvalue, ttl, scan, batch, list, pubsub, stream);
stand!(memstore_on_two_shards = crate::Stand::memstore(2).await,
    offers keyvalue, ttl, scan, batch, list, pubsub, stream);
