//! Thousands of connections that do nothing.

use crate::attacker::{Attacker, Heard, Written, greeting};
use crate::bench::Flood;

/// As many as this process may have files, and a good deal fewer than the proxy may have connections.
fn connections() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let files: usize = line.split_whitespace().next().and_then(|soft| soft.parse().ok()).unwrap_or(4_096);
    files.saturating_sub(200).min(4_000)
}

#[test]
fn that_have_said_hello() {
    Flood::new("4,000 idle connections").lasting(1_000).counted(&["accepted"]).is_withstood(|address, clock| {
        let greeting = greeting();
        let mut attackers = Vec::new();
        for _ in 0..connections() {
            let mut attacker = Attacker::deaf(address);
            assert_eq!(attacker.write(&greeting), Written::All);
            attackers.push(attacker);
        }
        clock.wait();
        Heard { connections: attackers.len() as u64, ..Heard::default() }
    });
}
