//! The Collector that an instance runs in, as a component of any kind sees it: what it can ask of
//! it (extensions, storage, authentication) and what it tells it (how it is).
//!
//! A question is a future and never holds a thread: the answer comes over the control channel, and
//! within a limit of the host's. It needs a tokio runtime with timers, which every instance's own
//! thread has. Telling a status does not wait.
//!
//! What only one kind does with its Collector is left to that kind's own host.

mod auth;
mod error;
mod headers;
mod storage;
mod telemetry;
#[cfg(test)]
mod tests;
mod wire;

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::BoxFuture;
use crate::telemetry::{Measured, Measurements, SpanEnd, SpanId, SpanStart, TelemetryLink};

pub use auth::{ClientAuth, Identity, ServerAuth};
pub use error::ExtensionError;
pub use headers::Headers;
pub use storage::Storage;
pub use wire::{HostCall, StorageOperation};

/// The Collector that an instance runs in. Cheap to clone; stays usable until the instance's
/// shutdown has ended, after which every question fails.
///
/// A processor and a connector are synchronous: of all this they can [`report`](Self::report), and
/// measure and trace: it is a meter provider and a tracer provider of the OpenTelemetry API.
#[derive(Clone)]
pub struct Collector {
    id: Arc<str>,
    link: Arc<dyn CollectorLink>,
    measurements: Arc<Measurements>,
}

impl Collector {
    /// The Collector of the instance with this id, over its link.
    pub fn new(id: impl Into<Arc<str>>, link: Arc<dyn CollectorLink>) -> Self {
        Self {
            id: id.into(),
            measurements: Arc::new(Measurements::new(
                Arc::clone(&link) as Arc<dyn TelemetryLink>
            )),
            link,
        }
    }

    /// None: what is told is dropped, and every question fails.
    pub fn none(id: impl Into<Arc<str>>) -> Self {
        Self::new(id, Arc::new(Nobody))
    }

    /// The component's own id, such as `greeter/a`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Says how the instance is. The Collector says by itself that it starts, has started, stops
    /// and has stopped. The same status with the same message again is not sent again.
    pub fn report(&self, status: Status) {
        self.link.report(status);
    }

    /// Every extension of the Collector, in the order of their ids.
    ///
    /// # Errors
    ///
    /// The instance has ended.
    pub async fn extensions(&self) -> Result<Vec<ExtensionInfo>, ExtensionError> {
        #[derive(Deserialize)]
        struct Reply {
            extensions: Vec<ExtensionInfo>,
        }
        let Reply { extensions } = self.ask(HostCall::Extensions).await?;
        Ok(extensions)
    }

    /// Opens this component's storage of this name in a storage extension, such as `file_storage`.
    /// Opened again while it is open, it is the same one. An exporter has an instance for each
    /// signal and each lane, so those that are to keep apart what they keep have names of their
    /// own.
    ///
    /// An extension names the other in
    /// [`dependencies`](crate::extension::Extension::dependencies) when it is wanted in `start`; a
    /// component of another kind starts after every extension.
    ///
    /// # Errors
    ///
    /// There is no such extension, it keeps no storage, or what it says.
    pub async fn storage(&self, extension: &str, name: &str) -> Result<Storage, ExtensionError> {
        #[derive(Deserialize)]
        struct Reply {
            storage: u64,
        }
        let call = HostCall::StorageOpen {
            extension: extension.to_owned(),
            name: name.to_owned(),
        };
        let Reply { storage } = self.ask(call).await?;
        Ok(Storage {
            collector: self.clone(),
            storage,
        })
    }

    /// An extension that authenticates requests which are sent. Whether it exists and can is said
    /// by its first use.
    #[must_use]
    pub fn client_auth(&self, extension: impl Into<String>) -> ClientAuth {
        ClientAuth {
            collector: self.clone(),
            extension: extension.into(),
        }
    }

    /// An extension that says who a request comes from. Whether it exists and can is said by its
    /// first use.
    #[must_use]
    pub fn server_auth(&self, extension: impl Into<String>) -> ServerAuth {
        ServerAuth {
            collector: self.clone(),
            extension: extension.into(),
        }
    }

    /// What the instance has measured, for the host to collect.
    #[must_use]
    pub fn measurements(&self) -> &Arc<Measurements> {
        &self.measurements
    }

    async fn ask<T: DeserializeOwned>(&self, call: HostCall) -> Result<T, ExtensionError> {
        let reply = self.link.ask(call).await?;
        serde_json::from_value(reply)
            .map_err(|error| ExtensionError::failed(format!("the host's answer: {error}")))
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Collector").field(&self.id).finish()
    }
}

/// How an instance is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// It works.
    Ok,
    /// It does not work now, and tries again by itself.
    Recoverable(String),
    /// It will not work without a change; the Collector goes on without it.
    Permanent(String),
    /// The Collector must stop.
    Fatal(String),
}

/// One extension of the Collector.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct ExtensionInfo {
    /// Its id, such as `file_storage/queue`.
    pub id: String,
    /// What it can be asked: `storage`, `client_auth`, `server_auth`.
    #[serde(default)]
    pub provides: Vec<String>,
}

/// The way from one instance to its Collector. The host of the process implements it; so does a
/// test.
pub trait CollectorLink: TelemetryLink {
    /// Passes a status on, unless it is the one that was passed on before.
    fn report(&self, status: Status);

    /// Asks the host; its answer is JSON.
    fn ask(&self, call: HostCall) -> BoxFuture<Result<Value, ExtensionError>>;
}

struct Nobody;

impl CollectorLink for Nobody {
    fn report(&self, _: Status) {}

    fn ask(&self, _: HostCall) -> BoxFuture<Result<Value, ExtensionError>> {
        let message = "there is no Collector here; a test has strait_component::testing::Collector";
        Box::pin(std::future::ready(Err(ExtensionError::failed(message))))
    }
}

impl TelemetryLink for Nobody {
    fn measured(&self, _: &Measured) {}

    fn span_started(&self, _: &SpanStart) -> Option<SpanId> {
        None
    }

    fn span_ended(&self, _: u64, _: &SpanEnd) {}
}
