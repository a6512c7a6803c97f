//! Runs an exporter of the SDK behind a queue, retries and a timeout of our own, where it is in a
//! part with others; what they are is said in [`crate::sending`].
//!
//! A batch that a queue takes is answered at once, and stays in the queue until it is done; where
//! senders wait, the answer is the verdict. Consumers are tasks on the lane's thread, each with one
//! load (a batch, or what was merged and split of several), from its first attempt to its last. An
//! attempt that takes too long is dropped, after its context has said so.
//!
//! At the end of the unit no load is tried again: those that wait for their next attempt are given
//! up, those in the queue have one attempt each, till the deadline. What is left then is given up,
//! and logged. A queue in a storage keeps it instead, and what of it nobody sends yet.

mod ends;
mod loads;

use crate::ambient;
use crate::nodes::answers::answer;
use crate::nodes::attempts::Outcome;
use crate::nodes::batches::take_wanted;
use crate::nodes::destination::Destination;
use crate::nodes::exports::Exports;
use crate::nodes::spans::Spans;
use crate::nodes::store::Store;
use crate::nodes::waiting::sleep_until;
use crate::sending::{Batcher, Full, Ready, Sending, Sizes};
use crate::unit::Taken;
use async_trait::async_trait;
use otel_arrow_dfe_engine::control::NodeControlMsg;
use otel_arrow_dfe_engine::error::{Error, ExporterErrorKind};
use otel_arrow_dfe_engine::local::exporter::{EffectHandler, Exporter};
use otel_arrow_dfe_engine::message::{ExporterInbox, Message};
use otel_arrow_dfe_engine::terminal_state::TerminalState;
use otel_arrow_dfe_otap::pdata::OtapPdata;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;
use strait_component::opentelemetry::KeyValue;
use strait_component::telemetry::Span;
use strait_component::{Batch, Context, Settings};
use strait_failure::Class;
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

/// As the exporter helper says it.
const REJECTING: &str = "Exporting failed. Rejecting data.";
const DROPPING: &str = "Exporting failed. Dropping data.";

/// See the module's documentation.
pub(crate) struct Component {
    exports: Exports,
    sending: Arc<Sending>,
    /// Where what enters it is counted.
    taken: Option<Arc<Taken>>,
}

impl Component {
    /// What the node of this name runs.
    pub(crate) fn new(node: &str, exports: Exports, sending: Arc<Sending>) -> Self {
        Self {
            exports,
            sending,
            taken: ambient::entered(node),
        }
    }
}

/// A batch that waits for room in the queue.
struct Blocked {
    pdata: OtapPdata,
    batch: Batch,
    context: Context,
    items: usize,
    /// Measured once, for it may be offered often.
    sizes: Sizes,
}

/// A batch in the queue whose sender waits.
struct Waiting {
    pdata: OtapPdata,
    items: usize,
}

/// What a consumer has in hand.
struct Sent {
    of: Of,
    items: usize,
    span: Option<Span>,
}

/// Whose a load is.
enum Of {
    /// There is no queue; its sender waits.
    Sender(OtapPdata),
    /// Batches in the queue, by their numbers.
    Queued(Vec<u64>),
}

/// What the exporter helper calls items that were sent, and that were not.
const COUNTED: [&str; 2] = ["items.sent", "items.failed"];

/// As the exporter helper has them.
fn spans_of(settings: &Settings) -> Spans {
    const HELPER: &str = "go.opentelemetry.io/collector/exporter/exporterhelper";
    let signal = settings
        .signals_in
        .first()
        .map_or("", |signal| signal.name());
    let id = &settings.component;
    let attributes = [("exporter", id.clone()), ("data_type", signal.to_owned())];
    let attributes = attributes.map(|(name, value)| KeyValue::new(name, value));
    Spans::new(
        settings,
        HELPER,
        format!("exporter/{id}/{signal}"),
        attributes.into(),
    )
}

struct Work {
    exports: Exports,
    sending: Arc<Sending>,
    taken: Option<Arc<Taken>>,
    spans: Spans,
    engine: EffectHandler<OtapPdata>,
    consumers: JoinSet<Outcome>,
    sent: HashMap<Id, Sent>,
    /// `None`: the queue is in memory, or there is none.
    store: Option<Store>,
    /// Batches in the storage of which a load was interrupted, and which stay there.
    interrupted: HashSet<u64>,
    /// `None`: batches are sent as they came.
    batcher: Option<Batcher>,
    /// What waits for a consumer.
    ready: VecDeque<Ready>,
    /// By their numbers.
    waiting: HashMap<u64, Waiting>,
    blocked: VecDeque<Blocked>,
    /// No batch is tried again.
    stopping: CancellationToken,
}

#[async_trait(?Send)]
impl Exporter<OtapPdata> for Component {
    async fn start(
        self: Box<Self>,
        mut inbox: ExporterInbox<OtapPdata>,
        effect_handler: EffectHandler<OtapPdata>,
    ) -> Result<TerminalState, Error> {
        self.sending.at_rest();
        let settings = self.exports.settings();
        let store = Store::open(&self.sending, &settings).await;
        let store = store.map_err(|error| Error::ExporterError {
            exporter: effect_handler.exporter_id(),
            kind: ExporterErrorKind::Connect,
            error: format!("the queue's storage: {error}"),
            source_detail: String::new(),
        })?;
        let mut work = Work {
            spans: spans_of(&settings),
            store,
            interrupted: HashSet::new(),
            batcher: self.sending.batcher(),
            ready: VecDeque::new(),
            exports: self.exports,
            sending: self.sending,
            taken: self.taken,
            engine: effect_handler,
            consumers: JoinSet::new(),
            sent: HashMap::new(),
            waiting: HashMap::new(),
            blocked: VecDeque::new(),
            stopping: CancellationToken::new(),
        };
        let mut shutdown: Option<Instant> = None;
        loop {
            work.go_on().await?;
            if let Some(deadline) = shutdown
                && (work.consumers.is_empty() || Instant::now() >= deadline)
            {
                return work.stop(deadline).await;
            }
            let due = work.due();
            tokio::select! {
                biased;
                Some(done) = work.consumers.join_next_with_id() => work.ended(done).await?,
                message = inbox.recv(), if shutdown.is_none() => match message? {
                    Message::PData(pdata) => work.take(pdata).await?,
                    Message::Control(NodeControlMsg::Shutdown { deadline, .. }) => {
                        if !ambient::unit_ends() {
                            return work.leave(deadline).await;
                        }
                        work.stopping.cancel();
                        // Where the way here has closed first, the engine gives it a second.
                        shutdown = ambient::draining().into_iter().chain([deadline]).max();
                    }
                    Message::Control(_) => {}
                },
                at = somebody_leaves(&work.blocked) => {
                    if let Some(blocked) = work.blocked.remove(at) {
                        work.sending.counts.refused(blocked.items);
                        let failure = blocked.context.cancelled().await.into();
                        answer(&work.engine, blocked.pdata, Err(failure)).await?;
                    }
                }
                () = sleep_until(due), if due.is_some() => work.late().await,
                () = sleep_until(shutdown), if shutdown.is_some() => {}
            }
        }
    }
}

/// The first of those that wait for room whose sender has left.
async fn somebody_leaves(blocked: &VecDeque<Blocked>) -> usize {
    let leave = blocked
        .iter()
        .map(|blocked| Box::pin(blocked.context.cancelled()));
    let mut leave: Vec<_> = leave.collect();
    std::future::poll_fn(|cx| {
        let ready = leave
            .iter_mut()
            .position(|left| left.as_mut().poll(cx).is_ready());
        ready.map_or(std::task::Poll::Pending, std::task::Poll::Ready)
    })
    .await
}

impl Work {
    /// Takes a batch from the node before this one.
    async fn take(&mut self, mut pdata: OtapPdata) -> Result<(), Error> {
        let items = pdata.num_items();
        if let Some(taken) = &self.taken {
            taken.add(items);
        }
        let component = || self.exports.id();
        let Some((pdata, batch, context)) = take_wanted(&self.engine, pdata, component).await?
        else {
            return Ok(());
        };
        let Some(limits) = &self.sending.policy.queue else {
            self.send(Of::Sender(pdata), batch, items, &context, &[]);
            return Ok(());
        };
        let offered = Blocked {
            sizes: Sizes::of(&batch, items, limits),
            pdata,
            batch,
            context,
            items,
        };
        let full = self.offer(offered).await?;
        self.blocked.extend(full);
        Ok(())
    }

    /// Puts a batch into the queue; gives it back where it is to wait for room.
    async fn offer(&mut self, blocked: Blocked) -> Result<Option<Blocked>, Error> {
        let sending = Arc::clone(&self.sending);
        let Some(limits) = &sending.policy.queue else {
            return Ok(Some(blocked));
        };
        let wait = limits.wait_for_result;
        let context = if wait {
            blocked.context.clone()
        } else {
            blocked.context.detached()
        };
        let (batch, items, sizes) = (&blocked.batch, blocked.items, blocked.sizes);
        let offered = match (&mut self.store, &sending.queue) {
            (Some(store), _) => match store.offer(batch, &context, sizes).await {
                Ok(true) => Ok(None),
                Ok(false) => Err(Full::Now),
                Err((class, error)) => {
                    self.refuse(blocked, class, &error).await?;
                    return Ok(None);
                }
            },
            (None, Some(queue)) => queue.offer(batch, &context, items, sizes),
            (None, None) => return Ok(Some(blocked)),
        };
        match offered {
            Ok(Some(number)) if wait => {
                let Blocked { pdata, items, .. } = blocked;
                self.waiting.insert(number, Waiting { pdata, items });
            }
            Ok(_) => answer(&self.engine, blocked.pdata, Ok(())).await?,
            Err(Full::Now) if limits.block_on_overflow => return Ok(Some(blocked)),
            Err(full) => {
                let why = match full {
                    Full::Now => "sending queue is full",
                    Full::Ever => "element size too large",
                };
                self.refuse(blocked, Class::Retryable, why).await?;
            }
        }
        Ok(None)
    }

    /// Says of a batch that the queue has not taken it.
    async fn refuse(&self, blocked: Blocked, class: Class, why: &str) -> Result<(), Error> {
        let (component, rejected_items) = (self.exports.id(), blocked.items);
        self.sending.counts.refused(rejected_items);
        tracing::error!(%component, error = why, rejected_items, "{REJECTING}");
        let failure = self.exports.failure(class, why);
        answer(&self.engine, blocked.pdata, Err(failure)).await
    }

    /// Does what has become possible: consumers take what is in the queue, and who waits for room
    /// gets it.
    async fn go_on(&mut self) -> Result<(), Error> {
        self.consume().await?;
        while self.unblock().await? {
            self.consume().await?;
        }
        Ok(())
    }

    /// Puts those into the queue that wait for room and find some, in their order; whether one was
    /// put. One that is too large for now, or for ever, keeps nobody from it.
    async fn unblock(&mut self) -> Result<bool, Error> {
        let mut any = false;
        for blocked in std::mem::take(&mut self.blocked) {
            if blocked.context.is_cancelled() {
                self.blocked.push_back(blocked); // told by who sees that it has left
                continue;
            }
            match self.offer(blocked).await? {
                Some(blocked) => self.blocked.push_back(blocked),
                None => any = true,
            }
        }
        Ok(any)
    }
}
