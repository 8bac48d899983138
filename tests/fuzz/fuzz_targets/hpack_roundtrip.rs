//! See `bodies::hpack_roundtrip`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| prism_fuzz::bodies::hpack_roundtrip::run(data));
