#![allow(clippy::all, clippy::print_stdout, clippy::unwrap_used, missing_docs)]
use prism_backends::memstore::{Config, MemStore};
use prism_backends::{Backend, Command, Context, Execution, KeyHasher, Reply};
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};
use std::time::Instant;

#[derive(Clone)]
struct B(KeyHasher);
struct H(KeyHasher, u64);
impl Hasher for H {
    fn finish(&self) -> u64 {
        self.1
    }
    fn write(&mut self, b: &[u8]) {
        if b.len() != 8 || true {
            self.1 = self.0.hash(0, b);
        }
    }
    fn write_usize(&mut self, _: usize) {}
}
impl BuildHasher for B {
    type Hasher = H;
    fn build_hasher(&self) -> H {
        H(self.0, 0)
    }
}

fn key(i: u64) -> [u8; 16] {
    let mut k = *b"k00000000000000k";
    let s = format!("{i:014}");
    k[1..15].copy_from_slice(s.as_bytes());
    k
}
fn main() {
    let only = std::env::args().nth(2).is_some();
    let n: u64 = std::env::args().nth(1).map_or(1_000_000, |a| a.parse().unwrap());
    let hasher = KeyHasher::random();
    let mut store = MemStore::new(Config { name: "m".into(), memory_bytes_max: 8 << 30, namespaces: 1 });
    let mut map: HashMap<Box<[u8]>, Box<[u8]>, B> = HashMap::with_hasher(B(hasher));
    let val = [7u8; 64];
    let mut worst = vec![];
    let t = Instant::now();
    for i in 0..3 * n {
        let k = key(i);
        let t = Instant::now();
        let c = Context { now_ns: 1, namespace: 0, hash: hasher.hash(0, &k), call: 0 };
        store.execute(&c, &Command::Set { key: &k, value: &val, ttl_seconds: 0 });
        let e = t.elapsed();
        worst.push((e, i));
        if i + 1 == n || i + 1 == 2 * n || i + 1 == 3 * n {
            println!("{} keys: overhead {:.2}", i + 1, store.counters().memory_bytes as f64 / (i + 1) as f64 - 80.0);
        }
    }
    println!("store fill of {} keys {:?}", 3 * n, t.elapsed());
    worst.sort();
    worst.reverse();
    println!(
        "worst {:?} p99.99 {:?} p99.9 {:?} p50 {:?} growth {:?}",
        &worst[..8],
        worst[worst.len() / 10_000],
        worst[worst.len() / 1000],
        worst[worst.len() / 2],
        store.growth()
    );
    drop(worst);
    let mut store = MemStore::new(Config { name: "m".into(), memory_bytes_max: 8 << 30, namespaces: 1 });
    let mut w = std::time::Duration::ZERO;
    for i in 0..n {
        let k = key(i);
        let c = Context { now_ns: 1, namespace: 0, hash: hasher.hash(0, &k), call: 0 };
        store.execute(&c, &Command::Set { key: &k, value: &val, ttl_seconds: 0 });
        let t = Instant::now();
        map.insert(Box::from(&k[..]), Box::from(&val[..]));
        w = w.max(t.elapsed());
    }
    println!("map worst insert {w:?}");
    let mut keys = Vec::new();
    let mut x = 88172645463325252u64;
    for _ in 0..2_000_000 {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        keys.push(key(x % n));
    }
    let misses: Vec<_> = keys
        .iter()
        .map(|k| {
            let mut k = *k;
            k[0] = b'x';
            k
        })
        .collect();
    for round in 0..3 {
        for (name, keys) in [("hit", &keys), ("miss", &misses)] {
            let t = Instant::now();
            let mut sum = 0u64;
            for k in keys {
                let c = Context { now_ns: 1, namespace: 0, hash: hasher.hash(0, k), call: 0 };
                if let Execution::Done(Reply::Get(Some(v))) = store.execute(&c, &Command::Get { key: k }) {
                    sum += v[63] as u64;
                }
            }
            let a = t.elapsed();
            let t = Instant::now();
            for k in keys {
                if let Some(v) = map.get(&k[..]) {
                    sum += v[63] as u64;
                }
            }
            let b = t.elapsed();
            println!(
                "{round} {name}: store {:.1} ns, map {:.1} ns, ratio map/store {:.2} ({sum})",
                a.as_nanos() as f64 / keys.len() as f64,
                b.as_nanos() as f64 / keys.len() as f64,
                b.as_secs_f64() / a.as_secs_f64()
            );
        }
    }
    let t = Instant::now();
    for k in &keys {
        let c = Context { now_ns: 1, namespace: 0, hash: hasher.hash(0, k), call: 0 };
        store.execute(&c, &Command::Set { key: k, value: &val, ttl_seconds: 0 });
    }
    println!("overwrite {:.1} ns", t.elapsed().as_nanos() as f64 / keys.len() as f64);
}
