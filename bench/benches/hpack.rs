//! Header blocks as clients of the two kinds send them, and the block that every answer carries.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use prism_bench::request::Operation;
use prism_proto::hpack::{Decoder, Encoder, Indexing};
use prism_proto::limits::{HEADER_TABLE_BYTES_MAX, Limits};

const FIELDS: [(&[u8], &[u8]); 6] = [
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":path", Operation::Get.path().as_bytes()),
    (b":authority", b"127.0.0.1:8980"),
    (b"content-type", b"application/grpc"),
    (b"te", b"trailers"),
];

/// The block of one request; `path` says whether the path goes into the table, as the other fields do.
fn block(encoder: &mut Encoder, path: Indexing) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in FIELDS {
        encoder.encode(name, value, if name == b":path" { path } else { Indexing::Incremental }, &mut block);
    }
    block
}

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hpack/decode");
    // grpc-go and tonic put everything into the table; h2load and curl spell the path in every request.
    for (name, path) in [("all_indexed", Indexing::Incremental), ("path_spelled", Indexing::Without)] {
        let mut encoder = Encoder::new();
        let mut decoder = Decoder::new(HEADER_TABLE_BYTES_MAX);
        let (first, next) = (block(&mut encoder, path), block(&mut encoder, path));
        let fields = |decoder: &mut Decoder, block: &[u8]| {
            let mut fields = 0;
            let list_bytes_max = Limits::DEFAULT.header_list_bytes_max;
            decoder.decode(block, list_bytes_max, |_, _| fields += 1).expect("the encoder's own block");
            fields
        };
        assert_eq!(fields(&mut decoder, &first), FIELDS.len());
        group.bench_function(name, |bencher| bencher.iter(|| fields(&mut decoder, black_box(&next))));
    }
    group.finish();
}

fn encode(criterion: &mut Criterion) {
    let mut encoder = Encoder::new();
    let mut out = Vec::with_capacity(64);
    criterion.bench_function("hpack/encode/trailers", |bencher| {
        bencher.iter(|| {
            out.clear();
            encoder.encode(black_box(b"grpc-status"), black_box(b"0"), Indexing::Incremental, &mut out);
            out.len()
        });
    });
}

criterion_group!(benches, decode, encode);
criterion_main!(benches);
