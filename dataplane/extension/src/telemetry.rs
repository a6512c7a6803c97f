//! What components of whichever kind measure and trace, on its way to the host.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use strait_component::Collector;
use strait_component::telemetry::{Measured, Measurements, SpanEnd, SpanId, SpanStart};
use strait_control::host;

/// Those that the host may collect, by the handle of their component: one for each instance.
type Running = BTreeMap<u64, Vec<Arc<Measurements>>>;

fn running() -> MutexGuard<'static, Running> {
    static RUNNING: Mutex<Running> = Mutex::new(Running::new());
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An instance that the host may ask for what it has measured. When this is dropped the instance
/// has ended, and what is left is handed over.
#[must_use]
pub struct Measuring {
    handle: u64,
    measurements: Arc<Measurements>,
}

impl Measuring {
    /// The instance that this Collector was made for, of the component with this handle.
    pub fn new(handle: u64, collector: &Collector) -> Self {
        let measurements = Arc::clone(collector.measurements());
        let of_component = Arc::clone(&measurements);
        running().entry(handle).or_default().push(of_component);
        Self {
            handle,
            measurements,
        }
    }
}

impl Drop for Measuring {
    fn drop(&mut self) {
        if let Some(instances) = running().get_mut(&self.handle) {
            instances.retain(|other| !Arc::ptr_eq(other, &self.measurements));
        }
        running().retain(|_, instances| !instances.is_empty());
        self.measurements.end();
    }
}

/// Has the instances of the component with this handle hand over what they have measured.
pub fn collect(handle: u64) {
    // Outside the lock: an author's callback may run for longer than it should.
    let instances = running().get(&handle).cloned().unwrap_or_default();
    for measurements in instances {
        measurements.flush();
    }
}

/// Tells the host what an instance of the component with this handle says of its instruments.
pub fn measured(handle: u64, what: &Measured) {
    host::measured(handle, json(what));
}

/// Begins a span of the component with this handle.
pub fn span_started(handle: u64, span: &SpanStart) -> Option<SpanId> {
    let started = host::span_start(handle, json(span))?;
    Some(SpanId {
        trace_id: started.trace_id,
        span_id: started.span_id,
        flags: started.flags,
        token: if started.flags & 1 == 0 {
            0
        } else {
            started.token
        },
    })
}

/// Ends a span of the component with this handle.
pub fn span_ended(handle: u64, token: u64, span: &SpanEnd) {
    host::span_end(token, handle, json(span));
}

/// None of these has what JSON does not: floating-point numbers in them are finite.
fn json(what: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(what).unwrap_or_default()
}
