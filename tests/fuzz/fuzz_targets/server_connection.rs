//! See `bodies::server_connection`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| prism_fuzz::bodies::server_connection::run(data));
