//! Settings of a plugin process.

use std::fmt;

use super::Settings;
use crate::config::endpoint::{self, Endpoint};
use crate::config::section::Section;
use crate::config::value::Value;

/// A process that speaks the proxy's own interfaces.
#[derive(Clone, PartialEq)]
pub struct Plugin {
    /// Where it answers.
    pub endpoint: Endpoint,
    /// What it is given when it starts; a [`Value::Map`].
    pub config: Value,
}

impl Plugin {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let endpoint = endpoint::read_one(section, "endpoint");
        let config = section.free_form("config");
        Some(Self { endpoint: endpoint?, config })
    }

    pub(super) fn written(&self) -> Settings {
        vec![("endpoint", Value::text(self.endpoint.to_string())), ("config", self.config.masked())]
    }
}

/// Masks the configuration's secrets: this ends up in logs.
impl fmt::Debug for Plugin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Plugin")
            .field("endpoint", &self.endpoint)
            .field("config", &self.config.masked())
            .finish()
    }
}
