//! See `bodies::hpack_decode`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| prism_fuzz::bodies::hpack_decode::run(data));
