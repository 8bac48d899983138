//! Memory that the machine has given to this process once, handed back piece by piece just before a table takes it.
//!
//! On a virtual machine whose host takes free memory away, the first touch of a huge page waits for the host, for
//! milliseconds, whoever touches it. That says nothing about a table; so the table gets pages that were just in use.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use prism_shard::memory::Block;

/// Bytes that go back at a time: some huge pages.
const PIECE_BYTES: usize = 8 << 20;

/// Holds the memory in a thread of its own, for a thread keeps what it once cut from a region.
pub(crate) struct Warm {
    asks: SyncSender<()>,
    answers: Receiver<()>,
    handed_bytes: usize,
}

impl Warm {
    /// Takes and touches so many bytes.
    pub(crate) fn new(bytes: usize) -> Self {
        let (asks, asked) = sync_channel::<()>(0);
        let (answer, answers) = sync_channel(0);
        thread::spawn(move || {
            let mut blocks: Vec<Block> = (0..bytes.div_ceil(Block::BYTES)).map(|_| touched()).collect();
            while answer.send(()).is_ok() && asked.recv().is_ok() {
                blocks.truncate(blocks.len().saturating_sub(PIECE_BYTES / Block::BYTES));
            }
        });
        let warm = Self { asks, answers, handed_bytes: 0 };
        warm.answers.recv().expect("the thread answers");
        warm
    }

    /// Hands memory back until there is more of it than `used_bytes`, by a piece.
    pub(crate) fn keep_ahead(&mut self, used_bytes: usize) {
        while self.handed_bytes < used_bytes + PIECE_BYTES {
            self.asks.send(()).expect("the thread listens");
            self.answers.recv().expect("the thread answers");
            self.handed_bytes += PIECE_BYTES;
        }
    }
}

fn touched() -> Block {
    let mut block = Block::with_room();
    block.extend(Block::BYTES);
    block.fill(1);
    block
}
