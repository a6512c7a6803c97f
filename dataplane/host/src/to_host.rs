//! The way from a lane, and from the components on it, to the host.
//!
//! What components say of themselves becomes one status of the lane: the worst, and of equals the
//! one that was said first. What is said again, or changes nothing in that, is not told. A new
//! instance is well until it says otherwise.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use strait_component::extension::{CollectorLink, HostCall};
use strait_component::{BoxFuture, Collector, ExtensionError, Status};
use strait_control::Failure;
use strait_control::host::{self, StatusCode};
use strait_engine::{LaneStatus, Upcalls};

pub(crate) struct ToHost {
    /// The unit's handle.
    handle: u64,
    /// By which the host knows the lane.
    status: u64,
    said: Arc<Said>,
}

impl ToHost {
    pub(crate) fn new(handle: u64, status: u64, said: u64) -> Self {
        let said = Arc::new(Said {
            handle: said,
            statuses: Mutex::default(),
        });
        Self {
            handle,
            status,
            said,
        }
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

    fn collector(&self, component: &str) -> Collector {
        self.said.say(component, Status::Ok);
        let link = Link {
            handle: self.handle,
            component: component.to_owned(),
            said: Arc::clone(&self.said),
        };
        Collector::new(component, Arc::new(link))
    }
}

/// The link of a component on this lane.
struct Link {
    handle: u64,
    component: String,
    said: Arc<Said>,
}

impl CollectorLink for Link {
    fn report(&self, status: Status) {
        self.said.say(&self.component, status);
    }

    fn ask(&self, call: HostCall) -> BoxFuture<Result<Value, ExtensionError>> {
        Box::pin(strait_extension::ask(self.handle, call))
    }
}

/// What the components of one lane say of themselves.
struct Said {
    handle: u64,
    statuses: Mutex<Statuses>,
}

#[derive(Default)]
struct Statuses {
    /// The last of each component, in the order in which they came.
    all: Vec<(String, Status)>,
    told: Option<Status>,
}

impl Said {
    /// Notes what a component says. The host is told under the lock, so that it hears one thing
    /// after the other; it takes what it is told without asking back.
    fn say(&self, component: &str, status: Status) {
        if self.handle == 0 {
            return;
        }
        let mut statuses = self.statuses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(news) = statuses.note(component, status) {
            strait_extension::tell(self.handle, &news);
        }
    }
}

impl Statuses {
    /// Notes a status; gives that of all where it is news.
    fn note(&mut self, component: &str, status: Status) -> Option<Status> {
        match self.all.iter_mut().find(|(known, _)| known == component) {
            Some((_, last)) => *last = status,
            None => self.all.push((component.to_owned(), status)),
        }
        // max_by_key gives the last of equals.
        let worst = self.all.iter().rev().map(|(_, status)| status);
        let worst = worst.max_by_key(|status| badness(status)).cloned()?;
        let news = self.told.as_ref().unwrap_or(&Status::Ok) != &worst;
        self.told = Some(worst.clone());
        news.then_some(worst)
    }
}

fn badness(status: &Status) -> u8 {
    match status {
        Status::Recoverable(_) => 1,
        Status::Permanent(_) => 2,
        Status::Fatal(_) => 3,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Guarantees: the worst of what components say is the lane's, the first of equals; nothing is
    // told twice, and one that is well hides none that is not.
    #[test]
    fn the_worst_is_told_once() {
        let mut statuses = Statuses::default();
        let slow = || Status::Recoverable("slow".into());
        let gone = || Status::Permanent("gone".into());
        assert_eq!(statuses.note("a", Status::Ok), None);
        assert_eq!(statuses.note("a", slow()), Some(slow()));
        assert_eq!(statuses.note("a", slow()), None);
        assert_eq!(statuses.note("b", Status::Recoverable("late".into())), None);
        assert_eq!(statuses.note("b", gone()), Some(gone()));
        assert_eq!(statuses.note("a", Status::Ok), None);
        assert_eq!(statuses.note("b", Status::Ok), Some(Status::Ok));
    }
}
