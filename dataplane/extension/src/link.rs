//! An instance's way to its host.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use strait_component::extension::{
    BoxFuture, CollectorLink, ExtensionError, HostCall, HostLink, Status,
};
use strait_component::telemetry::{Measured, SpanEnd, SpanId, SpanStart, TelemetryLink};
use strait_control::host::{self, StatusCode};
use strait_control::{Class, OpKind};
use strait_failure::contained;
use tokio::runtime::Handle;

use crate::telemetry;

/// How long the host may take for what a component asks.
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);

/// Asks the host, for the component with this handle, of whichever kind.
///
/// # Errors
/// What the host says, or that it does not answer in time.
pub async fn ask(handle: u64, call: HostCall) -> Result<Value, ExtensionError> {
    let wrong = |error: serde_json::Error| ExtensionError::failed(error.to_string());
    let payload = serde_json::to_vec(&call).map_err(wrong)?;
    match host::operate(handle, OpKind::Capability, payload, ANSWERS_WITHIN).await {
        Ok(reply) => serde_json::from_slice(&reply).map_err(wrong),
        Err(error) => Err(match error.class {
            Class::Permanent | Class::Internal => ExtensionError::failed(error.to_string()),
            _ => ExtensionError::unavailable(error.to_string()),
        }),
    }
}

/// Tells the host how the component with this handle is, of whichever kind.
pub fn tell(handle: u64, status: &Status) {
    let (code, message) = match status {
        Status::Ok => (StatusCode::Ok, ""),
        Status::Recoverable(why) => (StatusCode::RecoverableError, why.as_str()),
        Status::Permanent(why) => (StatusCode::PermanentError, why.as_str()),
        Status::Fatal(why) => (StatusCode::FatalError, why.as_str()),
        _ => return,
    };
    host::status(handle, code, message);
}

/// The link of one running instance; clones are the same one.
#[derive(Clone)]
pub(crate) struct Link(Arc<Inner>);

struct Inner {
    handle: u64,
    id: String,
    runtime: Handle,
    last: Mutex<Option<Status>>,
    ended: AtomicBool,
}

impl Link {
    pub(crate) fn new(handle: u64, id: String, runtime: Handle) -> Self {
        Self(Arc::new(Inner {
            handle,
            id,
            runtime,
            last: Mutex::new(None),
            ended: AtomicBool::new(false),
        }))
    }

    /// Nothing passes from now on. Relaxed: what passes at this moment may.
    pub(crate) fn close(&self) {
        self.0.ended.store(true, Ordering::Relaxed);
    }

    fn is_closed(&self) -> bool {
        self.0.ended.load(Ordering::Relaxed)
    }

    /// Passes a status on.
    fn tell(&self, status: Status) {
        if self.is_closed() {
            return;
        }
        {
            let mut last = self.0.last.lock().unwrap_or_else(PoisonError::into_inner);
            if last.as_ref() == Some(&status) {
                return;
            }
            *last = Some(status.clone());
        }
        tell(self.0.handle, &status);
    }
}

impl HostLink for Link {
    fn spawn(&self, name: &'static str, task: BoxFuture<()>) {
        let link = self.clone();
        self.0.runtime.spawn(async move {
            if let Err(text) = contained(task).await {
                let id = &link.0.id;
                link.tell(Status::Permanent(format!("{id}: panic in {name}: {text}")));
            }
        });
    }
}

impl CollectorLink for Link {
    fn report(&self, status: Status) {
        self.tell(status);
    }

    fn ask(&self, call: HostCall) -> BoxFuture<Result<Value, ExtensionError>> {
        let link = self.clone();
        Box::pin(async move {
            if link.is_closed() {
                let message = format!("{} has been shut down: its host is gone", link.0.id);
                return Err(ExtensionError::failed(message));
            }
            ask(link.0.handle, call).await
        })
    }
}

impl TelemetryLink for Link {
    fn measured(&self, what: &Measured) {
        telemetry::measured(self.0.handle, what);
    }

    fn span_started(&self, span: &SpanStart) -> Option<SpanId> {
        telemetry::span_started(self.0.handle, span)
    }

    fn span_ended(&self, token: u64, span: &SpanEnd) {
        telemetry::span_ended(self.0.handle, token, span);
    }
}
