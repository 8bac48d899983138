//! The receive buffers that all sockets of a shard share: the kernel picks one when bytes arrive, and it is given back
//! within the turn. So an idle connection holds none.

use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::types::BufRingEntry;

use crate::limits::RECEIVE_BUFFERS_MAX;
use crate::ring::Ring;

/// Anonymous memory of whole pages, zeroed.
struct Pages {
    start: NonNull<u8>,
    bytes: usize,
}

impl Pages {
    fn new(bytes: usize) -> io::Result<Self> {
        let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new private mapping at an address of the kernel's choice touches no existing memory.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), bytes, protection, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Self { start: NonNull::new(start.cast()).expect("mmap does not return null unasked"), bytes })
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, whole, and nothing refers to it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}

/// A registered ring of equally long buffers. It must outlive the [`Ring`] that it is registered with.
pub(crate) struct Buffers {
    entries: Pages,
    memory: Pages,
    count: u16,
    buffer_bytes: usize,
    tail: u16,
    published: u16,
}

impl Buffers {
    /// Registers `count` (a power of two) buffers of `buffer_bytes` each with the ring, as a group.
    pub(crate) fn new(ring: &Ring, group: u16, count: u16, buffer_bytes: usize) -> io::Result<Self> {
        let fits = count.is_power_of_two() && count <= RECEIVE_BUFFERS_MAX;
        if !fits || buffer_bytes == 0 || u32::try_from(buffer_bytes).is_err() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "receive buffers: a power of two of them up to 32768",
            ));
        }
        let entries = Pages::new(usize::from(count) * size_of::<BufRingEntry>())?;
        let memory = Pages::new(usize::from(count) * buffer_bytes)?;
        let address = entries.start.as_ptr() as u64;
        // SAFETY: the entries are page-aligned and of the stated number, and the owner keeps them until the ring is
        // gone.
        unsafe { ring.submitter().register_buf_ring_with_flags(address, count, group, 0) }?;
        let mut buffers = Self { entries, memory, count, buffer_bytes, tail: 0, published: 0 };
        for buffer in 0..count {
            buffers.give_back(buffer);
        }
        buffers.publish();
        Ok(buffers)
    }

    /// The first `bytes` of a buffer that a completion named.
    pub(crate) fn filled(&self, buffer: u16, bytes: usize) -> &[u8] {
        assert!(buffer < self.count && bytes <= self.buffer_bytes, "the kernel names buffers that it was given");
        // SAFETY: in bounds by the assertion; the kernel is done with a buffer that it named, until it is given back,
        // which takes `&mut self`.
        unsafe {
            let start = self.memory.start.as_ptr().add(usize::from(buffer) * self.buffer_bytes);
            std::slice::from_raw_parts(start, bytes)
        }
    }

    /// Queues a buffer for the kernel to fill again, once published.
    pub(crate) fn give_back(&mut self, buffer: u16) {
        assert!(buffer < self.count, "the kernel names buffers that it was given");
        let position = usize::from(self.tail & (self.count - 1));
        // SAFETY: the position is in the ring, whose memory is ours; the kernel does not read entries at or after the
        // tail.
        unsafe {
            let entry = &mut *self.entries.start.as_ptr().cast::<BufRingEntry>().add(position);
            entry.set_addr(self.memory.start.as_ptr().add(usize::from(buffer) * self.buffer_bytes) as u64);
            entry.set_len(self.buffer_bytes as u32);
            entry.set_bid(buffer);
        }
        self.tail = self.tail.wrapping_add(1);
    }

    /// Shows the kernel what was given back.
    pub(crate) fn publish(&mut self) {
        if self.published == self.tail {
            return;
        }
        // SAFETY: the first entry is initialised memory of ours; the tail lies in its reserved field, is aligned, and
        // is written here alone. The store is a release, so the kernel sees the entries before the tail.
        unsafe {
            let tail = BufRingEntry::tail(self.entries.start.as_ptr().cast());
            AtomicU16::from_ptr(tail.cast_mut()).store(self.tail, Ordering::Release);
        }
        self.published = self.tail;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::ring::BUFFER_GROUP;
    use crate::token::{Kind, Token};

    #[test]
    fn they_run_out_and_come_back() {
        let mut ring = Ring::new(8).unwrap();
        let mut buffers = Buffers::new(&ring, BUFFER_GROUP, 2, 16).unwrap();
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(&[7; 100]).unwrap();
        let token = Token::new(Kind::Receive, 0, 0);
        let (mut received, mut misses) = (0, 0);
        let mut completions = Vec::new();
        ring.receive(ours.as_raw_fd(), BUFFER_GROUP, token);
        while received < 100 {
            ring.enter(Some(30_000_000_000)).unwrap();
            ring.reap(&mut completions);
            for completion in completions.drain(..) {
                if completion.result == -libc::ENOBUFS {
                    assert!(!completion.more());
                    misses += 1;
                    ring.receive(ours.as_raw_fd(), BUFFER_GROUP, token);
                    continue;
                }
                let bytes = usize::try_from(completion.result).unwrap();
                let buffer = completion.buffer().unwrap();
                assert!(bytes <= 16 && buffers.filled(buffer, bytes).iter().all(|byte| *byte == 7));
                received += bytes;
                buffers.give_back(buffer);
            }
            buffers.publish();
        }
        assert_eq!(received, 100);
        assert!(misses > 0, "100 bytes do not fit 2 buffers of 16");
        drop(ring);
    }

    #[test]
    fn a_bad_shape_is_refused() {
        let ring = Ring::new(8).unwrap();
        assert!(Buffers::new(&ring, BUFFER_GROUP, 3, 16).is_err());
        assert!(Buffers::new(&ring, BUFFER_GROUP, 0, 16).is_err());
        assert!(Buffers::new(&ring, BUFFER_GROUP, 4, 0).is_err());
    }
}
