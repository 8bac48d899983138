//! A proxy in front of one backend, and the clients that call it.

use std::sync::atomic::{AtomicU32, Ordering};

use prism_tests::clients::prism::interfaces::keyvalue::key_value_basic_interface_client::KeyValueBasicInterfaceClient;
use prism_tests::clients::prism::interfaces::keyvalue::key_value_batch_interface_client::KeyValueBatchInterfaceClient;
use prism_tests::clients::prism::interfaces::keyvalue::key_value_scan_interface_client::KeyValueScanInterfaceClient;
use prism_tests::clients::prism::interfaces::keyvalue::key_value_ttl_interface_client::KeyValueTtlInterfaceClient;
use prism_tests::clients::prism::interfaces::list::list_basic_interface_client::ListBasicInterfaceClient;
use prism_tests::clients::prism::interfaces::pubsub::pub_sub_basic_interface_client::PubSubBasicInterfaceClient;
use prism_tests::clients::prism::interfaces::stream::stream_basic_interface_client::StreamBasicInterfaceClient;
use prism_tests::{Launch, Proxy};
use tonic::transport::Channel;
use tonic::{Code, Status};

pub(crate) type KeyValue = KeyValueBasicInterfaceClient<Channel>;
pub(crate) type Ttl = KeyValueTtlInterfaceClient<Channel>;
pub(crate) type Scan = KeyValueScanInterfaceClient<Channel>;
pub(crate) type Batch = KeyValueBatchInterfaceClient<Channel>;
pub(crate) type List = ListBasicInterfaceClient<Channel>;
pub(crate) type PubSub = PubSubBasicInterfaceClient<Channel>;
pub(crate) type Stream = StreamBasicInterfaceClient<Channel>;

/// A proxy in front of the backend under test, in its namespace `default`.
#[derive(Debug)]
pub(crate) struct Stand {
    proxy: Proxy,
    names: AtomicU32,
}

impl Stand {
    /// The embedded store.
    pub(crate) async fn memstore(shards: usize) -> Self {
        let proxy = Launch::shards(shards).start();
        assert_eq!(proxy.shards(), shards);
        Self { proxy, names: AtomicU32::new(0) }
    }

    /// A name that nobody else uses, with this beginning.
    pub(crate) fn name(&self, beginning: &str) -> String {
        let number = self.names.fetch_add(1, Ordering::Relaxed);
        format!("{beginning}-{}-{number}", std::process::id())
    }

    pub(crate) async fn keyvalue(&self) -> KeyValue {
        KeyValue::new(self.proxy.channel().await)
    }

    pub(crate) async fn ttl(&self) -> Ttl {
        Ttl::new(self.proxy.channel().await)
    }

    pub(crate) async fn scan(&self) -> Scan {
        Scan::new(self.proxy.channel().await)
    }

    pub(crate) async fn batch(&self) -> Batch {
        Batch::new(self.proxy.channel().await)
    }

    pub(crate) async fn list(&self) -> List {
        List::new(self.proxy.channel().await)
    }

    pub(crate) async fn pubsub(&self) -> PubSub {
        PubSub::new(self.proxy.channel().await)
    }

    pub(crate) async fn stream(&self) -> Stream {
        Stream::new(self.proxy.channel().await)
    }
}

/// That a call failed with this code, and that its message names all of these.
#[track_caller]
pub(crate) fn assert_fails<T: std::fmt::Debug>(outcome: Result<T, Status>, code: Code, named: &[&str]) {
    let status = outcome.expect_err("the call must fail");
    assert_eq!(status.code(), code, "{status:?}");
    for name in named {
        assert!(status.message().contains(name), "the message names {name:?}: {status:?}");
    }
}
