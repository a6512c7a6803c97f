//! A node by which batches enter a pipeline that are no calls of the ring's: what others send it by
//! a [way](crate::bridge).
//!
//! What is sent is taken while fewer batches are unanswered than the node may have, and is answered
//! with the whole failure: so a slow pipeline holds up whoever sends. What came with a batch goes
//! with it. One that is withdrawn is so for everybody behind it, the host included.
//!
//! A drain gives whatever runs beside the node the time to the deadline to end, then drops it; what
//! was sent is answered meanwhile, and nodes that hold data are asked to hand it on. Where nothing
//! runs any more, the nodes behind may end at half of that time, and what they hand on then is
//! answered all the same.

use crate::ambient::{self, Source};
use crate::bridge::{FromOthers, Sent, Verdict};
use crate::calls::Port;
use crate::nodes::answers::answer_of;
use crate::nodes::batches::{made_payload, own_batch};
use crate::nodes::drain::Requests;
use crate::nodes::spans::{self, Spans};
use crate::nodes::waiting::{Sending, send, sleep_until, terminal};
use crate::unit::{Sent as Counts, Taken};
use otel_arrow_dfe_engine::control::{CallData, NodeControlMsg};
use otel_arrow_dfe_engine::error::Error;
use otel_arrow_dfe_engine::local::receiver::{ControlChannel, EffectHandler};
use otel_arrow_dfe_engine::terminal_state::TerminalState;
use otel_arrow_dfe_engine::{Interests, ProducerEffectHandlerExtension};
use otel_arrow_dfe_otap::pdata::OtapPdata;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;
use strait_component::Signal;
use strait_component::telemetry::Span;
use strait_failure::{Class, Failure};
use tokio::sync::oneshot;

/// What runs beside the node, and makes the batches.
pub(super) trait Beside {
    /// Whether it has not ended.
    fn runs(&self) -> bool;
    /// Runs it to its end, which happens while the lane drains, or not; nothing more comes of it
    /// then.
    async fn end(&mut self, draining: bool);
    /// Tells it to end.
    fn stop(&mut self);
    /// Ends it now.
    fn cut(&mut self);
}

/// The batches that the node has in the engine.
pub(super) struct Entrance {
    pub(super) port: Rc<Port>,
    /// How many there may be.
    pub(super) most: usize,
    /// Each signal has a port of its own.
    pub(super) by_signal: bool,
    /// Logs may be OTLP bytes, as the component says of itself.
    pub(super) logs_as_otlp: bool,
    /// What became of what was sent.
    pub(super) counts: Option<Arc<Counts>>,
    /// What entered the first member.
    pub(super) taken: Option<Arc<Taken>>,
    /// Of the signals whose spans are not the host's to make, with the names of their two counts.
    pub(super) spans: HashMap<Signal, (Spans, [&'static str; 2])>,
    /// Who waits for them, by their numbers.
    pub(super) waiting: HashMap<u64, Waiting>,
    /// What says that more may come; `None`: what comes is of this pipeline's others.
    pub(super) source: Option<Source>,
}

/// Who waits for a batch.
pub(super) struct Waiting {
    /// What its sender knows the batch by.
    id: u64,
    /// Where its verdict goes.
    verdict: oneshot::Sender<Verdict>,
    signal: Signal,
    items: usize,
    span: Option<Span>,
}

impl Entrance {
    /// Runs the node.
    pub(super) async fn run(
        mut self,
        FromOthers {
            mut sends,
            mut left,
        }: FromOthers,
        mut beside: impl Beside,
        mut control: ControlChannel<OtapPdata>,
        effect_handler: EffectHandler<OtapPdata>,
    ) -> Result<TerminalState, Error> {
        let mut sending: Option<Sending<'_>> = None;
        let mut drain: Option<Instant> = None;
        let mut requests: Option<Requests> = None;
        effect_handler.signal_ready();
        loop {
            let comes = beside.runs() || sending.is_some() || !sends.is_empty();
            let until = drain.map(|deadline| patience(deadline, requests.as_ref(), comes));
            if let Some(until) = until {
                let under_way = comes || !self.waiting.is_empty() || asks(requests.as_ref());
                if !under_way || Instant::now() >= until {
                    break;
                }
            }
            let request = requests.as_ref().map(|requests| requests.request);
            tokio::select! {
                biased;
                message = control.recv() => match message {
                    Ok(NodeControlMsg::DrainIngress { deadline, .. }) => {
                        beside.stop();
                        ambient::drain_until(deadline);
                        requests = Some(Requests::until(deadline));
                        drain = Some(deadline);
                    }
                    // The engine's pipelines send it once the deadline of a drain has passed.
                    Ok(NodeControlMsg::Shutdown { deadline, .. }) => drain = Some(deadline),
                    Ok(message) => self.settle(message),
                    Err(error) => return Err(Error::ChannelRecvError(error)),
                },
                sent = async { sending.as_mut().expect("guarded").await }, if sending.is_some() => {
                    sending = None;
                    sent?;
                }
                Some(id) = left.recv() => self.withdraw(id),
                Some(sent) = sends.recv(), if sending.is_none() && self.may_send() => {
                    if let Some((port, pdata)) = self.enter(&effect_handler, sent) {
                        sending = send(&effect_handler, port, pdata)?;
                    }
                }
                () = beside.end(drain.is_some()), if beside.runs() => {}
                () = sleep_until(request), if request.is_some() => {
                    if let Some(requests) = &mut requests {
                        // One that waits for an answer has a batch that somebody may hold.
                        requests.request(!beside.runs() && self.waiting.is_empty());
                    }
                }
                () = sleep_until(until), if until.is_some() => {}
            }
        }
        beside.cut();
        while let Ok(id) = left.try_recv() {
            self.withdraw(id);
        }
        drop(sending);
        drop(self.source.take());
        effect_handler.notify_receiver_drained().await?;
        self.outlives(control);
        Ok(terminal(drain.unwrap_or_else(Instant::now)))
    }

    /// Hands on what is answered when the node has returned, for only then those behind it end, as
    /// at the ingress.
    fn outlives(mut self, mut control: ControlChannel<OtapPdata>) {
        tokio::task::spawn_local(async move {
            while let Ok(message) = control.recv().await {
                self.settle(message);
            }
        });
    }

    /// Whether it may have one more batch.
    fn may_send(&self) -> bool {
        self.waiting.len() < self.most
    }

    /// Makes a batch the engine's, with the port by which it leaves. `None`: it was answered, or
    /// nobody waits for it any more.
    fn enter(
        &mut self,
        engine: &EffectHandler<OtapPdata>,
        Sent { id, batch, verdict }: Sent,
    ) -> Option<(Option<&'static str>, OtapPdata)> {
        if verdict.is_closed() {
            return None;
        }
        let (signal, came_with) = (batch.signal(), batch.context().clone());
        let mut payload = match made_payload(batch, self.logs_as_otlp) {
            Ok(payload) if payload.is_empty() => {
                let _ = verdict.send(Ok(()));
                return None;
            }
            Ok(payload) => payload,
            Err(message) => {
                let _ = verdict.send(Err(Failure::new(Class::Permanent, message).into()));
                return None;
            }
        };
        let (span, came_with) = match self.spans.get_mut(&signal) {
            Some((spans, _)) => spans.begin(came_with, &[]),
            None => (None, came_with),
        };
        let items = payload.num_items();
        if let Some(taken) = &self.taken {
            taken.add(items);
        }
        let waiting = Waiting {
            id,
            verdict,
            signal,
            items,
            span,
        };
        let pdata = own_batch(&self.port, came_with, payload, |number, pdata| {
            let calldata: CallData = [number.into()].into_iter().collect();
            engine.subscribe_to(Interests::ACKS_OR_NACKS, calldata, pdata);
            self.waiting.insert(number, waiting);
        });
        Some((self.by_signal.then_some(signal.name()), pdata))
    }

    /// Nobody waits for a batch any more. Its answer still comes, and counts for how many there may
    /// be.
    fn withdraw(&self, id: u64) {
        let mut waiting = self.waiting.iter();
        if let Some((number, _)) = waiting.find(|(_, waiting)| waiting.id == id) {
            self.port.withdraw(*number);
        }
    }

    /// Hands an answer on to who waits for it.
    fn settle(&mut self, message: NodeControlMsg<OtapPdata>) {
        let Some((number, result)) = answer_of(message) else {
            return;
        };
        self.port.contexts.forget(number);
        if let Some(waiting) = self.waiting.remove(&number) {
            let verdict = self.ended(waiting, result.as_ref().err());
            // Who sent it may not wait any more.
            let _ = verdict.send(result.map_err(Into::into));
        }
    }

    /// Counts what became of a batch; gives back where its verdict goes.
    fn ended(&self, waiting: Waiting, why_not: Option<&Failure>) -> oneshot::Sender<Verdict> {
        if let Some(counts) = &self.counts {
            counts.add(waiting.signal, waiting.items, why_not.is_none());
        }
        if let Some((_, counted)) = self.spans.get(&waiting.signal) {
            spans::end(waiting.span, *counted, waiting.items, why_not);
        }
        waiting.verdict
    }
}

impl Drop for Entrance {
    /// Nobody answers any more for what is left.
    fn drop(&mut self) {
        let stopped = Failure::new(Class::Unavailable, "the unit has stopped");
        for waiting in std::mem::take(&mut self.waiting).into_values() {
            drop(self.ended(waiting, Some(&stopped)));
        }
    }
}

/// How long a drain waits for answers where something still comes, or nothing does.
fn patience(deadline: Instant, requests: Option<&Requests>, comes: bool) -> Instant {
    requests
        .filter(|_| !comes)
        .map_or(deadline, |requests| requests.patience)
}

/// Whether nodes that hold data are still to be asked for it.
fn asks(requests: Option<&Requests>) -> bool {
    requests.is_some_and(|requests| !requests.is_done())
}
