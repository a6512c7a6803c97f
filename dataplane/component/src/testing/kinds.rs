//! Instances of each kind, run as the host runs them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Builder;
use tokio::sync::Notify;
use tokio::task::LocalSet;
use tokio::time::timeout;

use crate::{
    Batch, BoxFuture, Connector, Context, Downstream, DynReceiver, Emitter, Error, Host, Settings,
    SpanContext, StopHandle,
};

/// How long [`receive`] waits for what a receiver is to do.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs a future as a lane runs those of its components: on this thread, with tokio's timers and
/// sockets, and with room for tasks that need not be [`Send`] (`tokio::task::spawn_local`).
///
/// # Panics
///
/// The machine has no room for a runtime.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = Builder::new_current_thread().enable_all().build();
    LocalSet::new().block_on(&runtime.expect("a runtime"), future)
}

/// A context with everything: a deadline in a minute, metadata, a client with an identity, a span.
pub fn context() -> Context {
    Context::builder()
        .deadline(Instant::now() + Duration::from_secs(60))
        .metadata("x-tenant", ["blue"])
        .metadata("x-forwarded-for", ["10.0.0.1", "10.0.0.2"])
        .peer("10.0.0.7:48122")
        .auth("subject", ["somebody"])
        .span(SpanContext {
            trace_id: [7; 16],
            span_id: [8; 8],
            flags: 1,
            trace_state: "vendor=1".into(),
            remote: true,
        })
        .build()
}

/// The host of a receiver, whose pipelines are `taken`: it gets each batch, and answers it when its
/// future ends.
pub fn host<F>(
    settings: Settings,
    taken: impl Fn(Batch) -> F + Send + Sync + 'static,
) -> (Host, StopHandle)
where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    Host::new(settings, Arc::new(Pipelines(taken)))
}

struct Pipelines<T>(T);

impl<T, F> Downstream for Pipelines<T>
where
    T: Fn(Batch) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    fn send(&self, batch: Batch) -> BoxFuture<Result<(), Error>> {
        Box::pin((self.0)(batch))
    }
}

/// Runs a receiver until it has sent `count` batches, all of which are taken; then stops it. Gives
/// what it sent until it returned.
///
/// # Errors
///
/// Those that the receiver ends with.
///
/// # Panics
///
/// It does not send so many within 20 seconds, or does not return within 20 seconds after the stop.
pub fn receive(
    receiver: &mut dyn DynReceiver,
    settings: Settings,
    count: usize,
) -> Result<Vec<Batch>, Error> {
    let sent = Arc::new(Sent::default());
    let batches = Arc::clone(&sent);
    let (host, stop) = host(settings, move |batch| {
        batches.add(batch);
        std::future::ready(Ok(()))
    });
    block_on(async {
        let mut running = receiver.run(host);
        let enough = tokio::select! {
            ended = &mut running => Some(ended),
            enough = timeout(PATIENCE, sent.until(count)) => {
                let found = sent.len();
                assert!(enough.is_ok(), "the receiver sent {found} batches of {count}");
                None
            }
        };
        if let Some(ended) = enough {
            return ended;
        }
        stop.stop();
        let ended = timeout(PATIENCE, running).await;
        ended.expect("the receiver returns when it is stopped")
    })?;
    Ok(sent.take())
}

#[derive(Default)]
struct Sent {
    batches: Mutex<Vec<Batch>>,
    another: Notify,
}

impl Sent {
    fn add(&self, batch: Batch) {
        self.batches
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(batch);
        self.another.notify_one();
    }

    fn len(&self) -> usize {
        self.batches
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    fn take(&self) -> Vec<Batch> {
        std::mem::take(&mut *self.batches.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn until(&self, count: usize) {
        while self.len() < count {
            self.another.notified().await;
        }
    }
}

/// What a connector emits for one batch.
///
/// # Errors
///
/// The connector's own.
pub fn consume(connector: &mut dyn Connector, batch: Batch) -> Result<Vec<Batch>, Error> {
    let mut out = Emitter::of(batch.context().clone());
    connector.consume(batch, &mut out)?;
    Ok(out.into_batches())
}

/// What a connector emits when it flushes.
///
/// # Errors
///
/// The connector's own.
pub fn flush(connector: &mut dyn Connector) -> Result<Vec<Batch>, Error> {
    let mut out = Emitter::new();
    connector.flush(&mut out)?;
    Ok(out.into_batches())
}
