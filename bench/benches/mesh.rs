//! The mesh between two shards: batches of parcels that cross over and come back, a turn on each side for each batch.
//!
//! A hop is one crossing, so the time of a parcel there and back is that of two. While one side works the other looks
//! for work (`awake`) or sleeps (`parked`), so for shards that are awake the time is the CPU of both sides together.

use std::sync::mpsc::{self, Sender};
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use prism_shard::{Application, Config, Machine, PeerId, Turn};

/// Parcels that are on their way together; below the mesh's capacity.
const BATCHES: [u64; 4] = [1, 16, 64, 256];
/// How long a shard looks for work before it sleeps, when it is to stay awake.
const SPIN_US: u64 = 10_000;

/// A shard that returns the parcels of others, and sends its own again when all are back.
struct Crossing {
    back: Sender<()>,
    batch: u64,
    awaited: u64,
    rounds: u64,
}

impl Crossing {
    fn send(&mut self, turn: &mut Turn<'_, Self>) {
        self.awaited = self.batch;
        for load in 0..self.batch {
            turn.mesh.send(1, Parcel { is_back: false, _load: [load; 6] }).expect("a batch fits the mesh");
        }
    }
}

/// So many parcels at a time, so often.
#[derive(Debug)]
struct Task {
    batch: u64,
    rounds: u64,
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
    type Control = Task;

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
        if self.awaited > 0 {
            return;
        }
        self.rounds -= 1;
        if self.rounds > 0 {
            self.send(turn);
        } else {
            self.back.send(()).expect("the benchmark waits");
        }
    }

    fn expired(&mut self, _turn: &mut Turn<'_, Self>, _token: u64) {}

    fn control(&mut self, turn: &mut Turn<'_, Self>, task: Task) {
        (self.batch, self.rounds) = (task.batch, task.rounds);
        self.send(turn);
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
    for (name, spin_us) in [("awake", SPIN_US), ("parked", 0)] {
        let (back, returned) = mpsc::channel();
        let make = move |_| Crossing { back: back.clone(), batch: 0, awaited: 0, rounds: 0 };
        let mut config = Config::new(cores.clone(), Vec::new());
        config.spin_us = spin_us;
        let shards = prism_shard::launch(config, make).expect("the shards start");
        let mut group = criterion.benchmark_group(format!("mesh/there_and_back/{name}"));
        for batch in BATCHES {
            group.throughput(Throughput::Elements(batch));
            group.bench_function(format!("{batch}_parcels"), |bencher| {
                bencher.iter_custom(|rounds| {
                    let start = Instant::now();
                    shards.control(0, Task { batch, rounds }).expect("the control lane has room");
                    returned.recv_timeout(Duration::from_secs(60)).expect("every parcel comes back");
                    start.elapsed()
                });
            });
        }
        group.finish();
        shards.drain(Duration::from_secs(10));
        shards.join().expect("the shards end well");
    }
}

criterion_group!(benches, crossing);
criterion_main!(benches);
