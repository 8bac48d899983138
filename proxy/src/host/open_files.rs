//! The limit on open files, raised to what the configured connections need.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Effective;

/// Rings, event descriptors and the like of one shard.
const DESCRIPTORS_PER_SHARD: u64 = 32;
/// Standard streams, log files, listeners' own and what libraries open.
const DESCRIPTORS_RESERVED: u64 = 64;

/// How many files this process may open, and how many it may need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenFiles {
    /// What the configuration needs at most.
    pub needed: u64,
    /// What the kernel allows.
    pub allowed: u64,
}

impl OpenFiles {
    /// Raises the limit of this process (RLIMIT_NOFILE, getrlimit(2)) as far as needed and permitted.
    pub fn raise(effective: &Effective) -> Self {
        let needed = needed(effective);
        let before = getrlimit(Resource::Nofile);
        let within = |limit: Option<u64>| limit.is_none_or(|limit| limit >= needed);
        if within(before.current) {
            return Self { needed, allowed: before.current.unwrap_or(u64::MAX) };
        }
        // Beyond the hard limit only a privileged process may go; it does no harm to ask.
        let maximum = if within(before.maximum) { before.maximum } else { Some(needed) };
        let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(needed), maximum });
        if raised.is_err() {
            let most = Rlimit { current: before.maximum, maximum: before.maximum };
            // What counts is what is allowed afterwards.
            let _ = setrlimit(Resource::Nofile, most);
        }
        Self { needed, allowed: getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX) }
    }

    /// The connections that are possible within what is allowed.
    pub fn connections_possible(&self, effective: &Effective) -> u64 {
        let others = self.needed - effective.limits.connections_max as u64;
        (effective.limits.connections_max as u64).min(self.allowed.saturating_sub(others))
    }

    /// What the operator should know when the limit stays too low.
    pub fn warning(&self, effective: &Effective) -> Option<String> {
        (self.allowed < self.needed).then(|| {
            format!(
                "limits.connections_max ({}) needs {} open files, but this process may open only {}, enough for {} \
                 connections: raise the hard limit (ulimit -Hn) or lower limits.connections_max",
                effective.limits.connections_max,
                self.needed,
                self.allowed,
                self.connections_possible(effective)
            )
        })
    }
}

fn needed(effective: &Effective) -> u64 {
    let shards = effective.cores.len() as u64 * DESCRIPTORS_PER_SHARD;
    effective.limits.connections_max as u64 + shards + effective.listen.len() as u64 + DESCRIPTORS_RESERVED
}
