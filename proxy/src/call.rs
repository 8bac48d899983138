//! Calls that wait, and what crosses between shards on their behalf.

use prism_backends::{Failure, OwnedCommand, OwnedReply};
use prism_proto::h2::StreamRef;
use prism_proto::method::MethodId;
use prism_shard::{PeerId, SlabKey};

use crate::batch::Part;
use crate::tails::Notice;

/// A call that waits for another shard: where its answer belongs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parked {
    pub(crate) peer: PeerId,
    pub(crate) stream: StreamRef,
    pub(crate) method: MethodId,
    pub(crate) whose: Whose,
    /// What its command and its reply may take, as the connection was charged for it.
    pub(crate) charged_bytes: usize,
}

/// Who waits for what comes of an errand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The call itself: it is its answer.
    Call,
    /// A pull: it is a page of it.
    Pull(SlabKey),
    /// A batch: it is what this shard has of it.
    Part(SlabKey, u16),
}

/// What one shard sends another.
#[derive(Debug)]
pub(crate) enum Parcel {
    /// Execute this at its owner.
    Command(Errand),
    /// Execute this part of a batch at its owner.
    Part {
        /// The call's slot at the sender.
        call: u64,
        part: Part,
    },
    /// What came of it, back at the shard that has the connection.
    Reply {
        /// The call's slot there.
        call: u64,
        /// What came of it.
        outcome: Outcome,
    },
    /// About the ends of logs.
    Notice(Notice),
}

/// A command on its way to its owner.
#[derive(Debug)]
pub(crate) struct Errand {
    /// The call's slot at the sender.
    pub(crate) call: u64,
    pub(crate) method: MethodId,
    /// Index of the namespace in the registry.
    pub(crate) namespace: u16,
    /// The key's hash.
    pub(crate) hash: u64,
    /// Monotonic time after which it is not to be executed; 0: none.
    pub(crate) deadline_ns: u64,
    /// The longest reply that the sender has room for.
    pub(crate) reply_bytes_max: usize,
    pub(crate) command: OwnedCommand,
}

/// What came of an errand.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It was executed.
    Done(OwnedReply),
    /// It was not.
    Failed(Failure),
    /// A part of a batch was executed, and has its results, or their length when they found no room.
    Part(Part),
    /// The reply would have this many bytes, more than the sender has room for. It was not built: the errand comes
    /// back, to be sent again when there is room.
    TooLong(Errand, usize),
    /// Nobody has that subscription any more.
    Unsubscribed,
}
