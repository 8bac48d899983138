//! How it is wired: configuration, dispatch, services.
