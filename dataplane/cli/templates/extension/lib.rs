//! A Strait extension that lets in the requests that carry a key.

use serde::{Deserialize, Serialize};
use strait_component::extension::prelude::*;

/// The configuration of `{{type}}`. What is left out is as in `Default`; a key
/// that is not here is an error.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// The header that holds the key.
    pub header: String,
    /// Who has one of these may send; at least one.
    pub keys: Vec<Secret>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            header: "x-api-key".to_owned(),
            keys: Vec::new(),
        }
    }
}

/// One instance, on a thread of its own: what it blocks is itself.
struct {{Type}}Extension {
    config: Config,
}

impl Extension for {{Type}}Extension {
    /// What others may ask of it.
    fn capabilities(&self) -> Capabilities {
        Capabilities::none().server_auth()
    }

    async fn start(&self, host: &Host) -> Result<(), ExtensionError> {
        host.report(Status::Ok);
        Ok(())
    }

    async fn authenticate(&self, headers: &Headers) -> Result<Identity, ExtensionError> {
        let Config { header, keys } = &self.config;
        let given = headers.get(header);
        if keys.iter().any(|key| given == Some(key.expose())) {
            return Ok(Identity::new());
        }
        let message = format!("no known key in the header {header}");
        Err(ExtensionError::unauthenticated(message))
    }
}

struct {{Type}}Factory;

impl ExtensionFactory for {{Type}}Factory {
    type Config = Config;
    type Extension = {{Type}}Extension;

    fn describe(&self) -> Description {
        Description::extension("{{type}}", package!(), Stability::Development)
    }

    fn validate(&self, config: &Config) -> Result<(), Vec<ConfigError>> {
        if config.keys.is_empty() {
            return Err(vec![ConfigError::new("keys", "expected at least one key")]);
        }
        Ok(())
    }

    /// Opens nothing and starts nothing: that is `start`'s.
    fn create(
        &self,
        config: Config,
        _context: &ExtensionSettings,
    ) -> Result<Self::Extension, CreateError> {
        Ok({{Type}}Extension { config })
    }
}

/// The component; `strait build` calls this.
pub fn factory() -> &'static dyn DynFactory {
    &AsExtension({{Type}}Factory)
}
