//! The mesh between two shards: batches of parcels that cross over and come back, wake-ups included.

use std::sync::mpsc::{self, Sender};
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use prism_shard::{Application, Config, Machine, PeerId, Turn};

/// Parcels that are on their way together; below the mesh's capacity.
const BATCH: u64 = 256;

/// A shard that returns the parcels of others and counts its own when they are back.
struct Crossing {
    back: Sender<()>,
    awaited: u64,
}

/// No socket is ever opened here.
struct NoPeer(Vec<u8>);

impl Machine for NoPeer {
    fn output(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }

    fn is_finished(&self) -> bool {
        true
    }
}

/// What crosses: about as large as a short command.
#[derive(Debug)]
struct Parcel {
    is_back: bool,
    _load: [u64; 6],
}

impl Application for Crossing {
    type Machine = NoPeer;
    type Parcel = Parcel;
    type Control = u64;

    fn connected(&mut self, _turn: &mut Turn<'_, Self>, _peer: PeerId) -> NoPeer {
        NoPeer(Vec::new())
    }

    fn received(&mut self, _turn: &mut Turn<'_, Self>, _peer: PeerId, _bytes: &[u8]) {}

    fn closed(&mut self, _turn: &mut Turn<'_, Self>, _peer: PeerId, _machine: NoPeer) {}

    fn parcel(&mut self, turn: &mut Turn<'_, Self>, from: u32, parcel: Parcel) {
        if !parcel.is_back {
            turn.mesh.send(from, Parcel { is_back: true, ..parcel }).expect("a batch fits the mesh");
            return;
        }
        self.awaited -= 1;
        if self.awaited == 0 {
            self.back.send(()).expect("the benchmark waits");
        }
    }

    fn expired(&mut self, _turn: &mut Turn<'_, Self>, _token: u64) {}

    fn control(&mut self, turn: &mut Turn<'_, Self>, parcels: u64) {
        self.awaited = parcels;
        for load in 0..parcels {
            turn.mesh.send(1, Parcel { is_back: false, _load: [load; 6] }).expect("a batch fits the mesh");
        }
    }

    fn drain(&mut self, _turn: &mut Turn<'_, Self>) {}

    fn is_drained(&self, _turn: &mut Turn<'_, Self>) -> bool {
        true
    }
}

fn crossing(criterion: &mut Criterion) {
    let cores = core_affinity::get_core_ids().expect("the cores of this process");
    // On one core the shards share it, and what is measured is the switch between them.
    let cores = vec![cores[0].id, cores.last().expect("at least one").id];
    let (back, returned) = mpsc::channel();
    let make = move |_| Crossing { back: back.clone(), awaited: 0 };
    let shards = prism_shard::launch(Config::new(cores, Vec::new()), make).expect("the shards start");
    let mut group = criterion.benchmark_group("mesh/there_and_back");
    for batch in [1, BATCH] {
        group.throughput(Throughput::Elements(batch));
        group.bench_function(format!("{batch}_parcels"), |bencher| {
            bencher.iter_custom(|iterations| {
                let start = Instant::now();
                for _ in 0..iterations {
                    shards.control(0, batch).expect("the control lane has room");
                    returned.recv_timeout(Duration::from_secs(10)).expect("every parcel comes back");
                }
                start.elapsed()
            });
        });
    }
    group.finish();
    shards.drain(Duration::from_secs(10));
    shards.join().expect("the shards end well");
}

criterion_group!(benches, crossing);
criterion_main!(benches);
