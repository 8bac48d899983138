//! A region of 2 MiB, cut into equal parts.

use std::ptr::NonNull;

use crate::limits::REGION_BYTES;

/// Parts of the smallest size.
pub(super) const PARTS_MAX: usize = 256;
const WORDS: usize = PARTS_MAX / 64;

/// One region, and which of its parts are free.
pub(super) struct Region {
    start: NonNull<u8>,
    part_bytes: usize,
    /// A bit for each part.
    free: [u64; WORDS],
    taken: usize,
    /// It was to be one huge page from the start, and was parted since.
    is_parted: bool,
    is_huge: bool,
}

impl Region {
    /// A region of zeroed memory; none when the system has none.
    pub(super) fn new(part_bytes: usize, is_huge: bool) -> Option<Self> {
        let start = map_aligned()?;
        let mut free = [0; WORDS];
        (0..REGION_BYTES / part_bytes).for_each(|part| free[part / 64] |= 1 << (part % 64));
        let region = Self { start, part_bytes, free, taken: 0, is_parted: false, is_huge };
        if is_huge {
            region.advise(0, REGION_BYTES, libc::MADV_HUGEPAGE);
        }
        Some(region)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.taken == 0
    }

    pub(super) fn is_full(&self) -> bool {
        self.taken == REGION_BYTES / self.part_bytes
    }

    /// A zeroed part: its number and where it begins. None when all are taken.
    pub(super) fn take(&mut self) -> Option<(usize, NonNull<u8>)> {
        let word = self.free.iter().position(|word| *word != 0)?;
        let part = word * 64 + self.free[word].trailing_zeros() as usize;
        self.free[word] &= self.free[word] - 1;
        self.taken += 1;
        if self.is_parted && self.is_full() {
            // The kernel may make it one page again.
            self.is_parted = false;
            self.advise(0, REGION_BYTES, libc::MADV_HUGEPAGE);
        }
        // SAFETY: the part lies in the region, which is mapped for as long as `self` is there.
        Some((part, unsafe { self.start.add(part * self.part_bytes) }))
    }

    /// Gives a part back to the system; when it is taken again, it is zeroed.
    ///
    /// # Safety
    ///
    /// The part was taken, and nothing refers to it any more.
    pub(super) unsafe fn give(&mut self, part: usize) {
        if self.is_huge && !self.is_parted {
            // Or the kernel would fill the hole again, to have its huge page back.
            self.is_parted = true;
            self.advise(0, REGION_BYTES, libc::MADV_NOHUGEPAGE);
        }
        self.advise(part * self.part_bytes, self.part_bytes, libc::MADV_DONTNEED);
        self.free[part / 64] |= 1 << (part % 64);
        self.taken -= 1;
    }

    /// Tells the kernel about a piece of the region. Only MADV_DONTNEED changes what is there.
    fn advise(&self, offset: usize, bytes: usize, advice: libc::c_int) {
        debug_assert!(offset + bytes <= REGION_BYTES);
        // SAFETY: the piece lies in the mapping that is ours, and whoever gives a part back has no use for its bytes.
        let outcome = unsafe { libc::madvise(self.start.add(offset).as_ptr().cast(), bytes, advice) };
        if outcome != 0 && advice == libc::MADV_DONTNEED {
            // It is to be zeroed in any case.
            // SAFETY: as above; the piece is mapped for writing.
            unsafe { self.start.add(offset).write_bytes(0, bytes) };
        }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, whole, and no part is taken any more, or the thread ends and leaks nothing else.
        unsafe { libc::munmap(self.start.as_ptr().cast(), REGION_BYTES) };
    }
}

/// Maps so much that an aligned region is in it, and gives back what lies around.
fn map_aligned() -> Option<NonNull<u8>> {
    let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    let bytes = 2 * REGION_BYTES;
    // SAFETY: a new private mapping at an address of the kernel's choice touches no existing memory.
    let mapped = unsafe { libc::mmap(std::ptr::null_mut(), bytes, protection, flags, -1, 0) };
    if mapped == libc::MAP_FAILED {
        return None;
    }
    let before = mapped.cast::<u8>().align_offset(REGION_BYTES);
    // SAFETY: the region that begins there lies in the mapping, which is twice as long; what is around it is ours.
    unsafe {
        let start = mapped.cast::<u8>().add(before);
        if before > 0 {
            libc::munmap(mapped, before);
        }
        if before < REGION_BYTES {
            libc::munmap(start.add(REGION_BYTES).cast(), REGION_BYTES - before);
        }
        NonNull::new(start)
    }
}
