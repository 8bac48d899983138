//! Baseline: KeyValueBasicInterface on tonic, one current-thread tokio runtime on one core, a hash map behind it.

use std::collections::HashMap;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clap::Parser;
use prism_proto::messages::prism::interfaces::keyvalue::{
    DeleteRequest, DeleteResponse, ExistsRequest, ExistsResponse, GetRequest, GetResponse, SetRequest, SetResponse,
};
use prism_proto::tonic_generated::prism::interfaces::keyvalue::key_value_basic_interface_server::{
    KeyValueBasicInterface, KeyValueBasicInterfaceServer,
};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// Serves KeyValueBasicInterface by tonic on one core; an expiry is accepted and ignored.
#[derive(Debug, Parser)]
struct Options {
    /// Where to listen; port 0 takes a free one, and the address is printed to standard error.
    #[arg(long, default_value = "127.0.0.1:8980")]
    listen: SocketAddr,
    /// Pin to this core.
    #[arg(long)]
    core: Option<usize>,
}

/// tonic wants its services shared between threads, so the map has a lock, which one thread never contends for.
#[derive(Debug, Default)]
struct Store {
    values: Arc<Mutex<HashMap<String, Vec<u8>>>>,
}

impl Store {
    fn values(&self) -> MutexGuard<'_, HashMap<String, Vec<u8>>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[tonic::async_trait]
impl KeyValueBasicInterface for Store {
    async fn set(&self, request: Request<SetRequest>) -> Result<Response<SetResponse>, Status> {
        let SetRequest { key, value, .. } = request.into_inner();
        self.values().insert(key, value);
        Ok(Response::new(SetResponse { success: true, ..SetResponse::default() }))
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
        let found = self.values().get(&request.get_ref().key).cloned();
        let reply = GetResponse { found: found.is_some(), value: found.unwrap_or_default(), ..GetResponse::default() };
        Ok(Response::new(reply))
    }

    async fn delete(&self, request: Request<DeleteRequest>) -> Result<Response<DeleteResponse>, Status> {
        let found = self.values().remove(&request.get_ref().key).is_some();
        Ok(Response::new(DeleteResponse { success: true, found, ..DeleteResponse::default() }))
    }

    async fn exists(&self, request: Request<ExistsRequest>) -> Result<Response<ExistsResponse>, Status> {
        let exists = self.values().contains_key(&request.get_ref().key);
        Ok(Response::new(ExistsResponse { exists, ..ExistsResponse::default() }))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse();
    if let Some(core) = options.core
        && !core_affinity::set_for_current(core_affinity::CoreId { id: core })
    {
        return Err(format!("core {core} cannot be had").into());
    }
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let incoming = TcpIncoming::bind(options.listen)?.with_nodelay(Some(true));
        writeln!(io::stderr(), "tonic_server serving on {}", incoming.local_addr()?)?;
        Server::builder()
            .add_service(KeyValueBasicInterfaceServer::new(Store::default()))
            .serve_with_incoming(incoming)
            .await?;
        Ok(())
    })
}
