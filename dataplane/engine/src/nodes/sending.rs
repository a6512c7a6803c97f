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
//! and logged.

use crate::ambient;
use crate::nodes::answers::answer;
use crate::nodes::attempts::{Outcome, attempts};
use crate::nodes::batches::take_wanted;
use crate::nodes::exporter::Destination;
use crate::nodes::exports::Exports;
use crate::nodes::spans::{self, Spans};
use crate::nodes::waiting::{sleep_until, terminal};
use crate::sending::{Added, Batcher, Full, Limits, Ready, Sending};
use crate::unit::Taken;
use async_trait::async_trait;
use otel_arrow_dfe_engine::control::NodeControlMsg;
use otel_arrow_dfe_engine::error::Error;
use otel_arrow_dfe_engine::local::exporter::{EffectHandler, Exporter};
use otel_arrow_dfe_engine::message::{ExporterInbox, Message};
use otel_arrow_dfe_engine::terminal_state::TerminalState;
use otel_arrow_dfe_otap::pdata::OtapPdata;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;
use strait_component::opentelemetry::KeyValue;
use strait_component::telemetry::Span;
use strait_component::{Batch, Context, Settings, SpanContext};
use strait_failure::{Class, Failure};
use tokio::task::{Id, JoinError, JoinSet};
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
        let mut work = Work {
            spans: spans_of(&self.exports.settings()),
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
            work.consume().await?;
            if let Some(deadline) = shutdown
                && (work.consumers.is_empty() || Instant::now() >= deadline)
            {
                return work.stop(deadline).await;
            }
            let due = work.due();
            tokio::select! {
                biased;
                Some(done) = work.consumers.join_next_with_id() => {
                    work.ended(done).await?;
                    work.unblock().await?;
                }
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
                        work.unblock().await?;
                    }
                }
                () = sleep_until(due), if due.is_some() => work.late(),
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
        if self.sending.queue.is_none() {
            self.send(Of::Sender(pdata), batch, items, &context, &[]);
            return Ok(());
        }
        let offered = Blocked {
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
        let (Some(queue), Some(limits)) = (&self.sending.queue, &self.sending.policy.queue) else {
            return Ok(Some(blocked));
        };
        let wait = limits.wait_for_result;
        let context = if wait {
            blocked.context.clone()
        } else {
            blocked.context.detached()
        };
        let verdict = match queue.offer(&blocked.batch, &context, blocked.items) {
            Ok(Some(number)) if wait => {
                let Blocked { pdata, items, .. } = blocked;
                self.waiting.insert(number, Waiting { pdata, items });
                return Ok(None);
            }
            Ok(_) => Ok(()),
            Err(Full::Now) if limits.block_on_overflow => {
                return Ok(Some(blocked));
            }
            Err(full) => {
                self.sending.counts.refused(blocked.items);
                let message = match full {
                    Full::Now => "sending queue is full",
                    Full::Ever => "element size too large",
                };
                let (component, rejected_items) = (self.exports.id(), blocked.items);
                tracing::error!(%component, error = message, rejected_items, "{REJECTING}");
                Err(self.exports.failure(Class::Retryable, message))
            }
        };
        answer(&self.engine, blocked.pdata, verdict).await?;
        Ok(None)
    }

    /// Puts those into the queue that wait for room, in their order, as far as there is some.
    async fn unblock(&mut self) -> Result<(), Error> {
        while let Some(first) = self.blocked.pop_front() {
            if first.context.is_cancelled() {
                self.blocked.push_front(first); // told by who sees that it has left
                return Ok(());
            }
            if let Some(first) = self.offer(first).await? {
                self.blocked.push_front(first);
                return Ok(());
            }
        }
        Ok(())
    }

    /// Has consumers take what is in the queue. While what was merged waits for a consumer, nothing
    /// more is merged.
    async fn consume(&mut self) -> Result<(), Error> {
        let sending = Arc::clone(&self.sending);
        let (Some(queue), Some(limits)) = (&sending.queue, &sending.policy.queue) else {
            return Ok(());
        };
        loop {
            while self.consumers.len() < limits.consumers
                && let Some(ready) = self.ready.pop_front()
            {
                self.begin(ready).await?;
            }
            let waiting = match &self.batcher {
                None => self.consumers.len() + self.ready.len(),
                Some(batcher) if batcher.is_partitioned() => self.ready.len(),
                Some(_) => self.ready.len() + limits.consumers - 1,
            };
            if waiting >= limits.consumers {
                return Ok(());
            }
            let Some(item) = queue.next() else {
                let rest = self
                    .batcher
                    .as_mut()
                    .filter(|_| self.stopping.is_cancelled());
                self.ready
                    .extend(rest.map(Batcher::rest).unwrap_or_default());
                if self.ready.is_empty() {
                    return Ok(());
                }
                continue;
            };
            let Some(batcher) = &mut self.batcher else {
                self.ready.push_back(Ready::of(item, Instant::now()));
                continue;
            };
            let Added { ready, ended, lost } = batcher.add(&item, Instant::now());
            self.ready.extend(ready);
            if let Some(error) = lost {
                let component = self.exports.id();
                tracing::warn!(%component, error, "Failed to split request.");
            }
            if let Some(failure) = ended {
                self.settle(item.number, Err(failure)).await?;
            }
        }
    }

    /// When a load is to be sent that has not become large enough.
    fn due(&self) -> Option<Instant> {
        self.batcher.as_ref()?.due()
    }

    fn late(&mut self) {
        let late = self
            .batcher
            .as_mut()
            .map(|batcher| batcher.late(Instant::now()));
        self.ready.extend(late.unwrap_or_default());
    }

    /// Begins to send a load.
    async fn begin(&mut self, ready: Ready) -> Result<(), Error> {
        let items = ready.items();
        let Ready {
            load,
            context,
            links,
            of,
            ..
        } = ready;
        match load.into_batch() {
            Ok(batch) => self.send(Of::Queued(of), batch, items, &context, &links),
            Err(error) => {
                let failure = self.exports.failure(Class::Internal, &error.to_string());
                self.sending.counts.begin();
                self.sending.counts.end(items, Err(&failure), false);
                self.over(of, items, Err(failure)).await?;
            }
        }
        Ok(())
    }

    /// Begins to send a batch.
    fn send(
        &mut self,
        of: Of,
        batch: Batch,
        items: usize,
        context: &Context,
        links: &[SpanContext],
    ) {
        self.sending.counts.begin();
        let (exports, sending) = (self.exports.clone(), Arc::clone(&self.sending));
        let stopping = self.stopping.clone();
        let (span, context) = self.spans.begin(context.clone(), links);
        let consumer = self.consumers.spawn_local(async move {
            attempts(&exports, &sending, &stopping, &batch, &context).await
        });
        self.sent.insert(consumer.id(), Sent { of, items, span });
    }

    /// A consumer is done with its load.
    async fn ended(&mut self, done: Result<(Id, Outcome), JoinError>) -> Result<(), Error> {
        let (id, outcome) = match done {
            Ok(done) => done,
            Err(error) => {
                let result = Err(self.exports.fell(&error));
                (
                    error.id(),
                    Outcome {
                        result,
                        interrupted: false,
                    },
                )
            }
        };
        let Some(sent) = self.sent.remove(&id) else {
            return Ok(());
        };
        let Outcome {
            result,
            interrupted,
        } = outcome;
        self.sending
            .counts
            .end(sent.items, result.as_ref().copied(), interrupted);
        spans::end(sent.span, COUNTED, sent.items, result.as_ref().err());
        match sent.of {
            Of::Queued(of) => self.over(of, sent.items, result).await,
            Of::Sender(pdata) => self.tell(pdata, sent.items, result).await,
        }
    }

    /// A load of batches in the queue was sent or given up.
    async fn over(
        &mut self,
        of: Vec<u64>,
        items: usize,
        result: Result<(), Failure>,
    ) -> Result<(), Error> {
        if let Err(failure) = &result {
            let component = self.exports.id();
            tracing::error!(%component, error = %failure, dropped_items = items, "{DROPPING}");
        }
        self.share(of, &result).await
    }

    /// Says to the batches of a load what became of it.
    async fn share(&mut self, of: Vec<u64>, result: &Result<(), Failure>) -> Result<(), Error> {
        for number in of {
            let whole = match &mut self.batcher {
                Some(batcher) => batcher.done(number, result.clone()),
                None => Some(result.clone()),
            };
            if let Some(whole) = whole {
                self.settle(number, whole).await?;
            }
        }
        Ok(())
    }

    /// A batch of the queue has its end.
    async fn settle(&mut self, number: u64, result: Result<(), Failure>) -> Result<(), Error> {
        if let Some(queue) = &self.sending.queue {
            queue.done(number);
        }
        let Some(Waiting { pdata, items }) = self.waiting.remove(&number) else {
            return Ok(());
        };
        if result.is_err() {
            // As the helper counts: the queue has given its sender an error.
            self.sending.counts.refused(items);
        }
        self.tell(pdata, items, result).await
    }

    /// Tells who waits.
    async fn tell(
        &self,
        pdata: OtapPdata,
        rejected_items: usize,
        result: Result<(), Failure>,
    ) -> Result<(), Error> {
        if let Err(failure) = &result {
            let component = self.exports.id();
            tracing::error!(%component, error = %failure, rejected_items, "{REJECTING}");
        }
        answer(&self.engine, pdata, result).await
    }

    /// Ends the node, and not the unit: what is in the queue is left to the node of the next lane;
    /// who waits for a batch has it back.
    async fn leave(mut self, deadline: Instant) -> Result<TerminalState, Error> {
        self.consumers.abort_all();
        while self.consumers.join_next_with_id().await.is_some() {}
        let gone = self
            .exports
            .failure(Class::Unavailable, "the lane has ended");
        let counts = &self.sending.counts;
        let waits = |limits: &Limits| limits.wait_for_result;
        let waits = self.sending.policy.queue.as_ref().is_none_or(waits);
        let waiting = std::mem::take(&mut self.waiting).into_values();
        let mut owed: Vec<_> = waiting.map(|waiting| waiting.pdata).collect();
        for sent in std::mem::take(&mut self.sent).into_values() {
            spans::end(sent.span, COUNTED, sent.items, Some(&gone));
            if waits {
                counts.end(sent.items, Err(&gone), false);
            }
            if let Of::Sender(pdata) = sent.of {
                owed.push(pdata);
            }
        }
        for blocked in std::mem::take(&mut self.blocked) {
            counts.refused(blocked.items);
            owed.push(blocked.pdata);
        }
        for pdata in owed {
            answer(&self.engine, pdata, Err(gone.clone())).await?;
        }
        self.sending.at_rest();
        self.exports.shutdown(deadline).await;
        Ok(terminal(deadline))
    }

    /// Ends the node: what is still under way, or in the queue, is given up.
    async fn stop(mut self, deadline: Instant) -> Result<TerminalState, Error> {
        self.consumers.abort_all();
        while let Some(done) = self.consumers.join_next_with_id().await {
            // What was done has its own answer; what was dropped has none.
            if !done.as_ref().is_err_and(JoinError::is_cancelled) {
                self.ended(done).await?;
            }
        }
        let late = self.exports.failure(
            Class::Unavailable,
            "the exporter was not done with it when the unit stopped",
        );
        let mut given_up = 0;
        for (_, sent) in std::mem::take(&mut self.sent) {
            self.sending.counts.end(sent.items, Err(&late), true);
            spans::end(sent.span, COUNTED, sent.items, Some(&late));
            given_up += sent.items;
            match sent.of {
                Of::Sender(pdata) => answer(&self.engine, pdata, Err(late.clone())).await?,
                Of::Queued(of) => self.share(of, &Err(late.clone())).await?,
            }
        }
        let rest = self.batcher.as_mut().map(Batcher::rest).unwrap_or_default();
        for ready in std::mem::take(&mut self.ready).into_iter().chain(rest) {
            given_up += self.give_up(ready.items(), &late);
            self.share(ready.of, &Err(late.clone())).await?;
        }
        while let Some(item) = self.sending.queue.as_ref().and_then(|queue| queue.next()) {
            given_up += self.give_up(item.items, &late);
            self.settle(item.number, Err(late.clone())).await?;
        }
        for blocked in std::mem::take(&mut self.blocked) {
            self.sending.counts.refused(blocked.items);
            answer(&self.engine, blocked.pdata, Err(late.clone())).await?;
        }
        if given_up > 0 {
            let component = self.exports.id();
            tracing::error!(%component, items = given_up, "{}", late.message);
        }
        self.exports.shutdown(deadline).await;
        Ok(terminal(deadline))
    }

    /// Counts what is not sent any more.
    fn give_up(&self, items: usize, why: &Failure) -> usize {
        self.sending.counts.begin();
        self.sending.counts.end(items, Err(why), true);
        items
    }
}
