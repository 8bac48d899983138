//! Decoding requests in place and writing responses, beside prost doing the same for owned messages.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use prism_bench::request::Operation;
use prism_proto::messages::prism::interfaces::keyvalue::{GetResponse, SetRequest};
use prism_proto::view::{GetView, SetView, get_response_bytes, write_get_response};
use prost::Message as _;

const KEY: &str = "key-000000000001";
const VALUE: [u8; 64] = [b'v'; 64];

fn decode(criterion: &mut Criterion) {
    let get = Operation::Get.message(KEY, &[], "");
    let set = Operation::Set.message(KEY, &VALUE, "sessions");
    assert_eq!(SetView::decode(&set).map(|view| view.value), Ok(&VALUE[..]), "what is decoded is what was encoded");
    let mut group = criterion.benchmark_group("wire/decode");
    group.bench_function("get_view", |bencher| bencher.iter(|| GetView::decode(black_box(&get)).is_ok()));
    group.bench_function("set_view", |bencher| bencher.iter(|| SetView::decode(black_box(&set)).is_ok()));
    group.bench_function("set_prost", |bencher| bencher.iter(|| SetRequest::decode(black_box(&set[..]))));
    group.finish();
}

fn encode(criterion: &mut Criterion) {
    let mut out = Vec::with_capacity(256);
    let mut group = criterion.benchmark_group("wire/encode");
    group.bench_function("get_response", |bencher| {
        bencher.iter(|| {
            out.clear();
            let value = black_box(Some(&VALUE[..]));
            write_get_response(value, &mut out);
            assert_eq!(out.len(), get_response_bytes(value));
        });
    });
    group.bench_function("get_response_prost", |bencher| {
        let response = GetResponse { found: true, value: VALUE.to_vec(), ..GetResponse::default() };
        bencher.iter(|| {
            out.clear();
            black_box(&response).encode_raw(&mut out);
        });
    });
    group.finish();
}

criterion_group!(benches, decode, encode);
criterion_main!(benches);
