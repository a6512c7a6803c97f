//! A peer of extensions only, for a native library without an engine.

use serde_json::json;
use strait_component::DynFactory;
use strait_component::config::serve;
use strait_control::{
    BoxFuture, Class, Failure, OpKind, OpResult, Operation, OperationError, Peer, logging,
};

use crate::{Extensions, answer, process, refused, telemetry};

/// The extensions of this library, behind the control channel.
pub struct ExtensionPeer {
    extensions: Extensions,
}

impl ExtensionPeer {
    /// A peer with these components, and nothing running.
    #[must_use]
    pub fn new(factories: &[&'static dyn DynFactory]) -> Self {
        logging::install(|_| false);
        Self {
            extensions: Extensions::new(factories),
        }
    }
}

impl Peer for ExtensionPeer {
    fn inline(&self, operation: Operation) -> OpResult {
        let Operation {
            handle,
            kind,
            payload,
            ..
        } = operation;
        let factories = self.extensions.factories();
        match kind {
            OpKind::Describe => {
                let components = serve::describe(factories);
                answer(&json!({ "strait": env!("CARGO_PKG_VERSION"), "components": components }))
            }
            OpKind::DefaultConfig => {
                answer(&serve::default_config(factories, &payload).map_err(refused)?)
            }
            OpKind::Decode => answer(&serve::decode(factories, &payload).map_err(refused)?),
            OpKind::Create if process::is_settings(&payload) => process::create(handle),
            OpKind::Create => self.extensions.create(handle, &payload),
            OpKind::Counters => process::counters(),
            OpKind::Collect => {
                telemetry::collect(handle);
                answer(&json!({}))
            }
            other => Err(not_here(other)),
        }
    }

    fn spawn(&self, operation: Operation) -> BoxFuture<OpResult> {
        let Operation {
            handle,
            kind,
            deadline,
            payload,
            ..
        } = operation;
        match kind {
            OpKind::Start => self.extensions.start(handle),
            OpKind::Shutdown if process::owns(handle) => {
                Box::pin(std::future::ready(process::end(handle)))
            }
            OpKind::Shutdown => self.extensions.shutdown(handle, deadline),
            OpKind::Capability if self.extensions.has(handle) => {
                self.extensions.capability(handle, &payload)
            }
            OpKind::Capability => Box::pin(std::future::ready(process::set(handle, &payload))),
            other => Box::pin(std::future::ready(Err(not_here(other)))),
        }
    }

    fn batch_cancel(&self, _: u64) {}

    fn batch_failed(&self, _: u64, _: Failure) {}
}

fn not_here(kind: OpKind) -> OperationError {
    OperationError::new(
        Class::Permanent,
        format!("{kind} is not offered by a library without units"),
    )
}
