//! A peer that reads configurations and does nothing else, for the tests in `tests/config`: no
//! engine, no ring.
//!
//! It answers describe, default_config and decode with the functions that the real peer answers
//! them with.

mod twin;

use serde::Serialize;
use serde_json::json;
use strait_component::DynFactory;
use strait_component::config::serve;
use strait_control::memory::{self, CountingAllocator};
use strait_control::{
    BoxFuture, Class, Failure, OpKind, OpResult, Operation, OperationError, Peer,
};
use strait_extension::refused;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

struct TestPeer {
    components: [&'static dyn DynFactory; 3],
}

impl Peer for TestPeer {
    fn inline(&self, operation: Operation) -> OpResult {
        let payload = &operation.payload;
        match operation.kind {
            OpKind::Describe => reply(&json!({"components": serve::describe(&self.components)})),
            OpKind::DefaultConfig => {
                reply(&serve::default_config(&self.components, payload).map_err(refused)?)
            }
            OpKind::Decode => reply(&serve::decode(&self.components, payload).map_err(refused)?),
            OpKind::Counters => reply(&json!({"allocated": memory::allocated()})),
            kind => Err(not_here(kind)),
        }
    }

    fn spawn(&self, operation: Operation) -> BoxFuture<OpResult> {
        Box::pin(async move { Err(not_here(operation.kind)) })
    }

    fn batch_cancel(&self, _: u64) {}

    fn batch_failed(&self, _: u64, _: Failure) {}
}

fn reply(value: &impl Serialize) -> OpResult {
    serde_json::to_vec(value)
        .map_err(|error| OperationError::new(Class::Internal, error.to_string()))
}

fn not_here(kind: OpKind) -> OperationError {
    OperationError::new(Class::Permanent, format!("{kind} is not offered here"))
}

strait_control::export_entry!(|| {
    Box::new(TestPeer {
        components: [twin::closed(), twin::open(), twin::sender()],
    })
});
