//! Comparing several numbers at once.

/// Which of the numbers are `sought`: a bit for each, the lowest for the first.
#[inline(always)]
pub fn equal(numbers: &[u16; 8], sought: u16) -> u8 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 has SSE2, and the load reads exactly the 16 bytes of `numbers`, aligned or not.
    #[allow(unused_unsafe, reason = "newer compilers know that of all but the load")]
    unsafe {
        use std::arch::x86_64::{
            _mm_cmpeq_epi16, _mm_loadu_si128, _mm_movemask_epi8, _mm_packs_epi16, _mm_set1_epi16, _mm_setzero_si128,
        };
        let equal = _mm_cmpeq_epi16(_mm_loadu_si128(numbers.as_ptr().cast()), _mm_set1_epi16(sought as i16));
        _mm_movemask_epi8(_mm_packs_epi16(equal, _mm_setzero_si128())) as u8
    }
    #[cfg(not(target_arch = "x86_64"))]
    equal_one_by_one(numbers, sought)
}

/// The same, one after the other.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn equal_one_by_one(numbers: &[u16; 8], sought: u16) -> u8 {
    numbers.iter().rev().fold(0, |bits, number| bits << 1 | u8::from(*number == sought))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_are_equal_are_found_and_no_others() {
        for pattern in 0..=u8::MAX {
            for sought in [0, 1, 0x7FFF, 0x8000, 0xFFFF] {
                // Each of the others differs in one bit, of another place.
                let number = |slot| sought ^ u16::from(pattern >> slot & 1 == 0) << (slot * 2 + usize::from(slot > 3));
                let numbers = std::array::from_fn(number);
                assert_eq!(equal(&numbers, sought), pattern);
                assert_eq!(equal_one_by_one(&numbers, sought), pattern);
            }
        }
    }
}
