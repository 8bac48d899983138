//! The bytes of a fuzzer, read as choices: what it mutates are decisions, and every input is a valid one.

/// What is left of an input. Beyond its end every choice is 0.
#[derive(Debug)]
pub(crate) struct Choices<'d>(&'d [u8]);

impl<'d> Choices<'d> {
    pub(crate) fn new(data: &'d [u8]) -> Self {
        Self(data)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    /// A number below `bound`, which is 1 to 256.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound
    }

    /// A length: mostly short, up to 65,535.
    pub(crate) fn length(&mut self) -> usize {
        match self.byte() {
            255 => usize::from(u16::from_be_bytes([self.byte(), self.byte()])),
            short => usize::from(short),
        }
    }

    /// At most `count` bytes.
    pub(crate) fn take(&mut self, count: usize) -> &'d [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }
}
