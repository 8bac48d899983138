//! The io_uring of one shard: operations in, completions out, one system call a turn.
//!
//! It knows nothing of peers; what a completion belongs to is in its [`Token`].

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

use io_uring::types::{CancelBuilder, Fd, SubmitArgs, Timespec};
use io_uring::{EnterFlags, IoUring, cqueue, opcode, squeue};

use crate::limits::{COMPLETIONS_PER_ENTRY, SEND_BYTES_MAX};
use crate::token::{Kind, Token};

/// The group that a shard's receive buffers are registered under.
pub(crate) const BUFFER_GROUP: u16 = 0;
/// The same of the long ones.
pub(crate) const LONG_BUFFER_GROUP: u16 = 1;

/// What the kernel says about one operation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Completion {
    pub(crate) token: Token,
    /// Bytes, a descriptor or 0; an error number, negated, when it failed.
    pub(crate) result: i32,
    flags: u32,
}

impl Completion {
    /// The provided buffer that it filled.
    pub(crate) fn buffer(&self) -> Option<u16> {
        cqueue::buffer_select(self.flags)
    }

    /// Whether the operation goes on; without this a multishot operation is over and must be armed again.
    pub(crate) fn more(&self) -> bool {
        cqueue::more(self.flags)
    }
}

/// A ring that only the thread which made it uses.
pub(crate) struct Ring {
    uring: IoUring,
    /// Entries that found the submission queue full even after it was submitted.
    backlog: VecDeque<squeue::Entry>,
    enters: u64,
}

impl Ring {
    /// A ring with the flags that the design rests on: one issuer, completions worked off inside `enter` only.
    pub(crate) fn new(entries: u32) -> io::Result<Self> {
        let uring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_coop_taskrun()
            .setup_taskrun_flag()
            .setup_submit_all()
            .setup_clamp()
            .setup_cqsize(entries.saturating_mul(COMPLETIONS_PER_ENTRY))
            .dontfork()
            .build(entries)?;
        Ok(Self { uring, backlog: VecDeque::new(), enters: 0 })
    }

    /// A second descriptor of this ring, for the messages of other shards: it keeps the number from being reused.
    pub(crate) fn descriptor(&self) -> io::Result<OwnedFd> {
        // SAFETY: the ring's descriptor is open for as long as `self`.
        unsafe { BorrowedFd::borrow_raw(self.uring.as_raw_fd()) }.try_clone_to_owned()
    }

    /// For registrations, which go around the queue.
    pub(crate) fn submitter(&self) -> io_uring::Submitter<'_> {
        self.uring.submitter()
    }

    /// System calls made so far to enter the ring.
    pub(crate) fn enters(&self) -> u64 {
        self.enters
    }

    /// Queues an entry.
    ///
    /// # Safety
    /// Memory that the entry points to stays valid and unaliased until its last completion.
    unsafe fn push(&mut self, entry: squeue::Entry) {
        if self.backlog.is_empty() {
            // SAFETY: the caller's promise.
            if unsafe { self.uring.submission().push(&entry) }.is_ok() {
                return;
            }
            // A failure to submit leaves the queue full, and the entry goes to the backlog.
            let _ = self.enter_with(0, EnterFlags::empty(), None);
            // SAFETY: the caller's promise.
            if unsafe { self.uring.submission().push(&entry) }.is_ok() {
                return;
            }
        }
        self.backlog.push_back(entry);
    }

    /// Receives from a socket into provided buffers of a group until it ends, fails or is cancelled.
    pub(crate) fn receive(&mut self, socket: RawFd, group: u16, token: Token) {
        let entry = opcode::RecvMulti::new(Fd(socket), group).build().user_data(token.to_bits());
        // SAFETY: it points to no memory; the buffers of the group are registered for as long as the ring lives.
        unsafe { self.push(entry) };
    }

    /// Sends bytes on a socket.
    ///
    /// # Safety
    /// `bytes` stays in place and unchanged until the completion.
    pub(crate) unsafe fn send(&mut self, socket: RawFd, bytes: &[u8], token: Token) {
        let length = u32::try_from(bytes.len().min(SEND_BYTES_MAX)).expect("the bound is below 2^32");
        let entry = opcode::Send::new(Fd(socket), bytes.as_ptr(), length)
            .flags(libc::MSG_NOSIGNAL)
            .build()
            .user_data(token.to_bits());
        // SAFETY: the caller's promise.
        unsafe { self.push(entry) };
    }

    /// Accepts connections of a listener: one, or until it fails or is cancelled.
    pub(crate) fn accept(&mut self, listener: RawFd, many: bool, token: Token) {
        let entry = if many {
            opcode::AcceptMulti::new(Fd(listener)).flags(libc::SOCK_CLOEXEC).build()
        } else {
            opcode::Accept::new(Fd(listener), std::ptr::null_mut(), std::ptr::null_mut())
                .flags(libc::SOCK_CLOEXEC)
                .build()
        };
        // SAFETY: it points to no memory.
        unsafe { self.push(entry.user_data(token.to_bits())) };
    }

    /// Reads an eventfd.
    ///
    /// # Safety
    /// `count` stays in place and is not looked at until the completion.
    pub(crate) unsafe fn read_doorbell(&mut self, doorbell: RawFd, count: *mut u64, token: Token) {
        let entry = opcode::Read::new(Fd(doorbell), count.cast(), 8).build().user_data(token.to_bits());
        // SAFETY: the caller's promise.
        unsafe { self.push(entry) };
    }

    /// Cancels the operation with the token `target`.
    pub(crate) fn cancel(&mut self, target: Token, token: Token) {
        let entry = opcode::AsyncCancel::new(target.to_bits()).build().user_data(token.to_bits());
        // SAFETY: it points to no memory.
        unsafe { self.push(entry) };
    }

    /// Cancels every operation on a descriptor.
    pub(crate) fn cancel_all_of(&mut self, descriptor: RawFd, token: Token) {
        let builder = CancelBuilder::fd(Fd(descriptor)).all();
        let entry = opcode::AsyncCancel2::new(builder).build().user_data(token.to_bits());
        // SAFETY: it points to no memory.
        unsafe { self.push(entry) };
    }

    /// Makes another ring complete a [`Kind::Wake`]; only a failure completes here, as [`Kind::WakeFailed`] of `shard`.
    pub(crate) fn wake(&mut self, ring: RawFd, shard: u32) {
        let there = Token::new(Kind::Wake, 0, 0).to_bits();
        let entry = opcode::MsgRingData::new(Fd(ring), 0, there, None)
            .build()
            .flags(squeue::Flags::SKIP_SUCCESS)
            .user_data(Token::new(Kind::WakeFailed, 0, shard).to_bits());
        // SAFETY: it points to no memory.
        unsafe { self.push(entry) };
    }

    /// Submits what is queued and runs the kernel's deferred work; with a time-out, waits that long for a completion.
    pub(crate) fn enter(&mut self, wait_ns: Option<u64>) -> io::Result<()> {
        while let Some(entry) = self.backlog.front() {
            // SAFETY: whoever queued the entry promised it.
            if unsafe { self.uring.submission().push(entry) }.is_err() {
                break;
            }
            self.backlog.pop_front();
        }
        match wait_ns {
            Some(wait_ns) if self.backlog.is_empty() => {
                let time = Timespec::new().sec(wait_ns / 1_000_000_000).nsec((wait_ns % 1_000_000_000) as u32);
                let arguments = SubmitArgs::new().timespec(&time);
                self.enter_with(1, EnterFlags::GETEVENTS | EnterFlags::EXT_ARG, Some(&arguments))
            }
            _ => self.enter_with(0, EnterFlags::GETEVENTS, None),
        }
    }

    fn enter_with(&mut self, want: u32, flags: EnterFlags, arguments: Option<&SubmitArgs<'_, '_>>) -> io::Result<()> {
        self.enters += 1;
        let queued = u32::try_from(self.uring.submission().len()).expect("the queue is smaller than 2^32");
        // SAFETY: `arguments` is the structure that EXT_ARG announces, and lives through the call.
        match unsafe { self.uring.submitter().enter(queued, want, flags.bits(), arguments) } {
            Ok(_) => Ok(()),
            Err(error) => match error.raw_os_error() {
                // Time out, a signal, or completions to be reaped first: what was not submitted stays queued.
                Some(libc::ETIME | libc::EINTR | libc::EBUSY | libc::EAGAIN) => Ok(()),
                _ => Err(error),
            },
        }
    }

    /// Moves the completions that are there to `into`.
    pub(crate) fn reap(&mut self, into: &mut Vec<Completion>) {
        into.extend(self.uring.completion().map(|entry| Completion {
            token: Token::from_bits(entry.user_data()),
            result: entry.result(),
            flags: entry.flags(),
        }));
    }

    /// Whether completions are there to be reaped.
    pub(crate) fn has_completions(&mut self) -> bool {
        !self.uring.completion().is_empty()
    }

    /// Whether the kernel has work that only an `enter` gets done, as far as the memory shared with it tells.
    pub(crate) fn has_deferred_work(&mut self) -> bool {
        self.uring.submission().taskrun()
    }
}

impl Drop for Ring {
    /// Takes every operation back from the kernel, so that the memory they point to may go.
    fn drop(&mut self) {
        // An operation that was queued and never submitted never starts. NotFound means that there was none.
        let _ = self.uring.submitter().register_sync_cancel(Some(Timespec::new().sec(1)), CancelBuilder::any());
    }
}

#[cfg(test)]
mod tests;
