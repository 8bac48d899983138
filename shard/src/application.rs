//! What a shard runs: the interface between the runtime and everything above it.
//!
//! All calls come from the shard's own thread, one at a time, inside a turn; none may block.

use crate::counters::{CounterText, Counters};
use crate::mesh::Mesh;
use crate::peers::{PeerId, Peers};
use crate::timers::Timers;

/// The protocol side of a peer, without IO: the runtime takes what it has to send.
pub trait Machine {
    /// Bytes to send, in order. The runtime takes the whole vector at the end of a turn and leaves an empty one, whose
    /// capacity may differ; what is appended meanwhile goes out next.
    fn output(&mut self) -> &mut Vec<u8>;

    /// True when nothing more is to be read or written: the socket is closed once the output is sent.
    fn is_finished(&self) -> bool;

    /// So many bytes of output are with the runtime: taken, and their memory not given back, for they are not all sent.
    /// Called when they are taken, and with 0 when they have gone.
    fn set_sending(&mut self, bytes: usize) {
        let _ = bytes;
    }

    /// Asked when the other side has stopped sending: true while it may still expect an answer, so that the socket
    /// stays open for that.
    fn is_answering(&self) -> bool {
        false
    }
}

/// What the application may use during one call.
pub struct Turn<'t, A: Application> {
    /// The sockets of this shard.
    pub peers: &'t mut Peers<A::Machine>,
    /// The way to other shards.
    pub mesh: &'t mut Mesh<A::Parcel>,
    /// The timers of this shard.
    pub timers: &'t mut Timers,
    /// What the runtime counts.
    pub counters: &'t mut Counters,
    /// The time at the start of the turn, as [`crate::now_ns`] gives it.
    pub now_ns: u64,
    /// The time of day at the start of the turn, in milliseconds since the epoch. It goes back when it is set back.
    pub unix_ms: u64,
    /// This shard.
    pub shard: u32,
    /// How many there are.
    pub shards: u32,
}

/// The program that runs on each shard; one instance for each, made on its thread.
pub trait Application: Sized + 'static {
    /// The protocol side of every peer of this application.
    type Machine: Machine;
    /// What one shard may send to another.
    type Parcel: Send + 'static;
    /// What may be sent to a shard from outside.
    type Control: Send + 'static;

    /// What this application counts on each shard, by [`Counters::add_own`].
    const COUNTERS: &'static [CounterText] = &[];

    /// A client was accepted and placed on this shard; what the new machine has to send goes out in this turn.
    fn connected(&mut self, turn: &mut Turn<'_, Self>, peer: PeerId) -> Self::Machine;

    /// Bytes arrived from a peer, at least one.
    fn received(&mut self, turn: &mut Turn<'_, Self>, peer: PeerId, bytes: &[u8]);

    /// The other side has stopped sending. What [`Machine::is_answering`] promises is still sent.
    fn ended(&mut self, turn: &mut Turn<'_, Self>, peer: PeerId) {
        let _ = (turn, peer);
    }

    /// Goes on with a peer for which [`Peers::call_again`] was called in an earlier turn: after what has come for
    /// others, and in the order of those calls.
    fn called_again(&mut self, turn: &mut Turn<'_, Self>, peer: PeerId) {
        let _ = (turn, peer);
    }

    /// Everything that was put out for this peer is sent (handed to the kernel). A peer with much to send continues
    /// here.
    fn flushed(&mut self, turn: &mut Turn<'_, Self>, peer: PeerId) {
        let _ = (turn, peer);
    }

    /// The socket is gone: closed by the other side, broken, closed by [`Peers::close`], or finished. Its id is dead.
    fn closed(&mut self, turn: &mut Turn<'_, Self>, peer: PeerId, machine: Self::Machine);

    /// Another shard (or this one) sent a parcel.
    fn parcel(&mut self, turn: &mut Turn<'_, Self>, from: u32, parcel: Self::Parcel);

    /// A timer is due.
    fn expired(&mut self, turn: &mut Turn<'_, Self>, token: u64);

    /// Something was sent through a [`crate::Handle`].
    fn control(&mut self, turn: &mut Turn<'_, Self>, control: Self::Control);

    /// Draining begins: no connection comes from now on.
    fn drain(&mut self, turn: &mut Turn<'_, Self>);

    /// Asked in each turn after [`Application::drain`]: true when this shard has nothing left to do. The shards stop,
    /// all together, when all say so and nothing is left to send.
    fn is_drained(&self, turn: &mut Turn<'_, Self>) -> bool;

    /// Bounded background work at the end of each turn; true when more waits, which keeps the shard from sleeping.
    fn tend(&mut self, turn: &mut Turn<'_, Self>) -> bool {
        let _ = turn;
        false
    }
}
