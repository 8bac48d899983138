//! Carries bytes between an in-memory stream and one of our machines with its application, in pieces of any size.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, BytesMut};
use prism_tests::Random;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

use crate::script::any_magnitude;

/// A machine of ours and what uses it.
pub(crate) trait Side {
    /// What is to be sent.
    fn output(&mut self) -> &mut Vec<u8>;
    /// Reads `bytes` and hears what they say.
    fn read(&mut self, bytes: &[u8]);
    /// Whether no more is to be read now.
    fn wants_pause(&self) -> bool;
    /// Whether nothing is left to read or to write.
    fn is_finished(&self) -> bool;
    /// Whether [`Self::turn`] may have something to do without anything coming in.
    fn has_work(&self) -> bool;
    /// Goes on with some calls.
    fn turn(&mut self);
    /// Begins the end, as far as this side may.
    fn drain(&mut self);
}

/// What has happened on the stream.
enum Moved {
    Read(usize),
    Wrote(usize),
    Nothing,
    Closed,
}

/// Our end of a conversation.
pub(crate) struct Driver<S> {
    stream: DuplexStream,
    application: S,
    random: Random,
    outgoing: BytesMut,
    buffer: Vec<u8>,
    /// Turns until our side drains.
    drain_after: Option<u64>,
}

impl<S: Side> Driver<S> {
    pub(crate) fn new(stream: DuplexStream, application: S, random: Random, drain_after: Option<u64>) -> Self {
        Self { stream, application, random, outgoing: BytesMut::new(), buffer: vec![0; 64 << 10], drain_after }
    }

    /// Goes on until the peer has gone, or the connection is finished; nothing may be left then.
    pub(crate) async fn serve(mut self) -> S {
        let mut turns = 0;
        loop {
            turns += 1;
            if self.drain_after == Some(turns) {
                self.application.drain();
            }
            if self.application.has_work() {
                self.application.turn();
                tokio::task::yield_now().await;
            }
            if self.random.below(4) > 0 || self.outgoing.is_empty() {
                self.outgoing.extend_from_slice(self.application.output());
                self.application.output().clear();
                // What was kept during a pause, and whoever waited for room.
                self.application.read(&[]);
            }
            if self.outgoing.is_empty() && self.application.is_finished() {
                break;
            }
            let reads_first = self.random.below(2) == 0;
            let limit = any_magnitude(&mut self.random, 16);
            match std::future::poll_fn(|context| self.poll(context, reads_first, limit)).await {
                Moved::Read(bytes) => {
                    let buffer = std::mem::take(&mut self.buffer);
                    self.application.read(&buffer[..bytes]);
                    self.buffer = buffer;
                }
                Moved::Wrote(bytes) => self.outgoing.advance(bytes),
                Moved::Nothing => {}
                Moved::Closed => {
                    // Nobody reads what is left; nothing but output may be.
                    self.application.output().clear();
                    break;
                }
            }
        }
        self.linger().await;
        self.application
    }

    fn poll(&mut self, context: &mut Context<'_>, reads_first: bool, limit: usize) -> Poll<Moved> {
        for reads in [reads_first, !reads_first] {
            let moved = if reads { self.poll_read(context, limit) } else { self.poll_write(context, limit) };
            if moved.is_ready() {
                return moved;
            }
        }
        let may_go_on = self.application.has_work() || !self.application.output().is_empty();
        if may_go_on { Poll::Ready(Moved::Nothing) } else { Poll::Pending }
    }

    fn poll_read(&mut self, context: &mut Context<'_>, limit: usize) -> Poll<Moved> {
        if self.application.wants_pause() {
            return Poll::Pending;
        }
        let mut buffer = ReadBuf::new(&mut self.buffer[..limit.min(64 << 10)]);
        match Pin::new(&mut self.stream).poll_read(context, &mut buffer) {
            Poll::Ready(Ok(())) if buffer.filled().is_empty() => Poll::Ready(Moved::Closed),
            Poll::Ready(Ok(())) => Poll::Ready(Moved::Read(buffer.filled().len())),
            Poll::Ready(Err(_)) => Poll::Ready(Moved::Closed),
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_write(&mut self, context: &mut Context<'_>, limit: usize) -> Poll<Moved> {
        if self.outgoing.is_empty() {
            return Poll::Pending;
        }
        let part = &self.outgoing[..limit.min(self.outgoing.len())];
        match Pin::new(&mut self.stream).poll_write(context, part) {
            Poll::Ready(Ok(bytes)) => Poll::Ready(Moved::Wrote(bytes)),
            // The peer has gone, but what it has sent before is still to be read.
            Poll::Ready(Err(_)) => Poll::Ready(Moved::Wrote(self.outgoing.len())),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Closes our half and lets the peer close his, so that nothing that he still writes fails.
    async fn linger(&mut self) {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let _gone = self.stream.shutdown().await;
        while self.stream.read(&mut self.buffer).await.is_ok_and(|bytes| bytes > 0) {}
    }
}
