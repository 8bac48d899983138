//! Memory for large tables: blocks of one length, cut from regions that the kernel may back with huge pages.
//!
//! A random read in a gigabyte of pages of 4 KiB misses the translation buffer, and the walk that follows costs as much
//! as the read. So what a store reads at random lies in regions of 2 MiB, aligned, that are advised to be one page each
//! (madvise(2), MADV_HUGEPAGE), once a thread has some of them: before that a region is filled by small pages as it is
//! used, so that who holds little takes little.
//!
//! A block that is given back is given back to the system at once (MADV_DONTNEED), and its region is no huge page any
//! more: so what a store counts as free is free. Regions belong to the thread; a block cannot leave it.

mod block;
mod directory;
mod region;
mod shelf;
#[cfg(test)]
mod tests;

pub use block::{Block, Placed};
pub use directory::Directory;
