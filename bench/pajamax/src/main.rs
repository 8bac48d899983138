//! Baseline: KeyValueBasicInterface on pajamax, a thread for each connection, all on one core, a hash map behind them.

use std::collections::HashMap;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use clap::Parser;

#[allow(missing_docs, clippy::all)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/all.rs"));
}

use generated::prism::interfaces::keyvalue::{
    DeleteRequest, DeleteResponse, ExistsRequest, ExistsResponse, GetRequest, GetResponse, KeyValueBasicInterface,
    KeyValueBasicInterfaceServer, SetRequest, SetResponse,
};

/// More than any measurement opens; the default of 100 is less.
const CONNECTIONS_MAX: usize = 10_000;

/// Serves KeyValueBasicInterface by pajamax on one core; an expiry is accepted and ignored.
#[derive(Debug, Parser)]
struct Options {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8980")]
    listen: SocketAddr,
    /// Pin to this core.
    #[arg(long)]
    core: Option<usize>,
}

/// Its threads share one core, so the lock is hardly ever contended for.
#[derive(Debug, Default)]
struct Store {
    values: Mutex<HashMap<String, Vec<u8>>>,
}

impl Store {
    fn values(&self) -> MutexGuard<'_, HashMap<String, Vec<u8>>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeyValueBasicInterface for Store {
    fn set(&self, request: SetRequest) -> pajamax::Response<SetResponse> {
        self.values().insert(request.key, request.value);
        Ok(SetResponse { success: true, ..SetResponse::default() })
    }

    fn get(&self, request: GetRequest) -> pajamax::Response<GetResponse> {
        let found = self.values().get(&request.key).cloned();
        Ok(GetResponse { found: found.is_some(), value: found.unwrap_or_default(), ..GetResponse::default() })
    }

    fn delete(&self, request: DeleteRequest) -> pajamax::Response<DeleteResponse> {
        let found = self.values().remove(&request.key).is_some();
        Ok(DeleteResponse { success: true, found, ..DeleteResponse::default() })
    }

    fn exists(&self, request: ExistsRequest) -> pajamax::Response<ExistsResponse> {
        let exists = self.values().contains_key(&request.key);
        Ok(ExistsResponse { exists, ..ExistsResponse::default() })
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse();
    // Threads inherit it.
    if let Some(core) = options.core
        && !core_affinity::set_for_current(core_affinity::CoreId { id: core })
    {
        return Err(format!("core {core} cannot be had").into());
    }
    writeln!(io::stderr(), "prism-bench-pajamax serving on {}", options.listen)?;
    pajamax::Config::new()
        .max_concurrent_connections(CONNECTIONS_MAX)
        .add_service(KeyValueBasicInterfaceServer::new(Store::default()))
        .serve(options.listen)?;
    Ok(())
}
