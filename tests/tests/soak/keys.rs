//! The calls that a worker makes, by tonic, with plain arguments and results; none may fail.

use std::collections::BTreeMap;
use std::time::Instant;

use prism_tests::clients::prism::interfaces::keyvalue::key_value_basic_interface_client::KeyValueBasicInterfaceClient;
use prism_tests::clients::prism::interfaces::keyvalue::key_value_batch_interface_client::KeyValueBatchInterfaceClient;
use prism_tests::clients::prism::interfaces::keyvalue::key_value_scan_interface_client::KeyValueScanInterfaceClient;
use prism_tests::clients::prism::interfaces::keyvalue::key_value_ttl_interface_client::KeyValueTtlInterfaceClient;
use prism_tests::clients::prism::interfaces::list::list_basic_interface_client::ListBasicInterfaceClient;
use prism_tests::messages::prism::interfaces::keyvalue::{
    BatchGetRequest, CountRequest, DeleteRequest, ExpireRequest, GetRequest, PersistRequest, ScanRequest, SetRequest,
};
use prism_tests::messages::prism::interfaces::list::{
    PopLeftRequest, PopRightRequest, PushLeftRequest, PushRightRequest,
};
use tonic::transport::Channel;

use crate::model::Span;

/// One channel's clients, and how many calls were made.
pub(crate) struct Keys {
    basic: KeyValueBasicInterfaceClient<Channel>,
    ttl: KeyValueTtlInterfaceClient<Channel>,
    scan: KeyValueScanInterfaceClient<Channel>,
    batch: KeyValueBatchInterfaceClient<Channel>,
    list: ListBasicInterfaceClient<Channel>,
    pub(crate) calls: u64,
    begin: Instant,
}

impl Keys {
    pub(crate) fn new(channel: &Channel) -> Self {
        Self {
            basic: KeyValueBasicInterfaceClient::new(channel.clone()),
            ttl: KeyValueTtlInterfaceClient::new(channel.clone()),
            scan: KeyValueScanInterfaceClient::new(channel.clone()),
            batch: KeyValueBatchInterfaceClient::new(channel.clone()),
            list: ListBasicInterfaceClient::new(channel.clone()),
            calls: 0,
            begin: Instant::now(),
        }
    }

    fn begin(&mut self) {
        self.calls += 1;
        self.begin = Instant::now();
    }

    /// When the last call was made.
    pub(crate) fn span(&self) -> Span {
        Span { begin: self.begin, end: Instant::now() }
    }

    pub(crate) async fn set(&mut self, key: &str, value: &[u8], ttl_seconds: i64) {
        self.begin();
        let request = SetRequest { key: key.into(), value: value.into(), ttl_seconds, ..Default::default() };
        assert!(self.basic.set(request).await.unwrap().into_inner().success);
    }

    pub(crate) async fn get(&mut self, key: &str) -> Option<Vec<u8>> {
        self.begin();
        let request = GetRequest { key: key.into(), ..Default::default() };
        let response = self.basic.get(request).await.unwrap().into_inner();
        response.found.then_some(response.value)
    }

    pub(crate) async fn delete(&mut self, key: &str) -> bool {
        self.begin();
        let request = DeleteRequest { key: key.into(), ..Default::default() };
        self.basic.delete(request).await.unwrap().into_inner().found
    }

    pub(crate) async fn expire(&mut self, key: &str, ttl_seconds: i64) -> bool {
        self.begin();
        let request = ExpireRequest { key: key.into(), ttl_seconds, ..Default::default() };
        self.ttl.expire(request).await.unwrap().into_inner().key_existed
    }

    pub(crate) async fn persist(&mut self, key: &str) -> bool {
        self.begin();
        let request = PersistRequest { key: key.into(), ..Default::default() };
        self.ttl.persist(request).await.unwrap().into_inner().expiration_removed
    }

    pub(crate) async fn push(&mut self, key: &str, value: &[u8], left: bool) -> i64 {
        self.begin();
        let (list_key, value) = (key.to_owned(), value.to_vec());
        if left {
            let request = PushLeftRequest { list_key, value, ..Default::default() };
            return self.list.push_left(request).await.unwrap().into_inner().new_length;
        }
        let request = PushRightRequest { list_key, value, ..Default::default() };
        self.list.push_right(request).await.unwrap().into_inner().new_length
    }

    pub(crate) async fn pop(&mut self, key: &str, left: bool) -> Option<Vec<u8>> {
        self.begin();
        let list_key = key.to_owned();
        if left {
            let request = PopLeftRequest { list_key, ..Default::default() };
            let response = self.list.pop_left(request).await.unwrap().into_inner();
            return response.found.then_some(response.value);
        }
        let request = PopRightRequest { list_key, ..Default::default() };
        let response = self.list.pop_right(request).await.unwrap().into_inner();
        response.found.then_some(response.value)
    }

    /// In the order of the keys.
    pub(crate) async fn batch_get(&mut self, keys: Vec<String>) -> Vec<Option<Vec<u8>>> {
        self.begin();
        let request = BatchGetRequest { keys, ..Default::default() };
        let response = self.batch.batch_get(request).await.unwrap().into_inner();
        response.results.into_iter().map(|one| one.found.then_some(one.value)).collect()
    }

    /// All plain keys of a prefix, in pieces of `limit`.
    pub(crate) async fn scan(&mut self, prefix: &str, limit: i32) -> BTreeMap<String, Vec<u8>> {
        let (mut found, mut cursor, mut begin) = (BTreeMap::new(), Vec::new(), None);
        loop {
            self.begin();
            begin = begin.or(Some(self.begin));
            let request = ScanRequest { prefix: prefix.into(), limit, cursor: cursor.clone(), ..Default::default() };
            let mut stream = self.scan.scan(request).await.unwrap().into_inner();
            let mut messages = 0;
            while let Some(message) = stream.message().await.unwrap() {
                assert!(found.insert(message.key.clone(), message.value).is_none(), "{} twice", message.key);
                cursor = message.cursor;
                messages += 1;
            }
            if messages == 0 {
                self.begin = begin.expect("it was set above");
                return found;
            }
        }
    }

    pub(crate) async fn count(&mut self, prefix: &str) -> usize {
        self.begin();
        let request = CountRequest { prefix: prefix.into(), ..Default::default() };
        usize::try_from(self.scan.count(request).await.unwrap().into_inner().count).unwrap()
    }
}
