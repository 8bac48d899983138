//! What this version can run of all that a file may say: the one place to widen when a part arrives.

use super::backends::BackendKind;

/// The backend types that can run.
pub(crate) const TYPES: &str = "memstore";

/// Whether a backend of this type can run.
pub(crate) fn runs(kind: &BackendKind) -> bool {
    matches!(kind, BackendKind::Memstore(_))
}
