//! See `bodies::client_connection`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| prism_fuzz::bodies::client_connection::run(data));
