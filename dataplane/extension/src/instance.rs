//! One instance: its states, and what may be asked in which.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use strait_component::extension::{CollectorLink, DynExtension, ExtensionError, Host, Status};
use strait_control::{Class, OperationError};

use crate::call::Call;
use crate::link::Link;
use crate::telemetry::Measuring;
use crate::worker::Worker;

/// Time that is kept of a shutdown's limit to end the thread after the extension has had its own.
const THREAD_MARGIN: Duration = Duration::from_secs(1);

/// One instance, from create to shutdown.
pub(crate) struct Instance {
    handle: u64,
    id: String,
    state: Mutex<State>,
}

enum State {
    Created(Arc<dyn DynExtension>),
    /// A start was tried; `started` tells whether it succeeded.
    Live {
        running: Arc<Running>,
        started: bool,
    },
    Ended,
}

struct Running {
    extension: Mutex<Option<Arc<dyn DynExtension>>>,
    worker: Worker,
    link: Link,
    /// From the start on, until the thread has ended.
    measuring: Mutex<Option<Measuring>>,
}

impl Running {
    /// The extension, until its shutdown takes it.
    fn extension(&self) -> MutexGuard<'_, Option<Arc<dyn DynExtension>>> {
        self.extension
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn measure(&self, measuring: Option<Measuring>) {
        let mut kept = self
            .measuring
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *kept = measuring;
    }
}

impl Instance {
    pub(crate) fn new(handle: u64, id: String, extension: Arc<dyn DynExtension>) -> Self {
        Self {
            handle,
            id,
            state: Mutex::new(State::Created(extension)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wrong(&self, class: Class, message: impl Into<String>) -> OperationError {
        OperationError::new(class, message).at(self.id.clone())
    }

    /// What a call of the extension's gave, as the operation's end.
    fn end<T>(
        &self,
        phase: &str,
        result: Result<Result<Result<T, ExtensionError>, String>, OperationError>,
    ) -> Result<T, OperationError> {
        match result {
            Ok(Ok(Ok(value))) => Ok(value),
            Ok(Ok(Err(error))) => {
                let class = if error.is_unavailable() {
                    Class::Unavailable
                } else {
                    Class::Permanent
                };
                Err(self.wrong(class, format!("{phase}: {error}")))
            }
            Ok(Err(text)) => Err(self.wrong(
                Class::Internal,
                format!("panic in {phase}: {text}; this is a bug in the component"),
            )),
            Err(error) => Err(self.wrong(error.class, format!("{phase}: {}", error.message))),
        }
    }

    pub(crate) async fn start(&self) -> Result<(), OperationError> {
        let (running, extension) = self.begin()?;
        let host = Host::new(self.id.as_str(), Arc::new(running.link.clone()));
        running.measure(Some(Measuring::new(self.handle, &host)));
        let guard = Unanswered::new(&running, &self.id, "start");
        let result = running.worker.run(extension.start(host)).await;
        guard.answered();
        self.end("start", result)?;
        if let State::Live { started, .. } = &mut *self.lock() {
            *started = true;
        }
        Ok(())
    }

    /// Gives the instance its thread.
    fn begin(&self) -> Result<(Arc<Running>, Arc<dyn DynExtension>), OperationError> {
        let mut state = self.lock();
        let State::Created(extension) = &*state else {
            return Err(self.wrong(Class::Permanent, "it was started before, and starts once"));
        };
        let extension = Arc::clone(extension);
        let worker = Worker::spawn(self.handle, &self.id)
            .map_err(|error| self.wrong(error.class, error.message))?;
        let link = Link::new(self.handle, self.id.clone(), worker.runtime.clone());
        let running = Arc::new(Running {
            extension: Mutex::new(Some(Arc::clone(&extension))),
            worker,
            link,
            measuring: Mutex::default(),
        });
        *state = State::Live {
            running: Arc::clone(&running),
            started: false,
        };
        Ok((running, extension))
    }

    pub(crate) async fn ask(&self, call: Call) -> Result<Value, OperationError> {
        let running = match &*self.lock() {
            State::Live { running, .. } => Some(Arc::clone(running)),
            _ => None,
        };
        let asked = running.and_then(|running| {
            let extension = running.extension().clone()?;
            Some((running, extension))
        });
        let Some((running, extension)) = asked else {
            return Err(self.wrong(Class::Unavailable, "it does not run"));
        };
        let phase = call.name();
        let guard = Unanswered::new(&running, &self.id, phase);
        let result = running.worker.run(call.ask(extension)).await;
        guard.answered();
        self.end(phase, result)
    }

    /// Ends it: the extension's own shutdown if it had started, then its thread.
    pub(crate) async fn shutdown(&self, deadline: Instant) -> Result<(), OperationError> {
        let state = std::mem::replace(&mut *self.lock(), State::Ended);
        let State::Live { running, started } = state else {
            return Ok(()); // an extension that was never started is dropped here
        };
        let left = deadline.saturating_duration_since(Instant::now());
        let of_thread = THREAD_MARGIN.min(left / 2);
        let of_extension = left - of_thread;
        let extension = running.extension().take();
        // Its destructor runs on its own thread too.
        let last = running.worker.run(async move {
            match extension {
                Some(extension) if started => extension.shutdown().await,
                _ => Ok(()),
            }
        });
        let result = match tokio::time::timeout(of_extension, last).await {
            Ok(ended) => self.end("shutdown", ended),
            Err(_) => {
                let message = format!("shutdown: it did not end within {of_extension:?}");
                Err(self.wrong(Class::Deadline, message))
            }
        };
        running.link.close();
        let until = Instant::now() + of_thread * 3 / 4;
        let ended = running.worker.end(until).await;
        running.measure(None);
        match ended {
            Ok(()) => result,
            Err(live) => {
                let before = result
                    .err()
                    .map(|error| error.message + "; ")
                    .unwrap_or_default();
                let message = format!(
                    "{before}{live} of its threads are blocked and were given up: they stay until \
                     they return"
                );
                Err(self.wrong(Class::Deadline, message))
            }
        }
    }
}

/// A call that was given up (its deadline passed, or it was cancelled): is the thread blocked? Then
/// the instance's status says so, and that it is well again when it is.
struct Unanswered {
    call: Option<(Arc<Running>, String, &'static str)>,
}

impl Unanswered {
    fn new(running: &Arc<Running>, id: &str, phase: &'static str) -> Self {
        Self {
            call: Some((Arc::clone(running), id.to_owned(), phase)),
        }
    }

    fn answered(mut self) {
        self.call = None;
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        let Some((running, id, phase)) = self.call.take() else {
            return;
        };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let (threads, link) = (Arc::clone(&running.worker.threads), running.link.clone());
        let answered = Arc::new(AtomicBool::new(false));
        let well = {
            let (threads, link) = (Arc::clone(&threads), link.clone());
            let answered = Arc::clone(&answered);
            move || {
                answered.store(true, Ordering::SeqCst);
                if threads.speak() {
                    link.report(Status::Ok);
                }
            }
        };
        let answers = running.worker.probe(well);
        runtime.spawn(async move {
            if answers.await || !threads.fall_silent() {
                return;
            }
            // SeqCst on both: an answer that came just now saw the silence, or is seen here.
            if answered.load(Ordering::SeqCst) {
                threads.speak();
                return;
            }
            let message = format!("{id}: its thread is blocked since {phase}, which was given up");
            link.report(Status::Recoverable(message));
        });
    }
}
