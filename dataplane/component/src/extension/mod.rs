//! Extensions: components without data. What an author writes ([`Extension`],
//! [`ExtensionFactory`]), and the views that the host calls.
//!
//! An instance lives from `create` to `shutdown`, on a thread of its own that
//! serves nothing else: what it blocks is itself. Everything asynchronous of it
//! runs on that thread's tokio runtime, timers and sockets included, and what it
//! spawned ends with it.
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use strait_component::extension::prelude::*;
//!
//! #[derive(Clone, Default, Deserialize, Serialize, JsonSchema)]
//! pub struct Config {
//!     name: String,
//! }
//!
//! struct Greeter(Config);
//!
//! impl Extension for Greeter {
//!     async fn start(&self, host: &Host) -> Result<(), ExtensionError> {
//!         if self.0.name == host.id() {
//!             return Err(ExtensionError::failed("a greeter does not greet itself"));
//!         }
//!         host.report(Status::Ok);
//!         Ok(())
//!     }
//! }
//!
//! struct GreeterFactory;
//!
//! impl ExtensionFactory for GreeterFactory {
//!     type Config = Config;
//!     type Extension = Greeter;
//!
//!     fn describe(&self) -> Description {
//!         Description::extension("greeter", package!(), Stability::Alpha)
//!     }
//!
//!     fn create(&self, config: Config, _: &ExtensionSettings) -> Result<Greeter, CreateError> {
//!         Ok(Greeter(config))
//!     }
//! }
//!
//! pub fn factory() -> &'static dyn DynFactory {
//!     &AsExtension(GreeterFactory)
//! }
//! # let made = factory().extension().unwrap();
//! # let settings = ExtensionSettings::new("greeter");
//! # assert!(made.create(&serde_json::json!({"name": "x"}), &settings).is_ok());
//! # assert!(factory().validate(&serde_json::json!({"nam": 1})).is_err());
//! ```

mod capabilities;
mod dynamic;
mod event;
mod factory;
mod host;

pub use crate::BoxFuture;
pub use crate::collector::{
    ClientAuth, CollectorLink, ExtensionError, ExtensionInfo, Headers, HostCall, Identity,
    ServerAuth, Status, Storage, StorageOperation,
};
pub use capabilities::Capabilities;
pub use dynamic::DynExtension;
pub use event::{ComponentStatus, Event};
pub use factory::{AsExtension, DynExtensionFactory, ExtensionFactory, ExtensionSettings};
pub use host::{Host, HostLink};

/// Everything that an extension usually needs.
pub mod prelude {
    pub use super::{
        AsExtension, Capabilities, Event, Extension, ExtensionError, ExtensionFactory,
        ExtensionSettings, Headers, Host, Identity, Status,
    };
    pub use schemars::{self, JsonSchema};

    pub use crate::{
        ByteSize, ConfigError, CreateError, Description, Duration, DynFactory, Findings, Secret,
        Stability, Validate, package,
    };
}

/// One instance of an extension.
///
/// The methods may be written as `async fn`. Several may run at the same time, interleaved on the
/// instance's own thread: state that changes needs a lock or an atomic, and a method that
/// computes or blocks for long delays the others. `start` comes first and once; nothing is called
/// after `shutdown`. An error or a panic of a method is that call's error and names the instance.
pub trait Extension: Send + Sync + 'static {
    /// What others may ask of it, and what it wants to hear. Called once, after it was created.
    fn capabilities(&self) -> Capabilities {
        Capabilities::none()
    }

    /// The ids of the extensions that must be started before this one and stopped after it, such as
    /// `file_storage/queue`. Called once, after it was created.
    fn dependencies(&self) -> Vec<String> {
        Vec::new()
    }

    /// Starts it: opens what it needs, spawns what runs for as long as it does
    /// ([`Host::spawn`]), and returns when it works.
    ///
    /// # Errors
    ///
    /// The Collector does not start, and says why.
    fn start(&self, host: &Host) -> impl Future<Output = Result<(), ExtensionError>> + Send;

    /// Ends it. What it spawned is dropped when this returns. Called after a start that succeeded,
    /// once.
    ///
    /// # Errors
    ///
    /// The Collector stops all the same, and says why it was not in order.
    fn shutdown(&self) -> impl Future<Output = Result<(), ExtensionError>> + Send {
        async { Ok(()) }
    }

    /// The headers that authenticate a request of the Collector's to `uri`. Only with
    /// [`Capabilities::client_auth`].
    ///
    /// # Errors
    ///
    /// The request is not sent, and fails with this error.
    fn client_headers(
        &self,
        _uri: &str,
    ) -> impl Future<Output = Result<Headers, ExtensionError>> + Send {
        async { Err(not_written("client_headers")) }
    }

    /// Who a request to the Collector with these headers comes from. Only with
    /// [`Capabilities::server_auth`].
    ///
    /// # Errors
    ///
    /// [`ExtensionError::unauthenticated`]: the request is refused. Others: it cannot be said.
    fn authenticate(
        &self,
        _headers: &Headers,
    ) -> impl Future<Output = Result<Identity, ExtensionError>> + Send {
        async { Err(not_written("authenticate")) }
    }

    /// Something happened in the Collector that the instance watches.
    ///
    /// # Errors
    ///
    /// Of a new configuration, and of pipelines becoming ready: the Collector does not start. Of
    /// others: it is logged.
    fn notify(&self, _event: Event) -> impl Future<Output = Result<(), ExtensionError>> + Send {
        async { Err(not_written("notify")) }
    }
}

fn not_written(method: &str) -> ExtensionError {
    ExtensionError::failed(format!(
        "the extension says that it is capable of this and has no method `{method}`; this is a \
         bug in it"
    ))
}

#[cfg(test)]
mod tests;
