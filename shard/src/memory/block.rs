//! What lies in a region: bytes that are used from the front, or one value.

use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use super::shelf::{self, Part, SIZES};

/// A list of bytes that never moves. The thread that made it keeps it.
pub struct Block {
    start: NonNull<u8>,
    len: u32,
    capacity: u32,
    /// Where its memory is from: [`Part::NONE`] is the allocator.
    part: Part,
}

impl Block {
    /// Bytes that a block of a region has room for.
    pub const BYTES: usize = SIZES[1];

    /// Nothing, without memory.
    pub const fn none() -> Self {
        Self { start: NonNull::dangling(), len: 0, capacity: 0, part: Part::NONE }
    }

    /// An empty list with room for [`Self::BYTES`].
    ///
    /// # Panics
    ///
    /// When the system has no memory, as any other allocation.
    pub fn with_room() -> Self {
        let (part, start) = shelf::take(1).expect("the system has memory");
        Self { start, len: 0, capacity: Self::BYTES as u32, part }
    }

    /// So many zeroed bytes in an allocation of their own, below 4 GiB.
    pub fn alone(bytes: usize) -> Self {
        vec![0u8; bytes].into()
    }

    /// Bytes that it has memory for.
    pub fn capacity(&self) -> usize {
        self.capacity as usize
    }

    /// Makes it longer, within its capacity; what is new is zeroed, or was in it before [`Self::clear`].
    ///
    /// # Panics
    ///
    /// Beyond its capacity.
    pub fn extend(&mut self, bytes: usize) {
        assert!(self.len as usize + bytes <= self.capacity(), "a block does not grow");
        self.len += bytes as u32;
    }

    /// The list that one of the allocator was made of.
    ///
    /// # Safety
    ///
    /// It is not one of a region, and is not used again, not even dropped.
    unsafe fn list(&self) -> Vec<u8> {
        // SAFETY: that is what the caller promises, and pointer, length and capacity are those of a list.
        unsafe { Vec::from_raw_parts(self.start.as_ptr(), self.len as usize, self.capacity as usize) }
    }

    /// Empties one of a region.
    pub fn clear(&mut self) {
        if self.part != Part::NONE {
            self.len = 0;
        }
    }
}

/// Takes the list's memory over. It has less than 4 GiB.
impl From<Vec<u8>> for Block {
    fn from(list: Vec<u8>) -> Self {
        let count = |bytes: usize| u32::try_from(bytes).expect("a block is shorter than 4 GiB");
        let (len, capacity) = (count(list.len()), count(list.capacity()));
        let start = NonNull::new(ManuallyDrop::new(list).as_mut_ptr()).expect("a list points somewhere");
        Self { start, len, capacity, part: Part::NONE }
    }
}

/// The list whose memory it took over; of one of a region, nothing.
impl From<Block> for Vec<u8> {
    fn from(block: Block) -> Self {
        if block.part != Part::NONE {
            return Self::new();
        }
        let block = ManuallyDrop::new(block);
        // SAFETY: it is of the allocator, and nobody uses or drops it after this.
        unsafe { block.list() }
    }
}

impl Default for Block {
    fn default() -> Self {
        Self::none()
    }
}

impl Deref for Block {
    type Target = [u8];

    #[inline(always)]
    fn deref(&self) -> &[u8] {
        // SAFETY: `len` bytes from `start` on are ours and were initialised, by zeros if not by us.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len as usize) }
    }
}

impl DerefMut for Block {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and nobody else has them.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len as usize) }
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Block({} of {} bytes)", self.len, self.capacity())
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if self.part == Part::NONE {
            // SAFETY: its parts are those of a list, and this is the last use of them.
            drop(unsafe { self.list() });
        } else {
            // SAFETY: it was taken by this thread, for a block cannot be sent, and is referred to by nobody.
            unsafe { shelf::give(self.part) };
        }
    }
}

/// A value of 8 KiB in a region; the thread that made it keeps it.
pub struct Placed<T> {
    start: NonNull<T>,
    part: Part,
    owns: PhantomData<T>,
}

impl<T: Copy> Placed<T> {
    const FITS: () = assert!(size_of::<T>() == SIZES[0] && align_of::<T>() <= SIZES[0]);

    /// Places a value.
    ///
    /// # Panics
    ///
    /// When the system has no memory, as any other allocation.
    pub fn new(value: T) -> Self {
        const { Self::FITS };
        let (part, start) = shelf::take(0).expect("the system has memory");
        let start = start.cast();
        // SAFETY: the part is as long as the value, and aligned to its own length.
        unsafe { start.write(value) };
        Self { start, part, owns: PhantomData }
    }

    /// Where it lies for as long as it is there.
    pub(super) fn pointer(&self) -> NonNull<T> {
        self.start
    }
}

impl<T> Deref for Placed<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: a value was written there, and is ours.
        unsafe { self.start.as_ref() }
    }
}

impl<T> DerefMut for Placed<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above, and nobody else has it.
        unsafe { self.start.as_mut() }
    }
}

impl<T: fmt::Debug> fmt::Debug for Placed<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        T::fmt(self, formatter)
    }
}

impl<T> Drop for Placed<T> {
    fn drop(&mut self) {
        // SAFETY: it was taken by this thread, for it cannot be sent, and is referred to by nobody. Only values without
        // a destructor are placed.
        unsafe { shelf::give(self.part) };
    }
}
