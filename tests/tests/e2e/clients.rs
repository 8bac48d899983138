//! Short ways to say what most tests say.

use prism_tests::clients::prism::interfaces::keyvalue::key_value_basic_interface_client::KeyValueBasicInterfaceClient;
use prism_tests::messages::prism::interfaces::keyvalue::{DeleteRequest, ExistsRequest, GetRequest, SetRequest};
use tonic::Status;
use tonic::transport::Channel;

/// The path of a call of the basic key-value interface.
pub(crate) const GET: &str = "/prism.interfaces.keyvalue.KeyValueBasicInterface/Get";
/// See [`GET`].
pub(crate) const SET: &str = "/prism.interfaces.keyvalue.KeyValueBasicInterface/Set";

/// The key-value interface by tonic, with plain arguments and results.
#[derive(Debug, Clone)]
pub(crate) struct KeyValue(pub(crate) KeyValueBasicInterfaceClient<Channel>);

impl KeyValue {
    pub(crate) fn new(channel: Channel) -> Self {
        Self(KeyValueBasicInterfaceClient::new(channel))
    }

    pub(crate) async fn set(&mut self, key: &str, value: &[u8]) -> Result<(), Status> {
        self.set_request(SetRequest { key: key.into(), value: value.into(), ..Default::default() }).await
    }

    pub(crate) async fn set_request(&mut self, request: SetRequest) -> Result<(), Status> {
        let response = self.0.set(request).await?.into_inner();
        assert!(response.success && response.error.is_empty(), "a status of OK means success: {response:?}");
        Ok(())
    }

    /// The value, or none when the key is not there.
    pub(crate) async fn get(&mut self, key: &str) -> Result<Option<Vec<u8>>, Status> {
        let response = self.0.get(GetRequest { key: key.into(), ..Default::default() }).await?.into_inner();
        assert!(response.error.is_empty(), "errors are statuses: {response:?}");
        assert!(response.found || response.value.is_empty(), "a missing key has no value");
        Ok(response.found.then(|| response.value.to_vec()))
    }

    /// Whether the key was there.
    pub(crate) async fn delete(&mut self, key: &str) -> Result<bool, Status> {
        let response = self.0.delete(DeleteRequest { key: key.into(), ..Default::default() }).await?.into_inner();
        assert!(response.success && response.error.is_empty(), "a status of OK means success: {response:?}");
        Ok(response.found)
    }

    pub(crate) async fn exists(&mut self, key: &str) -> Result<bool, Status> {
        let response = self.0.exists(ExistsRequest { key: key.into(), ..Default::default() }).await?.into_inner();
        assert!(response.error.is_empty(), "errors are statuses: {response:?}");
        Ok(response.exists)
    }
}
