//! The way from a lane, and from the components on it, to the host.
//!
//! What a component says of itself again, or what changes nothing, is not told. A new instance is
//! well until it says otherwise.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use strait_component::extension::{CollectorLink, HostCall};
use strait_component::telemetry::{Measured, SpanEnd, SpanId, SpanStart, TelemetryLink};
use strait_component::{BoxFuture, Collector, ExtensionError, Status};
use strait_control::Failure;
use strait_control::host::{self, StatusCode};
use strait_engine::{LaneStatus, UnitMember, Upcalls};
use strait_extension::telemetry::{self, Measuring};

pub(crate) struct ToHost {
    /// The unit's handle.
    handle: u64,
    /// By which the host knows the lane.
    status: u64,
    members: Vec<(UnitMember, Arc<Said>)>,
    /// What each member's instance measures, by their places, until another takes its place or the
    /// lane ends.
    measuring: Mutex<HashMap<usize, Measuring>>,
}

impl ToHost {
    /// `said` are the handles by which the host hears what the members say of themselves.
    pub(crate) fn new(handle: u64, status: u64, members: &[UnitMember], said: &[u64]) -> Self {
        let said = said.iter().copied().chain(std::iter::repeat(0));
        let members = members.iter().cloned().zip(said.map(Said::new));
        Self {
            handle,
            status,
            members: members.collect(),
            measuring: Mutex::default(),
        }
    }
}

impl ToHost {
    /// The lane has ended: the host hears what its components have measured last.
    pub(crate) fn ended(&self) {
        let mut measuring = self
            .measuring
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let last = std::mem::take(&mut *measuring);
        drop(measuring); // what ends hands over the rest, which is a call
        drop(last);
    }
}

impl Upcalls for ToHost {
    fn attach(&self) {
        strait_control::logging::attach(self.handle);
    }

    fn batch_failed(&self, call_id: u64, failure: &Failure) {
        host::batch_failed(call_id, failure);
    }

    fn batch_cancel(&self, token: u64) {
        host::batch_cancel(token);
    }

    fn status(&self, status: LaneStatus, message: &str) {
        let code = match status {
            LaneStatus::Ok => StatusCode::Ok,
            LaneStatus::Recoverable => StatusCode::RecoverableError,
            LaneStatus::Permanent => StatusCode::PermanentError,
        };
        host::status(self.status, code, message);
    }

    fn collector(&self, place: usize, component: &str) -> Collector {
        let Some((member, said)) = self.members.get(place) else {
            return Collector::none(component);
        };
        said.say(Status::Ok);
        let link = Link {
            handle: if member.handle == 0 {
                self.handle
            } else {
                member.handle
            },
            said: Arc::clone(said),
        };
        let handle = link.handle;
        let collector = Collector::new(component, Arc::new(link));
        let mut measuring = self
            .measuring
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let now = Measuring::new(handle, &collector);
        let before = measuring.insert(place, now);
        drop(measuring); // what ends hands over the rest, which is a call
        drop(before);
        collector
    }
}

/// The link of a component on this lane.
struct Link {
    handle: u64,
    said: Arc<Said>,
}

impl CollectorLink for Link {
    fn report(&self, status: Status) {
        self.said.say(status);
    }

    fn ask(&self, call: HostCall) -> BoxFuture<Result<Value, ExtensionError>> {
        Box::pin(strait_extension::ask(self.handle, call))
    }
}

impl TelemetryLink for Link {
    fn measured(&self, what: &Measured) {
        telemetry::measured(self.handle, what);
    }

    fn span_started(&self, span: &SpanStart) -> Option<SpanId> {
        telemetry::span_started(self.handle, span)
    }

    fn span_ended(&self, token: u64, span: &SpanEnd) {
        telemetry::span_ended(self.handle, token, span);
    }
}

/// What a component of one lane says of itself.
struct Said {
    handle: u64,
    /// What the host was told last.
    last: Mutex<Status>,
}

impl Said {
    fn new(handle: u64) -> Arc<Self> {
        Arc::new(Self {
            handle,
            last: Mutex::new(Status::Ok),
        })
    }

    /// Notes what the component says. The host is told under the lock, so that it hears one thing
    /// after the other; it takes what it is told without asking back.
    fn say(&self, status: Status) {
        if self.handle == 0 {
            return;
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if *last != status {
            strait_extension::tell(self.handle, &status);
            *last = status;
        }
    }
}
