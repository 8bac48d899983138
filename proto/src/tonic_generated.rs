//! tonic's clients and servers, for tests and baselines; they speak [`crate::messages`].

include!("generated/services.rs");
