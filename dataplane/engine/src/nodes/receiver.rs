//! Runs a receiver of the SDK as an engine node: its `run` beside the [entrance](super::entrance)
//! by which what it sends enters the engine.
//!
//! As many of its batches are unanswered as the host gives credit for. Where members follow, what
//! it sends leaves by a port for each signal that is wanted of it, if there are several; what
//! became of that is counted as it is told.
//!
//! A drain tells the receiver to stop, and waits for it to return. One that returns before it was
//! told to, fails or panics is reported once, for good: the node waits for the drain without it.

use crate::ambient;
use crate::bridge::{ToNode, Verdict};
use crate::calls::{LaneStatus, Port};
use crate::components;
use crate::nodes::entrance::{Beside, Entrance};
use crate::nodes::made::{self, Made};
use crate::nodes::spans::Spans;
use async_trait::async_trait;
use otel_arrow_dfe_engine::ReceiverFactory;
use otel_arrow_dfe_engine::error::Error;
use otel_arrow_dfe_engine::local::receiver::{ControlChannel, EffectHandler, Receiver};
use otel_arrow_dfe_engine::receiver::ReceiverWrapper;
use otel_arrow_dfe_engine::terminal_state::TerminalState;
use otel_arrow_dfe_engine::wiring_contract::WiringContract;
use otel_arrow_dfe_otap::pdata::OtapPdata;
use std::collections::HashMap;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use strait_component::opentelemetry::KeyValue;
use strait_component::{DynReceiver, Host, Settings, Signal, Status, StopHandle};
use strait_failure::{contain, contained};

pub(crate) const FACTORY: ReceiverFactory<OtapPdata> = ReceiverFactory {
    name: components::RECEIVER,
    create: |context, node, node_config, config, _capabilities| {
        let made = Made::new(
            &node_config.config,
            context.core_id(),
            |factory, config, settings| Some(factory.receiver()?.create(config, settings)),
        )?;
        let (port, source) = (ambient::port_for("a receiver")?, ambient::source());
        let receiver = Component { made, port, source };
        Ok(ReceiverWrapper::local(receiver, node, node_config, config))
    },
    context_declarations: None,
    wiring_contract: WiringContract::UNRESTRICTED,
    validate_config: made::validate,
};

struct Component {
    made: Made<Box<dyn DynReceiver>>,
    port: Rc<Port>,
    source: ambient::Source,
}

/// As the receiver helper has them, with what it calls items that were accepted, and refused.
fn spans_of(settings: &Settings, signal: Signal) -> (Spans, [&'static str; 2]) {
    const HELPER: &str = "go.opentelemetry.io/collector/receiver/receiverhelper";
    let (what, counted) = match signal {
        Signal::Logs => (
            "LogsReceived",
            ["accepted_log_records", "refused_log_records"],
        ),
        Signal::Traces => ("TraceDataReceived", ["accepted_spans", "refused_spans"]),
        Signal::Metrics => (
            "MetricsReceived",
            ["accepted_metric_points", "refused_metric_points"],
        ),
    };
    let id = &settings.component;
    let of_type = id
        .split_once('/')
        .map_or(id.as_str(), |(of_type, _)| of_type);
    let format = KeyValue::new("format", of_type.to_owned());
    let name = format!("receiver/{id}/{what}");
    (Spans::new(settings, HELPER, name, vec![format]), counted)
}

#[async_trait(?Send)]
impl Receiver<OtapPdata> for Component {
    async fn start(
        self: Box<Self>,
        control: ControlChannel<OtapPdata>,
        effect_handler: EffectHandler<OtapPdata>,
    ) -> Result<TerminalState, Error> {
        let Self {
            mut made,
            port,
            source,
        } = *self;
        let (to_node, from_receiver) = ToNode::new();
        let (host, stop) = Host::new(made.settings().clone(), Arc::new(to_node));
        let run = Box::pin(contained(run(made.take(), host)));
        let behind = made.behind().iter();
        let entrance = Entrance {
            most: port.settings.limits.credit,
            by_signal: effect_handler.connected_ports().len() > 1,
            logs_as_otlp: made.factory().describe().logs_as_otlp,
            counts: ambient::sent(),
            taken: None,
            spans: behind
                .map(|signal| (*signal, spans_of(made.settings(), *signal)))
                .collect(),
            waiting: HashMap::new(),
            source: Some(source),
            port: Rc::clone(&port),
        };
        let running = Running {
            made,
            port,
            stop,
            run: Some(run),
        };
        entrance
            .run(from_receiver, running, control, effect_handler)
            .await
    }
}

/// A future of its own, for the call itself may panic too.
async fn run(instance: Option<Box<dyn DynReceiver>>, host: Host) -> Verdict {
    match instance {
        Some(mut instance) => instance.run(host).await,
        None => Ok(()),
    }
}

/// The component's `run`.
struct Running<Run> {
    made: Made<Box<dyn DynReceiver>>,
    port: Rc<Port>,
    stop: StopHandle,
    run: Option<Pin<Box<Run>>>,
}

impl<Run: Future<Output = Result<Verdict, String>>> Beside for Running<Run> {
    fn runs(&self) -> bool {
        self.run.is_some()
    }

    async fn end(&mut self, draining: bool) {
        if let Some(run) = &mut self.run {
            let outcome = run.await;
            self.run = None;
            self.report(draining, outcome);
        }
    }

    fn stop(&mut self) {
        self.stop.stop();
    }

    fn cut(&mut self) {
        let run = self.run.take();
        if let Err(panic) = contain(|| drop(run)) {
            let _ = self.made.complaint("run, as it was dropped", Err(panic));
        }
    }
}

impl<Run> Running<Run> {
    /// Tells the host that nothing more will come, where nobody has asked for that.
    fn report(&self, stopping: bool, outcome: Result<Verdict, String>) {
        let complaint = self.made.complaint("run", outcome);
        if stopping {
            return;
        }
        let ended = complaint.unwrap_or_else(|| {
            let component = self.made.id();
            tracing::warn!(%component, "a receiver has ended by itself");
            "it has ended by itself, and receives nothing any more".to_owned()
        });
        let message = format!("{}: {ended}", self.made.id());
        if self.made.behind().is_empty() {
            let upcalls = self.port.upcalls();
            upcalls.status(LaneStatus::Permanent, &message);
        } else {
            // Others of the part are well.
            let collector = &self.made.settings().collector;
            collector.report(Status::Permanent(message));
        }
    }
}
