//! Runs an exporter of the SDK behind a queue, retries and a timeout of our own, where it is in a
//! part with others; what they are is said in [`crate::sending`].
//!
//! A batch that a queue takes is answered at once, and stays in the queue until it is done; where
//! senders wait, the answer is the verdict. Consumers are tasks on the lane's thread, each with one
//! batch, from its first attempt to its last. An attempt that takes too long is dropped, after its
//! context has said so.
//!
//! At the end of the unit no batch is tried again: those that wait for their next attempt are given
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
use crate::sending::{Full, Item, Sending};
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
use strait_component::{Batch, Context, Settings};
use strait_failure::Class;
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

/// What a consumer has in hand.
struct Sent {
    /// In the queue; `None`: there is none.
    number: Option<u64>,
    items: usize,
    /// Who waits for it.
    pdata: Option<OtapPdata>,
    span: Option<Span>,
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
    /// Those in the queue whose senders wait, by their numbers.
    waiting: HashMap<u64, OtapPdata>,
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
            work.consume();
            if let Some(deadline) = shutdown
                && (work.consumers.is_empty() || Instant::now() >= deadline)
            {
                return work.stop(deadline).await;
            }
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
            self.send(None, Some(pdata), batch, context, items);
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
                self.waiting.insert(number, blocked.pdata);
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

    /// Has consumers take what is in the queue.
    fn consume(&mut self) {
        let sending = Arc::clone(&self.sending);
        let (Some(queue), Some(limits)) = (&sending.queue, &sending.policy.queue) else {
            return;
        };
        while self.consumers.len() < limits.consumers
            && let Some(item) = queue.next()
        {
            let Item {
                number,
                batch,
                context,
                items,
            } = item;
            let pdata = self.waiting.remove(&number);
            self.send(Some(number), pdata, batch, context, items);
        }
    }

    /// Begins to send a batch.
    fn send(
        &mut self,
        number: Option<u64>,
        pdata: Option<OtapPdata>,
        batch: Batch,
        context: Context,
        items: usize,
    ) {
        self.sending.counts.begin();
        let (exports, sending) = (self.exports.clone(), Arc::clone(&self.sending));
        let stopping = self.stopping.clone();
        let (span, context) = self.spans.begin(context);
        let consumer = self.consumers.spawn_local(async move {
            attempts(&exports, &sending, &stopping, &batch, &context).await
        });
        self.sent.insert(
            consumer.id(),
            Sent {
                number,
                items,
                pdata,
                span,
            },
        );
    }

    /// A consumer is done with its batch.
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
        if let Err(failure) = &result {
            let component = self.exports.id();
            if sent.pdata.is_none() {
                let dropped_items = sent.items;
                tracing::error!(%component, error = %failure, dropped_items, "{DROPPING}");
            } else {
                let rejected_items = sent.items;
                tracing::error!(%component, error = %failure, rejected_items, "{REJECTING}");
            }
        }
        if let (Some(queue), Some(number)) = (&self.sending.queue, sent.number) {
            queue.done(number);
        }
        let Some(pdata) = sent.pdata else {
            return Ok(());
        };
        if result.is_err() && sent.number.is_some() {
            // As the helper counts: the queue has given its sender an error.
            self.sending.counts.refused(sent.items);
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
        let mut owed: Vec<_> = std::mem::take(&mut self.waiting).into_values().collect();
        for sent in std::mem::take(&mut self.sent).into_values() {
            spans::end(sent.span, COUNTED, sent.items, Some(&gone));
            if let Some(pdata) = sent.pdata {
                counts.end(sent.items, Err(&gone), false);
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
        let mut owed = Vec::new();
        let counts = &self.sending.counts;
        for (_, sent) in std::mem::take(&mut self.sent) {
            counts.end(sent.items, Err(&late), true);
            if let (Some(queue), Some(number)) = (&self.sending.queue, sent.number) {
                queue.done(number);
            }
            spans::end(sent.span, COUNTED, sent.items, Some(&late));
            given_up += sent.items;
            owed.extend(
                sent.pdata
                    .map(|pdata| (pdata, sent.items, sent.number.is_some())),
            );
        }
        while let Some(item) = self.sending.queue.as_ref().and_then(|queue| queue.next()) {
            counts.begin();
            counts.end(item.items, Err(&late), true);
            if let Some(queue) = &self.sending.queue {
                queue.done(item.number);
            }
            given_up += item.items;
            let waits = self.waiting.remove(&item.number);
            owed.extend(waits.map(|pdata| (pdata, item.items, true)));
        }
        for blocked in std::mem::take(&mut self.blocked) {
            owed.push((blocked.pdata, blocked.items, true));
        }
        for (pdata, items, of_queue) in owed {
            if of_queue {
                counts.refused(items);
            }
            answer(&self.engine, pdata, Err(late.clone())).await?;
        }
        if given_up > 0 {
            let component = self.exports.id();
            tracing::error!(%component, items = given_up, "{}", late.message);
        }
        self.exports.shutdown(deadline).await;
        Ok(terminal(deadline))
    }
}
