//! The Collector, as an extension sees it.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{BoxFuture, ClientAuth, ExtensionError, HostCall, ServerAuth, Storage};

/// The Collector that an instance runs in. Cheap to clone; stays usable until the instance's
/// shutdown has ended, after which every call fails.
#[derive(Clone)]
pub struct Host {
    id: Arc<str>,
    link: Arc<dyn HostLink>,
}

impl Host {
    /// The host of one instance, over its link.
    pub fn new(id: impl Into<Arc<str>>, link: Arc<dyn HostLink>) -> Self {
        Self {
            id: id.into(),
            link,
        }
    }

    /// The instance's own id, such as `greeter/a`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Says how the instance is. The Collector says by itself that it starts, has started, stops
    /// and has stopped. The same status with the same message again is not sent again.
    pub fn report(&self, status: Status) {
        self.link.report(status);
    }

    /// Runs `task` on the instance's thread until it ends or the instance does. `name` is for the
    /// message when it panics, which also makes the instance's status permanent.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.link.spawn(name, Box::pin(task));
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

    /// Opens this instance's storage of this name in a storage extension, such as `file_storage`.
    /// Name it in [`dependencies`](super::Extension::dependencies) when it is wanted in `start`.
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
            host: self.clone(),
            storage,
        })
    }

    /// An extension that authenticates requests which are sent. Whether it exists and can is said
    /// by its first use.
    #[must_use]
    pub fn client_auth(&self, extension: impl Into<String>) -> ClientAuth {
        ClientAuth {
            host: self.clone(),
            extension: extension.into(),
        }
    }

    /// An extension that says who a request comes from. Whether it exists and can is said by its
    /// first use.
    #[must_use]
    pub fn server_auth(&self, extension: impl Into<String>) -> ServerAuth {
        ServerAuth {
            host: self.clone(),
            extension: extension.into(),
        }
    }

    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        call: HostCall,
    ) -> Result<T, ExtensionError> {
        let reply = self.link.ask(call).await?;
        serde_json::from_value(reply)
            .map_err(|error| ExtensionError::failed(format!("the host's answer: {error}")))
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Host").field(&self.id).finish()
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

/// The way from one instance to its host. The host of the process implements it; so does a test.
pub trait HostLink: Send + Sync + 'static {
    /// Passes a status on, unless it is the one that was passed on before.
    fn report(&self, status: Status);

    /// Runs a task of the instance's.
    fn spawn(&self, name: &'static str, task: BoxFuture<()>);

    /// Asks the host; its answer is JSON.
    fn ask(&self, call: HostCall) -> BoxFuture<Result<Value, ExtensionError>>;
}
