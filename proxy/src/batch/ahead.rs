//! Looking ahead over the entries of a batch, as `crate::ahead` does over calls: hints, and nothing else.

use prism_backends::{Backend as _, KeyHasher};
use prism_proto::view::{Batch, SetView};

use crate::backends::Instance;
use crate::limits::AHEAD_CALLS;

/// Has what the next entries need loaded: the buckets of all their keys, and then their records.
#[inline(never)]
pub(super) fn look<'e>(
    (instance, hasher): (&Instance, &KeyHasher),
    (batch, namespace): (Batch, u16),
    contents: impl Iterator<Item = &'e [u8]>,
) {
    let mut hashes = [0; AHEAD_CALLS];
    let mut count = 0;
    for (hash, content) in hashes.iter_mut().zip(contents) {
        let key = match batch {
            Batch::Get | Batch::Delete => content,
            // A wrong one does no harm.
            Batch::Set => SetView::decode(content).map(|set| set.key.as_bytes()).unwrap_or_default(),
        };
        *hash = hasher.hash(namespace, key);
        count += 1;
    }
    let hashes = &hashes[..count];
    hashes.iter().for_each(|hash| instance.prefetch_entry(namespace, *hash));
    hashes.iter().for_each(|hash| instance.prefetch_record(namespace, *hash));
}
