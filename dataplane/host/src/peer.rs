//! The peer: what the control channel's calls arrive at.

use crate::links::StartRequest;
use crate::operations;
use crate::units::Units;
use std::sync::Arc;
use strait_component::DynFactory;
use strait_control::{
    BoxFuture, Class, Failure, OpKind, OpResult, Operation, OperationError, Peer, logging,
};
use strait_extension::{Extensions, process, telemetry};

/// All units and extensions of this library, behind the control channel. There is one per process.
pub struct HostPeer {
    units: Arc<Units>,
    extensions: Extensions,
}

impl HostPeer {
    /// A peer with these components, and nothing running.
    #[must_use]
    pub fn new(factories: &[&'static dyn DynFactory]) -> Self {
        strait_engine::components::register(factories);
        logging::install(strait_engine::is_own_metrics_complaint);
        Self {
            units: Arc::default(),
            extensions: Extensions::new(factories),
        }
    }
}

impl Peer for HostPeer {
    fn inline(&self, operation: Operation) -> OpResult {
        match operation.kind {
            OpKind::Describe => operations::describe(),
            OpKind::DefaultConfig => operations::default_config(&operation.payload),
            OpKind::Decode => operations::decode(&operation.payload),
            OpKind::Validate => operations::validate(&operation.payload),
            OpKind::Create if operations::is_extension(&operation.payload) => {
                self.extensions.create(operation.handle, &operation.payload)
            }
            OpKind::Create if process::is_settings(&operation.payload) => {
                process::create(operation.handle)
            }
            OpKind::Create => {
                let unit = operations::unit(&operation.payload)?;
                self.units.create(operation.handle, unit)?;
                operations::reply(&serde_json::json!({}))
            }
            OpKind::Counters => match self.units.taken(operation.handle) {
                Some(taken) => operations::reply(&taken),
                None => process::counters(), // those of the whole process are no unit's
            },
            OpKind::Collect => {
                telemetry::collect(operation.handle);
                operations::reply(&serde_json::json!({}))
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
        if self.extensions.has(handle) {
            return match kind {
                OpKind::Start => self.extensions.start(handle),
                OpKind::Shutdown => self.extensions.shutdown(handle, deadline),
                OpKind::Capability => self.extensions.capability(handle, &payload),
                other => Box::pin(std::future::ready(Err(not_here(other)))),
            };
        }
        if process::owns(handle) && kind == OpKind::Shutdown {
            return Box::pin(std::future::ready(process::end(handle)));
        }
        let units = Arc::clone(&self.units);
        Box::pin(async move {
            match kind {
                OpKind::Start => {
                    let request: StartRequest = operations::read(&payload)?;
                    operations::reply(&units.start(handle, request).await?)
                }
                OpKind::Shutdown => operations::reply(&units.shutdown(handle, deadline).await),
                OpKind::Capability => process::set(handle, &payload),
                other => Err(not_here(other)),
            }
        })
    }

    fn batch_cancel(&self, call_id: u64) {
        if let Some(lane) = self.units.lane_of(call_id) {
            lane.cancel(call_id);
        }
    }

    fn batch_failed(&self, call_id: u64, failure: Failure) {
        if let Some(lane) = self.units.lane_of(call_id) {
            lane.failed(call_id, failure);
        }
    }
}

fn not_here(kind: OpKind) -> OperationError {
    OperationError::new(
        Class::Permanent,
        format!("{kind} is not offered by this peer"),
    )
}
