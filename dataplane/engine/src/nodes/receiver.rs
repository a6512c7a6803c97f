//! Runs a receiver of the SDK as an engine node: its `run` beside the engine's messages.
//!
//! What it sends comes over a channel with room for one, is taken while fewer batches are
//! unanswered than the host gives credit for, and is answered with the whole failure: so credit is
//! the bound, and a slow pipeline holds the receiver up. What came with a batch crosses with it. A
//! `send` that is dropped withdraws its batch: the host is told that nobody waits.
//!
//! Where members follow, what it sends leaves by a port for each signal that is wanted of it, if
//! there are several. What became of that is counted as it is told.
//!
//! A drain tells the receiver to stop, gives it the time to the deadline to return, then drops it;
//! what it has sent is answered meanwhile, and nodes that hold data are asked to hand it on. One
//! that returns before it was told to, fails or panics is reported once, for good: the node waits
//! for the drain without it.

use crate::ambient;
use crate::calls::{LaneStatus, Port};
use crate::components;
use crate::nodes::answers::answer_of;
use crate::nodes::batches::{own_batch, to_payload};
use crate::nodes::drain::Requests;
use crate::nodes::made::{self, Made};
use crate::nodes::spans::{self, Spans};
use crate::nodes::waiting::{Sending, send, sleep_until, terminal};
use crate::unit::Sent as Counts;
use async_trait::async_trait;
use otel_arrow_dfe_engine::control::{CallData, NodeControlMsg};
use otel_arrow_dfe_engine::error::Error;
use otel_arrow_dfe_engine::local::receiver::{ControlChannel, EffectHandler, Receiver};
use otel_arrow_dfe_engine::receiver::ReceiverWrapper;
use otel_arrow_dfe_engine::terminal_state::TerminalState;
use otel_arrow_dfe_engine::wiring_contract::WiringContract;
use otel_arrow_dfe_engine::{Interests, ProducerEffectHandlerExtension, ReceiverFactory};
use otel_arrow_dfe_otap::pdata::OtapPdata;
use otel_arrow_dfe_pdata_codec::OtapPayload;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use strait_component::opentelemetry::KeyValue;
use strait_component::telemetry::Span;
use strait_component::{Batch, BoxFuture, Downstream, DynReceiver, Host, Settings, Signal, Status};
use strait_failure::{Class, Failure, contain, contained};
use tokio::sync::{mpsc, oneshot};

pub(crate) const FACTORY: ReceiverFactory<OtapPdata> = ReceiverFactory {
    name: components::RECEIVER,
    create: |context, node, node_config, config, _capabilities| {
        let made = Made::new(
            &node_config.config,
            context.core_id(),
            |factory, config, settings| Some(factory.receiver()?.create(config, settings)),
        )?;
        let port = ambient::port_for("a receiver")?;
        let receiver = Component { made, port };
        Ok(ReceiverWrapper::local(receiver, node, node_config, config))
    },
    context_declarations: None,
    wiring_contract: WiringContract::UNRESTRICTED,
    validate_config: made::validate,
};

struct Component {
    made: Made<Box<dyn DynReceiver>>,
    port: Rc<Port>,
}

type Verdict = Result<(), strait_component::Error>;

/// A batch that the receiver sends, and where its verdict goes.
struct Sent {
    id: u64,
    batch: Batch,
    verdict: oneshot::Sender<Verdict>,
}

/// The way from the receiver, on whichever thread it sends, to its node.
struct ToNode {
    sends: mpsc::Sender<Sent>,
    left: mpsc::UnboundedSender<u64>,
    next: AtomicU64,
}

/// Tells the node that the receiver does not wait any more, when it goes before the verdict came.
struct Waits {
    id: u64,
    left: Option<mpsc::UnboundedSender<u64>>,
}

impl Drop for Waits {
    fn drop(&mut self) {
        if let Some(left) = self.left.take() {
            // The node may have gone.
            let _ = left.send(self.id);
        }
    }
}

impl ToNode {
    /// The two ways end at the node: what is sent, and by its id what nobody waits for any more.
    fn new() -> (Self, mpsc::Receiver<Sent>, mpsc::UnboundedReceiver<u64>) {
        let (sends, to_send) = mpsc::channel(1);
        let (left, has_left) = mpsc::unbounded_channel();
        let next = AtomicU64::new(0);
        (Self { sends, left, next }, to_send, has_left)
    }
}

impl Downstream for ToNode {
    fn send(&self, batch: Batch) -> BoxFuture<Verdict> {
        // Relaxed: only uniqueness counts.
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sends, left) = (self.sends.clone(), self.left.clone());
        Box::pin(async move {
            let (verdict, answered) = oneshot::channel();
            let sent = sends.send(Sent { id, batch, verdict }).await;
            sent.map_err(|_| unavailable("the unit has stopped"))?;
            let left = Some(left);
            let mut waits = Waits { id, left };
            let verdict = answered.await;
            waits.left = None;
            verdict.map_err(|_| unavailable("the unit has stopped"))?
        })
    }
}

fn unavailable(message: &str) -> strait_component::Error {
    Failure::new(Class::Unavailable, message).into()
}

/// The batches that the node has in the engine.
struct Work {
    port: Rc<Port>,
    /// Who waits for them, by their numbers.
    waiting: HashMap<u64, Waiting>,
    /// Each signal has a port of its own.
    by_signal: bool,
    /// Logs may be OTLP bytes, as the component says of itself.
    logs_as_otlp: bool,
    counts: Option<Arc<Counts>>,
    /// Of the signals that members behind it take: of the others the host makes them.
    spans: HashMap<Signal, Spans>,
}

/// As the receiver helper has them.
fn spans_of(settings: &Settings, signal: Signal) -> Spans {
    const HELPER: &str = "go.opentelemetry.io/collector/receiver/receiverhelper";
    let what = match signal {
        Signal::Logs => "LogsReceived",
        Signal::Traces => "TraceDataReceived",
        Signal::Metrics => "MetricsReceived",
    };
    let id = &settings.component;
    let of_type = id
        .split_once('/')
        .map_or(id.as_str(), |(of_type, _)| of_type);
    let format = KeyValue::new("format", of_type.to_owned());
    Spans::new(
        settings,
        HELPER,
        format!("receiver/{id}/{what}"),
        vec![format],
    )
}

/// What the receiver helper calls items that were accepted, and refused.
fn counted(signal: Signal) -> [&'static str; 2] {
    match signal {
        Signal::Logs => ["accepted_log_records", "refused_log_records"],
        Signal::Traces => ["accepted_spans", "refused_spans"],
        Signal::Metrics => ["accepted_metric_points", "refused_metric_points"],
    }
}

/// Who waits for a batch.
struct Waiting {
    /// What the receiver knows the batch by.
    id: u64,
    /// Where its verdict goes.
    verdict: oneshot::Sender<Verdict>,
    signal: Signal,
    items: usize,
    span: Option<Span>,
}

#[async_trait(?Send)]
impl Receiver<OtapPdata> for Component {
    async fn start(
        self: Box<Self>,
        mut control: ControlChannel<OtapPdata>,
        effect_handler: EffectHandler<OtapPdata>,
    ) -> Result<TerminalState, Error> {
        let Self { mut made, port } = *self;
        let (to_node, mut sends, mut left) = ToNode::new();
        let (host, stop) = Host::new(made.settings().clone(), Arc::new(to_node));
        let mut run = Some(Box::pin(contained(run(made.take(), host))));
        let by_signal = effect_handler.connected_ports().len() > 1;
        let mut work = Work::new(port, &made, by_signal);
        let mut sending: Option<Sending<'_>> = None;
        let mut drain: Option<Instant> = None;
        let mut requests: Option<Requests> = None;
        effect_handler.signal_ready();
        while drain.is_none_or(|deadline| {
            let under_way = run.is_some() || sending.is_some() || !work.waiting.is_empty();
            (under_way || asks(requests.as_ref())) && Instant::now() < deadline
        }) {
            let request = requests.as_ref().map(|requests| requests.request);
            tokio::select! {
                biased;
                message = control.recv() => match message {
                    Ok(NodeControlMsg::DrainIngress { deadline, .. }) => {
                        stop.stop();
                        ambient::drain_until(deadline);
                        requests = Some(Requests::until(deadline));
                        drain = Some(deadline);
                    }
                    Ok(NodeControlMsg::Shutdown { deadline, .. }) => drain = Some(deadline),
                    Ok(message) => work.settle(message),
                    Err(error) => return Err(Error::ChannelRecvError(error)),
                },
                sent = async { sending.as_mut().expect("guarded").await }, if sending.is_some() => {
                    sending = None;
                    sent?;
                }
                Some(id) = left.recv() => work.withdraw(id),
                Some(sent) = sends.recv(), if sending.is_none() && work.may_send() => {
                    if let Some((port, pdata)) = work.enter(&effect_handler, sent) {
                        sending = send(&effect_handler, port, pdata)?;
                    }
                }
                outcome = async { run.as_mut().expect("guarded").await }, if run.is_some() => {
                    run = None;
                    report(&made, &work.port, drain.is_some(), outcome);
                }
                () = sleep_until(request), if request.is_some() => {
                    if let Some(requests) = &mut requests {
                        // One that waits for an answer has a batch that somebody may hold.
                        requests.request(run.is_none() && work.waiting.is_empty());
                    }
                }
                () = sleep_until(drain), if drain.is_some() => {}
            }
        }
        if let Err(panic) = contain(|| drop(run)) {
            let _ = made.complaint("run, as it was dropped", Err(panic));
        }
        while let Ok(id) = left.try_recv() {
            work.withdraw(id);
        }
        drop(sending);
        effect_handler.notify_receiver_drained().await?;
        work.outlives(control);
        Ok(terminal(drain.unwrap_or_else(Instant::now)))
    }
}

/// Whether nodes that hold data are still to be asked for it.
fn asks(requests: Option<&Requests>) -> bool {
    requests.is_some_and(|requests| !requests.is_done())
}

/// A future of its own, for the call itself may panic too.
async fn run(instance: Option<Box<dyn DynReceiver>>, host: Host) -> Verdict {
    match instance {
        Some(mut instance) => instance.run(host).await,
        None => Ok(()),
    }
}

/// Tells the host that nothing more will come, where nobody has asked for that.
fn report(
    made: &Made<Box<dyn DynReceiver>>,
    port: &Port,
    stopping: bool,
    outcome: Result<Verdict, String>,
) {
    let complaint = made.complaint("run", outcome);
    if stopping {
        return;
    }
    let ended = complaint.unwrap_or_else(|| {
        let component = made.id();
        tracing::warn!(%component, "a receiver has ended by itself");
        "it has ended by itself, and receives nothing any more".to_owned()
    });
    let message = format!("{}: {ended}", made.id());
    if made.behind().is_empty() {
        port.upcalls().status(LaneStatus::Permanent, &message);
    } else {
        // Others of the part are well.
        made.settings().collector.report(Status::Permanent(message));
    }
}

impl Drop for Work {
    /// Nobody answers any more for what is left.
    fn drop(&mut self) {
        for waiting in std::mem::take(&mut self.waiting).into_values() {
            if let Some(counts) = &self.counts {
                counts.add(waiting.signal, waiting.items, false);
            }
            let failure = Failure::new(Class::Unavailable, "the unit has stopped");
            let counted = counted(waiting.signal);
            spans::end(waiting.span, counted, waiting.items, Some(&failure));
        }
    }
}

impl Work {
    fn new(port: Rc<Port>, made: &Made<Box<dyn DynReceiver>>, by_signal: bool) -> Self {
        let spans = made.behind().iter();
        Self {
            port,
            waiting: HashMap::new(),
            by_signal,
            logs_as_otlp: made.factory().describe().logs_as_otlp,
            counts: ambient::sent(),
            spans: spans
                .map(|signal| (*signal, spans_of(made.settings(), *signal)))
                .collect(),
        }
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

    /// Whether the host takes one more batch.
    fn may_send(&self) -> bool {
        self.waiting.len() < self.port.settings.limits.credit
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
        let mut payload = match self.payload(batch) {
            Ok(payload) if payload.is_empty() => {
                let _ = verdict.send(Ok(()));
                return None;
            }
            Ok(payload) => payload,
            Err(failure) => {
                let _ = verdict.send(Err(failure.into()));
                return None;
            }
        };
        let (span, came_with) = match self.spans.get_mut(&signal) {
            Some(spans) => spans.begin(came_with),
            None => (None, came_with),
        };
        let waiting = Waiting {
            id,
            verdict,
            signal,
            items: payload.num_items(),
            span,
        };
        let pdata = own_batch(&self.port, came_with, payload, |number, pdata| {
            let calldata: CallData = [number.into()].into_iter().collect();
            engine.subscribe_to(Interests::ACKS_OR_NACKS, calldata, pdata);
            self.waiting.insert(number, waiting);
        });
        Some((self.by_signal.then_some(signal.name()), pdata))
    }

    /// A batch as the engine has it.
    fn payload(&self, batch: Batch) -> Result<OtapPayload, Failure> {
        if batch.signal() == Signal::Logs && batch.otlp().is_some() && !self.logs_as_otlp {
            let message = "logs were sent as OTLP bytes, and `describe()` does not say \
                           `logs_as_otlp()`: this is a bug in the component";
            return Err(Failure::new(Class::Permanent, message));
        }
        to_payload(batch).map_err(|message| Failure::new(Class::Permanent, message))
    }

    /// The receiver does not wait for a batch any more. Its answer still comes, and counts for the
    /// credit.
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
            if let Some(counts) = &self.counts {
                counts.add(waiting.signal, waiting.items, result.is_ok());
            }
            let counted = counted(waiting.signal);
            spans::end(waiting.span, counted, waiting.items, result.as_ref().err());
            // The receiver may not wait any more.
            let _ = waiting.verdict.send(result.map_err(Into::into));
        }
    }
}
