//! What the operator asked for: flags, environment and file, read into one checked [`Effective`] configuration.
//!
//! A flag goes before its environment variable, that before the file, that before the default. All that is wrong is
//! reported at once, each [`Problem`] with its place. Nothing here opens sockets or starts anything.

mod args;
mod available;
mod backends;
mod bytes;
mod check;
pub mod cores;
pub(crate) mod duration;
mod effective;
mod endpoint;
mod file;
mod limits;
mod listen;
mod log;
mod namespaces;
mod nearest;
mod outcome;
mod print;
mod problem;
mod reload;
mod section;
mod tree;
mod value;

pub use args::{Args, CoreList, VERSION};
pub use backends::{
    Backend, BackendKind, Compression, Eviction, Kafka, Memstore, Plugin, Redis, Sasl, SaslMechanism, Topics,
};
pub use effective::Effective;
pub use endpoint::Endpoint;
pub use listen::ListenAddress;
pub use log::{Log, LogFormat, LogLevel};
pub use namespaces::{Bounds, Group, NAMESPACES_MAX, Namespace};
pub use outcome::{Outcome, decide};
pub use print::print;
pub use problem::{Place, Position, Problem};
pub use reload::{changes_needing_restart, reloaded};
pub use value::Value;

use file::CoresFrom;
use problem::Problems;

/// The longest that an idle shard may spin before it sleeps.
const SPIN_US_MAX: u64 = 1_000_000;

/// A configuration that may be put in force, and what the operator should know about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The configuration.
    pub effective: Effective,
    /// What is allowed and yet surprising.
    pub warnings: Vec<Problem>,
}

/// Reads the file that the arguments name, if any, and puts the arguments over it. Called again for a reload.
///
/// # Errors
/// All that is wrong, flags first and then in the order of the file.
pub fn load(args: &Args) -> Result<Loaded, Vec<Problem>> {
    let allowed = cores::allowed();
    let Some(path) = &args.config else { return interpret(args, "", None, &allowed) };
    let name = path.display().to_string();
    let problems = Problems::new(&name);
    let text = file::text(path, &problems);
    file::outcome(problems)?;
    interpret(args, &name, text.as_deref(), &allowed)
}

/// The same without touching the system: the file's name and text and the allowed cores are given.
fn interpret(args: &Args, name: &str, text: Option<&str>, allowed: &[usize]) -> Result<Loaded, Vec<Problem>> {
    let problems = Problems::new(name);
    let (mut effective, cores_from) = match text {
        Some(text) => file::read(text, allowed, &problems),
        None => (Effective::default_on(allowed.to_vec()), CoresFrom::Default),
    };
    if let Some(CoreList(cores)) = &args.cores {
        effective.cores.clone_from(cores);
    }
    if let Err(message) = cores::check(&effective.cores, allowed) {
        match (&args.cores, cores_from) {
            (None, CoresFrom::File(position)) => problems.at(position, format!("cores: {message}")),
            _ => problems.flag("--cores", message),
        }
    }
    if !args.listen.is_empty() {
        effective.listen.clone_from(&args.listen);
        for (later, address) in args.listen.iter().enumerate() {
            if args.listen[..later].iter().any(|earlier| earlier.is_same_socket(address)) {
                problems.flag("--listen", format!("{address} is named twice"));
            }
        }
    }
    effective.spin_us = args.spin.unwrap_or(effective.spin_us);
    effective.log.format = args.log_format.unwrap_or(effective.log.format);
    if let Some(level) = &args.log_level {
        effective.log.level = level.clone();
    }
    file::outcome(problems)?;
    let warnings = Problems::new(name);
    file::warnings(&effective, &warnings);
    Ok(Loaded { effective, warnings: warnings.into_sorted() })
}

#[cfg(test)]
mod tests;
