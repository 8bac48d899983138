//! KeyValueBatchInterface: BatchSet, BatchGet and BatchDelete.

use prism_backends::Command;
use prism_proto::h2::Call;
use prism_proto::method::{MethodId, id};
use prism_proto::status::{Code, Status};
use prism_proto::text::Text;
use prism_proto::view::{Batch, SetView};

use super::keyvalue;
use crate::app::{Lane, Proxy};
use crate::batch::Checked;
use crate::client::Client;
use crate::config::Group;
use crate::dispatch::Origin;
use crate::status;

/// Which batch a method is; `None` when it is none.
pub(crate) fn batch(method: MethodId) -> Option<Batch> {
    match method {
        id::KEYVALUE_BATCH_BATCH_SET => Some(Batch::Set),
        id::KEYVALUE_BATCH_BATCH_GET => Some(Batch::Get),
        id::KEYVALUE_BATCH_BATCH_DELETE => Some(Batch::Delete),
        _ => None,
    }
}

/// The first entry whose arguments are wrong.
enum Bad<'m> {
    Argument(usize, Status),
    Namespace(usize, Text<'m>),
}

impl Proxy {
    /// A batch of this connection. All of its arguments are checked before anything of it is executed.
    pub(crate) fn batch_call(
        &mut self,
        lane: &mut Lane<'_>,
        client: &mut Client,
        origin: Origin,
        batch: Batch,
        call: &Call<'_>,
    ) -> Result<(), Status> {
        let limits = self.registry.limits;
        let (mut entries, mut bad, mut inner) = (0, None, None);
        let decoded = batch.decode(&call.message, |set| {
            if bad.is_none()
                && let Err(wrong) = keyvalue::check(&command(batch, &set), &limits)
            {
                bad = Some(Bad::Argument(entries, wrong));
            }
            // Nearly every entry leaves it to the batch.
            if !set.namespace.is_empty() {
                inner.get_or_insert_with(Vec::new).push((entries, set.namespace));
            }
            entries += 1;
        });
        let name = decoded.map_err(|error| status::malformed(call.method, &error))?;
        let (namespace, backend) = self.offered(name, Group::KeyValue, call.method)?;
        let is_same = |inner: Text<'_>| {
            let meant = self.registry.find(inner.as_bytes());
            meant.is_some_and(|(index, _)| index == namespace)
        };
        if let Some((index, other)) = inner.into_iter().flatten().find(|(_, inner)| !is_same(*inner)) {
            let is_first = !matches!(bad, Some(Bad::Argument(first, _)) if first < index);
            bad = if is_first { Some(Bad::Namespace(index, other)) } else { bad };
        }
        match bad {
            Some(bad) => Err(refusal(batch, bad, name)),
            None => {
                let message = &call.message[..];
                self.batch(lane, client, origin, Checked { batch, namespace, backend, entries, message })
            }
        }
    }
}

/// The command of an entry.
fn command<'m>(batch: Batch, set: &SetView<'m>) -> Command<'m> {
    let key = set.key.as_bytes();
    match batch {
        Batch::Set => Command::Set { key, value: set.value, ttl_seconds: set.ttl_seconds },
        Batch::Get => Command::Get { key },
        Batch::Delete => Command::Delete { key },
    }
}

#[cold]
fn refusal(batch: Batch, bad: Bad<'_>, name: Text<'_>) -> Status {
    let field = if batch == Batch::Set { "requests" } else { "keys" };
    match bad {
        Bad::Argument(index, Status { code, message }) => Status::new(code, format!("{field}[{index}]: {message}")),
        Bad::Namespace(index, other) => {
            let (other, name) = (other.as_str(), name.as_str());
            let message =
                format!("{field}[{index}]: namespace is {other:?}: it must be empty or the batch's, {name:?}");
            Status::new(Code::InvalidArgument, message)
        }
    }
}
