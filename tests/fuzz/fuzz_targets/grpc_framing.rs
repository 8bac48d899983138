//! See `bodies::grpc_framing`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| prism_fuzz::bodies::grpc_framing::run(data));
