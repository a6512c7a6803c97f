//! The Collector, as an extension sees it: what any component does, and tasks of its own.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::{BoxFuture, CollectorLink};
use crate::Collector;

/// The Collector that an instance runs in, which it may ask and tell what any [`Collector`] may be.
/// Cheap to clone; stays usable until the instance's shutdown has ended.
#[derive(Clone)]
pub struct Host {
    collector: Collector,
    link: Arc<dyn HostLink>,
}

impl Host {
    /// The host of one instance, over its link.
    pub fn new(id: impl Into<Arc<str>>, link: Arc<dyn HostLink>) -> Self {
        Self {
            collector: Collector::new(id, Arc::clone(&link) as Arc<dyn CollectorLink>),
            link,
        }
    }

    /// Runs `task` on the instance's thread until it ends or the instance does. `name` is for the
    /// message when it panics, which also makes the instance's status permanent.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.link.spawn(name, Box::pin(task));
    }
}

/// A host is a Collector that runs tasks too.
impl Deref for Host {
    type Target = Collector;

    fn deref(&self) -> &Collector {
        &self.collector
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Host").field(&self.id()).finish()
    }
}

/// The way from one instance to its host. The host of the process implements it; so does a test.
pub trait HostLink: CollectorLink {
    /// Runs a task of the instance's.
    fn spawn(&self, name: &'static str, task: BoxFuture<()>);
}
