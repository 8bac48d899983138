//! Telling the processor what memory is about to be read, so that several reads wait at the same time.

/// Starts to load the cache line that `place` begins in, and waits for nothing.
///
/// It changes nothing but how long a later read takes. Where there is no such instruction, it does nothing.
#[inline(always)]
pub fn prefetch<T>(place: &T) {
    let pointer = std::ptr::from_ref(place);
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 has SSE, and a prefetch neither reads nor faults, whatever the address.
    #[allow(unused_unsafe, reason = "newer compilers know that")]
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(pointer.cast());
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: a prefetch neither reads nor faults, whatever the address, and changes no register or flag.
    unsafe {
        std::arch::asm!("prfm pldl1keep, [{0}]", in(reg) pointer, options(nostack, preserves_flags, readonly));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = pointer;
}
