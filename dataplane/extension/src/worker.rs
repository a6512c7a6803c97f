//! One instance's thread: a current-thread runtime that runs what it is given.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use strait_component::extension::BoxFuture;
use strait_control::{Class, OperationError, logging};
use strait_failure::contained;
use tokio::runtime::{Builder, Handle};
use tokio::sync::{mpsc, oneshot};

use crate::threads::Threads;

/// How many calls may wait for an instance's thread.
const QUEUE: usize = 1024;
/// How long a thread may take to answer before it counts as blocked.
const ANSWERS_WITHIN: Duration = Duration::from_millis(500);

/// The way to an instance's thread.
pub(crate) struct Worker {
    /// Taken by `end`: then the thread ends after what it runs now.
    jobs: Mutex<Option<mpsc::Sender<BoxFuture<()>>>>,
    ended: Mutex<Option<oneshot::Receiver<()>>>,
    pub(crate) runtime: Handle,
    pub(crate) threads: Arc<Threads>,
}

impl Worker {
    /// Starts the thread. Its log lines carry `handle`.
    pub(crate) fn spawn(handle: u64, id: &str) -> Result<Self, OperationError> {
        let threads = Arc::new(Threads::default());
        let failed = |what: &str, error: std::io::Error| {
            let message = format!("cannot start {what}: {error}; check the limits of the process");
            OperationError::new(Class::Unavailable, message)
        };
        let (begin, end) = (Arc::clone(&threads), Arc::clone(&threads));
        let runtime = Builder::new_current_thread()
            .enable_all()
            .thread_name(format!("{id} (blocking)"))
            .on_thread_start(move || {
                begin.begin();
                logging::attach(handle);
            })
            .on_thread_stop(move || {
                logging::flush();
                end.end();
            })
            .build()
            .map_err(|error| failed("its runtime", error))?;
        let (jobs, mut queue) = mpsc::channel::<BoxFuture<()>>(QUEUE);
        let (ending, ended) = oneshot::channel();
        let handle_of_runtime = runtime.handle().clone();
        let of_thread = Arc::clone(&threads);
        threads.begin();
        let spawned = std::thread::Builder::new()
            .name(id.to_owned())
            .spawn(move || {
                logging::attach(handle);
                runtime.block_on(async {
                    while let Some(job) = queue.recv().await {
                        tokio::spawn(job);
                    }
                });
                // Tasks are dropped here, on the thread that they ran on; blocking threads end by
                // themselves.
                runtime.shutdown_background();
                logging::flush();
                of_thread.end();
                let _ = ending.send(());
            });
        if let Err(error) = spawned {
            threads.end();
            return Err(failed("its thread", error));
        }
        Ok(Self {
            jobs: Mutex::new(Some(jobs)),
            ended: Mutex::new(Some(ended)),
            runtime: handle_of_runtime,
            threads,
        })
    }

    fn send(&self, job: BoxFuture<()>) -> Result<(), OperationError> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(jobs) = &*jobs else {
            return Err(OperationError::new(
                Class::Cancelled,
                "it has been shut down",
            ));
        };
        jobs.try_send(job).map_err(|_| {
            let message = format!("its thread does not keep up: {QUEUE} calls wait for it");
            OperationError::new(Class::Refused, message)
        })
    }

    /// Runs `future` on the thread and waits for it. It is dropped there when nobody waits any
    /// more. The error is the text of its panic.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Result<Result<T, String>, OperationError> {
        let (mut tx, rx) = oneshot::channel();
        let job = async move {
            tokio::select! {
                biased;
                result = contained(future) => drop(tx.send(result)),
                () = tx.closed() => {}
            }
        };
        self.send(Box::pin(job))?;
        rx.await
            .map_err(|_| OperationError::new(Class::Cancelled, "it ended while this was under way"))
    }

    /// Whether the thread takes a job within a short time; `answered` runs on it when it does,
    /// however late that is.
    pub(crate) fn probe(
        &self,
        answered: impl FnOnce() + Send + 'static,
    ) -> impl Future<Output = bool> + Send + 'static {
        let (tx, rx) = oneshot::channel();
        let sent = self.send(Box::pin(async move {
            answered();
            let _ = tx.send(());
        }));
        async move { sent.is_ok() && tokio::time::timeout(ANSWERS_WITHIN, rx).await.is_ok() }
    }

    /// Ends the thread and waits for it and its blocking threads until `until`. What lives then is
    /// given up and counted, and their number is the error.
    pub(crate) async fn end(&self, until: Instant) -> Result<(), usize> {
        let take =
            |slot: &Mutex<Option<_>>| slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(
            self.jobs
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        if let Some(ended) = take(&self.ended) {
            let _ = tokio::time::timeout_at(until.into(), ended).await;
        }
        // Blocking threads that are idle end at once when their runtime does, but nobody can wait
        // for them.
        while self.threads.live() > 0 && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        match self.threads.live() {
            0 => Ok(()),
            live => {
                self.threads.give_up();
                Err(live)
            }
        }
    }
}
