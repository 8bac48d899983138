//! The configuration in force: what flags, environment, file and defaults come to.

use prism_proto::limits::Limits;

use super::backends::{Backend, BackendKind, Memstore};
use super::listen::ListenAddress;
use super::log::Log;
use super::namespaces::{Bounds, Namespace};

/// The configuration in force. Whatever is in it is valid: ranges, relations and references were checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Effective {
    /// Where to listen; at least one.
    pub listen: Vec<ListenAddress>,
    /// The core of each shard; at least one, all allowed, none twice.
    pub cores: Vec<usize>,
    /// Microseconds that an idle shard spins before it sleeps.
    pub spin_us: u64,
    /// Every bound that may be configured.
    pub limits: Limits,
    /// The backends in the order of the file; no name is there twice. Some may be unused.
    pub backends: Vec<Backend>,
    /// The namespaces in the order of the file; no name is there twice.
    pub namespaces: Vec<Namespace>,
    /// What is logged.
    pub log: Log,
}

/// The port that is listened on when nothing is said.
const LISTEN_PORT: u16 = 8_980;

impl Effective {
    /// What holds when nothing is said, with a shard on each of `cores`: one namespace on a memstore.
    pub fn default_on(cores: Vec<usize>) -> Self {
        Self {
            listen: vec![ListenAddress::Tcp((std::net::Ipv4Addr::LOCALHOST, LISTEN_PORT).into())],
            cores,
            spin_us: 0,
            limits: Limits::DEFAULT,
            backends: vec![default_backend()],
            namespaces: vec![Namespace {
                name: "default".to_owned(),
                backends: [Some(0); 4],
                bounds: Bounds::default(),
            }],
            log: Log::default(),
        }
    }

    /// Bytes that all memstores in use may hold together.
    pub fn memory_bytes(&self) -> u64 {
        let used = |index: usize| self.namespaces.iter().any(|namespace| namespace.backends.contains(&Some(index)));
        let bytes = |(index, backend): (usize, &Backend)| match &backend.kind {
            BackendKind::Memstore(memstore) if used(index) => memstore.memory_bytes_max,
            _ => 0,
        };
        self.backends.iter().enumerate().map(bytes).fold(0, u64::saturating_add)
    }
}

/// The backend that is there when the file declares none.
pub(crate) fn default_backend() -> Backend {
    Backend { name: "memory".to_owned(), kind: BackendKind::Memstore(Memstore::DEFAULT) }
}
