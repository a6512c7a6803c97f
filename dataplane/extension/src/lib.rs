//! Runs Rust extensions behind the control channel: instances by the handle that the host gave
//! them.
//!
//! An instance is made by `create`, which has no effect outside it; `start` gives it a thread of
//! its own with a tokio runtime; `shutdown` ends both. So what an instance blocks is itself, what
//! it spawned ends with it, and its log lines carry its handle. A thread that does not end in time
//! is given up and counted ([`leaked_threads`]); no other instance notices.
//!
//! It knows nothing of the engine: a library of extensions only needs no more than this crate, and
//! strait-host puts units beside it.
//!
//! ```
//! use strait_control::Class;
//! use strait_extension::Extensions;
//!
//! let extensions = Extensions::new(&[]); // or those of a library: `token_provider::factory()`
//! let refused = extensions.create(7, br#"{"id": "token/a", "type": "token"}"#).unwrap_err();
//! assert_eq!(refused.class, Class::Permanent); // no extension of that type is linked in
//! assert!(!extensions.has(7));
//! ```

mod call;
mod instance;
mod link;
mod peer;
pub mod process;
pub mod telemetry;
mod threads;
mod worker;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use strait_component::config::serve::Refused;
use strait_component::extension::{Capabilities, ExtensionSettings};
use strait_component::{ConfigError, CreateError, DynFactory};
use strait_control::{BoxFuture, Class, OpResult, OperationError, PathError, logging};

use call::Call;
use instance::Instance;
pub use link::{ask, tell};
pub use peer::ExtensionPeer;
pub use threads::leaked as leaked_threads;

/// Used by [`export!`]; not part of the interface.
#[doc(hidden)]
pub mod private {
    pub use strait_component::DynFactory;
    pub use strait_control::export_entry;
    pub use strait_control::memory::CountingAllocator;
}

/// Defines the entry symbol, `strait_entry`, of a native library of extensions only, and its
/// allocator. A library with processors uses strait-host's.
///
/// A library without extensions; an extension is one more expression, such as
/// `token_provider::factory()`:
///
/// ```
/// strait_extension::export! {}
/// ```
#[macro_export]
macro_rules! export {
    ($($factory:expr),* $(,)?) => {
        #[global_allocator]
        static ALLOCATOR: $crate::private::CountingAllocator = $crate::private::CountingAllocator;

        $crate::private::export_entry!(|| {
            let factories: &[&'static dyn $crate::private::DynFactory] = &[$($factory),*];
            ::std::boxed::Box::new($crate::ExtensionPeer::new(factories))
        });
    };
}

/// The extensions of this library, and their instances.
pub struct Extensions {
    factories: Vec<&'static dyn DynFactory>,
    instances: Mutex<HashMap<u64, Arc<Instance>>>,
}

/// The payload of `create`.
#[derive(Deserialize)]
struct Create {
    id: String,
    r#type: String,
    #[serde(default)]
    config: Value,
}

/// The reply to `create`.
#[derive(Serialize)]
struct Created {
    capabilities: Capabilities,
    dependencies: Vec<String>,
}

impl Extensions {
    /// The extensions among these components, and no instance.
    #[must_use]
    pub fn new(factories: &[&'static dyn DynFactory]) -> Self {
        let extensions = factories.iter().filter(|f| f.extension().is_some());
        Self {
            factories: extensions.copied().collect(),
            instances: Mutex::default(),
        }
    }

    /// All extensions, in the order in which they were given.
    #[must_use]
    pub fn factories(&self) -> &[&'static dyn DynFactory] {
        &self.factories
    }

    /// The extension of this type.
    #[must_use]
    pub fn find(&self, type_name: &str) -> Option<&'static dyn DynFactory> {
        let mut all = self.factories.iter();
        all.find(|f| f.describe().type_name == type_name).copied()
    }

    /// Whether this handle is an instance's.
    #[must_use]
    pub fn has(&self, handle: u64) -> bool {
        self.lock().contains_key(&handle)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<Instance>>> {
        self.instances
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, handle: u64) -> Result<Arc<Instance>, OperationError> {
        self.lock().get(&handle).cloned().ok_or_else(|| {
            let message = format!("no extension has handle {handle}: create comes first");
            OperationError::new(Class::Permanent, message)
        })
    }

    /// Makes an instance. Starts no thread. A panic of the component's is the caller's to contain.
    ///
    /// # Errors
    /// The configuration is wrong, by path; or why there can be no instance.
    pub fn create(&self, handle: u64, payload: &[u8]) -> OpResult {
        let Create { id, r#type, config } = read(payload)?;
        let factory = self.find(&r#type).and_then(|f| f.extension());
        let factory = factory.ok_or_else(|| {
            let message = format!("no extension of type `{}` is linked in", r#type);
            OperationError::new(Class::Permanent, message)
        })?;
        let (extension, reply) = logging::attached(handle, || -> Result<_, OperationError> {
            let made = factory.create(&config, &ExtensionSettings::new(id.clone()));
            let extension = made.map_err(|error| not_created(error).at(id.clone()))?;
            let reply = Created {
                capabilities: extension.capabilities(),
                dependencies: extension.dependencies(),
            };
            Ok((extension, reply))
        })?;
        let mut instances = self.lock();
        if instances.contains_key(&handle) {
            let message = format!("handle {handle} names an extension already");
            return Err(OperationError::new(Class::Internal, message));
        }
        instances.insert(handle, Arc::new(Instance::new(handle, id, extension)));
        answer(&reply)
    }

    /// Starts an instance. On an error it does not run, and may not be started again.
    pub fn start(&self, handle: u64) -> BoxFuture<OpResult> {
        let instance = self.get(handle);
        Box::pin(async move {
            instance?.start().await?;
            answer(&Value::Null)
        })
    }

    /// Ends an instance and forgets it. One that never started, or that is not known, has ended.
    ///
    /// The thread gets until a little before the deadline to end by itself.
    pub fn shutdown(&self, handle: u64, deadline: Instant) -> BoxFuture<OpResult> {
        let instance = self.lock().remove(&handle);
        Box::pin(async move {
            if let Some(instance) = instance {
                instance.shutdown(deadline).await?;
            }
            answer(&Value::Null)
        })
    }

    /// Asks an instance something.
    pub fn capability(&self, handle: u64, payload: &[u8]) -> BoxFuture<OpResult> {
        let asked = self
            .get(handle)
            .and_then(|instance| Ok((instance, read::<Call>(payload)?)));
        Box::pin(async move {
            let (instance, call) = asked?;
            answer(&instance.ask(call).await?)
        })
    }
}

fn not_created(error: CreateError) -> OperationError {
    match error {
        CreateError::Config(errors) => refused(Refused {
            component: String::new(),
            message: "the configuration is wrong".to_owned(),
            errors,
            is_bug: false,
        }),
        other => OperationError::new(Class::Permanent, other.to_string()),
    }
}

/// A refused configuration as an operation's error.
#[must_use]
pub fn refused(refused: Refused) -> OperationError {
    let class = if refused.is_bug {
        Class::Internal
    } else {
        Class::Permanent
    };
    let path = |error: ConfigError| PathError {
        path: error.path,
        message: error.message,
    };
    let errors = refused.errors.into_iter().map(path).collect();
    OperationError {
        class,
        ..OperationError::invalid(refused.message, errors)
    }
    .at(refused.component)
}

fn read<T: for<'a> Deserialize<'a>>(payload: &[u8]) -> Result<T, OperationError> {
    serde_json::from_slice(payload).map_err(|error| {
        let message = format!("the operation's payload: {error}");
        OperationError::new(Class::Permanent, message)
    })
}

fn answer<T: Serialize>(value: &T) -> OpResult {
    serde_json::to_vec(value)
        .map_err(|error| OperationError::new(Class::Internal, format!("the reply: {error}")))
}

/// The README's example is compiled too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
