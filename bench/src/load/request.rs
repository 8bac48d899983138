//! How each operation is called: its method and its one message, written straight into the connection's output.

use prism_proto::h2::StreamRef;
use prism_proto::h2::client::{Connection, Refused, Request};
use prism_proto::messages::prism::interfaces::keyvalue::ScanRequest;
use prism_proto::method::id;
use prism_proto::text::Text;
use prism_proto::view::{AppendView, DeleteView, ExistsView, GetView, PushView, SetView};
use prost::Message as _;

use super::keys;
use super::ledger::Call;
use super::mix::Operation;
use super::plan::Plan;
use super::values::Values;

/// What all requests of a run are made from.
#[derive(Debug)]
pub(super) struct Requests {
    pub(super) values: Values,
    namespace: String,
    timeout_ns: u64,
    /// Every scan is the same message.
    scan: Vec<u8>,
}

impl Requests {
    pub(super) fn new(plan: &Plan) -> Self {
        let scan = ScanRequest {
            prefix: keys::PREFIX.to_owned(),
            limit: plan.scan_limit,
            namespace: plan.namespace.clone(),
            ..ScanRequest::default()
        };
        Self {
            values: Values::new(plan.value_bytes, plan.seed),
            namespace: plan.namespace.clone(),
            timeout_ns: plan.timeout_ns,
            scan: scan.encode_to_vec(),
        }
    }

    /// Makes a call. Topics and streams are named as keys are, lists otherwise.
    #[inline]
    pub(super) fn call(&self, machine: &mut Connection, call: &Call, now_ns: u64) -> Result<StreamRef, Refused> {
        let prefix = if call.operation == Operation::List { keys::LIST_PREFIX } else { keys::PREFIX };
        let name = keys::name(prefix, call.key);
        let key = Text::new(&name).unwrap_or_default();
        let namespace = Text::from(&self.namespace);
        let within = |method| Request::from(method).within(self.timeout_ns);
        match call.operation {
            Operation::Get => {
                let view = GetView { key, namespace };
                let request = within(id::KEYVALUE_BASIC_GET);
                machine.call(&request, view.encoded_bytes(), |out| view.write(out), now_ns)
            }
            Operation::Set => {
                let view = SetView { key, value: self.values.of(call.key), ttl_seconds: 0, namespace };
                let request = within(id::KEYVALUE_BASIC_SET);
                machine.call(&request, view.encoded_bytes(), |out| view.write(out), now_ns)
            }
            Operation::Delete => {
                let view = DeleteView { key, namespace };
                let request = within(id::KEYVALUE_BASIC_DELETE);
                machine.call(&request, view.encoded_bytes(), |out| view.write(out), now_ns)
            }
            Operation::Exists => {
                let view = ExistsView { key, namespace };
                let request = within(id::KEYVALUE_BASIC_EXISTS);
                machine.call(&request, view.encoded_bytes(), |out| view.write(out), now_ns)
            }
            Operation::Scan => {
                let request = within(id::KEYVALUE_SCAN_SCAN);
                machine.call(&request, self.scan.len(), |out| out.extend_from_slice(&self.scan), now_ns)
            }
            Operation::List if call.takes => {
                // A PopLeftRequest is on the wire what a GetRequest is.
                let view = GetView { key, namespace };
                let request = within(id::LIST_BASIC_POP_LEFT);
                machine.call(&request, view.encoded_bytes(), |out| view.write(out), now_ns)
            }
            Operation::List => {
                let view = PushView { list_key: key, value: self.values.of(call.key), namespace };
                let request = within(id::LIST_BASIC_PUSH_RIGHT);
                machine.call(&request, view.encoded_bytes(), |out| view.write(out), now_ns)
            }
            Operation::Publish | Operation::Append => {
                let method = match call.operation {
                    Operation::Publish => id::PUBSUB_BASIC_PUBLISH,
                    _ => id::STREAM_BASIC_APPEND,
                };
                let payload = self.values.of(call.key);
                let view = AppendView { name: key, payload, namespace, ..AppendView::default() };
                machine.call(&within(method), view.encoded_bytes(), |out| view.write(out), now_ns)
            }
        }
    }
}
