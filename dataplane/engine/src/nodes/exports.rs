//! The instance of an exporter of the SDK, for exports side by side.
//!
//! A panic is the failure of the batch that it met. The instance is made anew for those that come
//! later; those that are under way end with the old one, whose shutdown is not called.

use crate::nodes::destination::Destination;
use crate::nodes::made::Made;
use crate::nodes::waiting::LEAST_SHUTDOWN;
use otel_arrow_dfe_config::error::Error as ConfigError;
use serde_json::Value;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;
use strait_component::{Batch, DynExporter, Settings};
use strait_failure::{Class, Failure, contained};
use tokio::task::JoinError;

/// See the module's documentation. Clones are of the same instance.
#[derive(Clone)]
pub(crate) struct Exports(Rc<RefCell<Made<Rc<dyn DynExporter>>>>);

impl Exports {
    /// Those of a node with this configuration, on this lane.
    pub(crate) fn new(config: &Value, lane: usize) -> Result<Self, ConfigError> {
        let made = Made::new(config, lane, |factory, config, settings| {
            let made = factory.exporter()?.create(config, settings);
            Some(made.map(Rc::from))
        })?;
        Ok(Self(Rc::new(RefCell::new(made))))
    }

    /// What the component was made with.
    pub(crate) fn settings(&self) -> Settings {
        self.0.borrow().settings().clone()
    }
}

impl Destination for Exports {
    async fn export(&self, batch: Batch) -> Result<(), Failure> {
        let instance = self.0.borrow_mut().instance().cloned()?;
        // The call itself may panic too.
        let outcome = contained(async { instance.export(batch).await }).await;
        let mut made = self.0.borrow_mut();
        match outcome {
            Ok(verdict) => verdict.map_err(|error| made.named(error)),
            Err(panic) => {
                let current = made.take();
                let trusted = current.filter(|current| !Rc::ptr_eq(current, &instance));
                made.put(trusted);
                Err(made.panicked("export", &panic))
            }
        }
    }

    /// That instance is not to be trusted.
    fn fell(&self, panic: &JoinError) -> Failure {
        let mut made = self.0.borrow_mut();
        drop(made.take());
        made.panicked("export", &panic.to_string())
    }

    fn failure(&self, class: Class, message: &str) -> Failure {
        self.0.borrow().failure(class, message)
    }

    fn id(&self) -> String {
        self.0.borrow().id().to_owned()
    }

    async fn shutdown(&self, deadline: Instant) {
        let Some(instance) = self.0.borrow_mut().take() else {
            return;
        };
        let limit = deadline.max(Instant::now() + LEAST_SHUTDOWN);
        let ending = contained(async { instance.shutdown().await });
        let outcome = tokio::time::timeout_at(limit.into(), ending).await;
        let late = || Failure::new(Class::Deadline, "it was not done in time").into();
        let outcome = outcome.unwrap_or_else(|_| Ok(Err(late())));
        let _ = self.0.borrow().complaint("shutdown", outcome);
    }
}
