//! The guard around an engine's exporter: its nacks name it, with the codes that they tell of.
//!
//! An exporter runs by itself from its start to its end. What it dies of is not known to belong to
//! one batch, so an error or panic of it ends the lane's epoch: every call that is in it ends once,
//! as one that may be tried again, and the lane restarts.
//!
//! At a shutdown it sends what it has, and the engine waits for it however long that takes. So it
//! is dropped at the drain's end: what no destination has answered by then ends as unavailable.

use crate::ambient;
use crate::catalog::Node;
use crate::guard::nacks::{Cause, Watch};
use crate::guard::watched;
use crate::nodes::waiting::{sleep_until, terminal};
use async_trait::async_trait;
use otel_arrow_dfe_engine::error::{Error, ExporterErrorKind};
use otel_arrow_dfe_engine::exporter::ExporterWrapper;
use otel_arrow_dfe_engine::local::exporter::{EffectHandler, Exporter};
use otel_arrow_dfe_engine::message::ExporterInbox;
use otel_arrow_dfe_engine::terminal_state::TerminalState;
use otel_arrow_dfe_otap::pdata::OtapPdata;
use std::time::Instant;
use strait_failure::contained;
use tokio::sync::watch;

/// Puts the guard around an exporter that its factory has just made.
pub(crate) fn wrap(
    wrapper: ExporterWrapper<OtapPdata>,
    node: Option<&Node>,
) -> ExporterWrapper<OtapPdata> {
    match wrapper {
        ExporterWrapper::Local {
            node_id,
            user_config,
            runtime_config,
            exporter,
            control_sender,
            control_receiver,
            pdata_receiver,
            telemetry,
            propagation_policy,
            node_bindings,
        } => {
            let codes = node.map_or(Node::PLAIN.codes, |node| node.codes);
            let exporter = Box::new(Guarded {
                inner: exporter,
                name: node_id.name.to_string(),
                watch: Watch::new(&node_id.name, codes),
                drain: ambient::drain(),
            });
            ExporterWrapper::Local {
                node_id,
                user_config,
                runtime_config,
                exporter,
                control_sender,
                control_receiver,
                pdata_receiver,
                telemetry,
                propagation_policy,
                node_bindings,
            }
        }
        // The engine's core set has no such exporter (a test says so); its nacks would be nobody's.
        shared @ ExporterWrapper::Shared { .. } => shared,
    }
}

struct Guarded {
    inner: Box<dyn Exporter<OtapPdata>>,
    name: String,
    watch: Option<Watch>,
    /// When its pipeline must have drained.
    drain: Option<watch::Receiver<Option<Instant>>>,
}

#[async_trait(?Send)]
impl Exporter<OtapPdata> for Guarded {
    async fn start(
        self: Box<Self>,
        inbox: ExporterInbox<OtapPdata>,
        mut effect_handler: EffectHandler<OtapPdata>,
    ) -> Result<TerminalState, Error> {
        let Self {
            inner,
            name,
            mut watch,
            drain,
        } = *self;
        let exporter = effect_handler.exporter_id();
        if let Some(sender) = watch.as_mut().and_then(Watch::sender) {
            effect_handler.set_pipeline_completion_msg_sender(sender);
        }
        let work = contained(inner.start(inbox, effect_handler));
        let outcome = tokio::select! {
            biased;
            outcome = watched(&mut watch, &Cause::Own, work) => outcome,
            deadline = drained(drain) => {
                tracing::warn!(node = %name, "it had not sent everything when its unit stopped");
                return Ok(terminal(deadline));
            }
        };
        outcome.unwrap_or_else(|panic| {
            Err(Error::ExporterError {
                exporter,
                kind: ExporterErrorKind::Other,
                error: format!("panic: {panic}"),
                source_detail: String::new(),
            })
        })
    }
}

/// Returns when the pipeline's drain is over; never outside of a lane.
async fn drained(drain: Option<watch::Receiver<Option<Instant>>>) -> Instant {
    let Some(mut drain) = drain else {
        return std::future::pending().await;
    };
    let deadline = match drain.wait_for(Option::is_some).await {
        Ok(deadline) => *deadline,
        // The pipeline has gone, and this with it.
        Err(_) => None,
    };
    sleep_until(deadline).await;
    deadline.unwrap_or_else(Instant::now)
}
