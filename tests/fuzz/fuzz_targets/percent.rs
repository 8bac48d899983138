//! See `bodies::percent`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| prism_fuzz::bodies::percent::run(data));
