//! Runs an exporter as an engine node: one of the SDK, or the way to other units.
//!
//! Each batch is a task of its own on the lane's thread, and its verdict is the batch's answer; so
//! several are under way at once, as many as the unit lets into the engine. Whoever waits for one
//! may leave: then its context says so, and what the task still answers counts for nobody. At the
//! end the tasks have till the deadline; then they are dropped, and their batches answered for.
//!
//! Queue, retries and timeout are in front of the unit, in the host; where the exporter is in a
//! part with others, they are here ([`sending`]).

use crate::ambient;
use crate::components;
use crate::nodes::answers::answer;
use crate::nodes::batches::take_wanted;
use crate::nodes::destination::Destination;
use crate::nodes::exports::Exports;
use crate::nodes::waiting::{sleep_until, terminal};
use crate::nodes::{made, sending};
use crate::unit::Taken;
use async_trait::async_trait;
use otel_arrow_dfe_engine::ExporterFactory;
use otel_arrow_dfe_engine::control::NodeControlMsg;
use otel_arrow_dfe_engine::error::Error;
use otel_arrow_dfe_engine::exporter::ExporterWrapper;
use otel_arrow_dfe_engine::local::exporter::{EffectHandler, Exporter};
use otel_arrow_dfe_engine::message::{ExporterInbox, Message};
use otel_arrow_dfe_engine::terminal_state::TerminalState;
use otel_arrow_dfe_engine::wiring_contract::WiringContract;
use otel_arrow_dfe_otap::pdata::OtapPdata;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;
use strait_failure::{Class, Failure};
use tokio::task::{Id, JoinError, JoinSet};

pub(crate) const FACTORY: ExporterFactory<OtapPdata> = ExporterFactory {
    name: components::EXPORTER,
    create: |context, node, node_config, config, _capabilities| {
        let exports = Exports::new(&node_config.config, context.core_id())?;
        match ambient::sending(&node.name) {
            Some(front) => {
                let exporter = sending::Component::new(&node.name, exports, front);
                Ok(ExporterWrapper::local(exporter, node, node_config, config))
            }
            None => {
                let exporter = Component::new(exports, None);
                Ok(ExporterWrapper::local(exporter, node, node_config, config))
            }
        }
    },
    context_declarations: None,
    wiring_contract: WiringContract::UNRESTRICTED,
    validate_config: made::validate,
};

pub(super) struct Component<D> {
    exports: D,
    /// Where what enters it is counted.
    taken: Option<Arc<Taken>>,
}

impl<D> Component<D> {
    pub(super) fn new(exports: D, taken: Option<Arc<Taken>>) -> Self {
        Self { exports, taken }
    }
}

/// What the node has in hand.
struct Work<D> {
    exports: D,
    taken: Option<Arc<Taken>>,
    engine: EffectHandler<OtapPdata>,
    tasks: JoinSet<Result<(), Failure>>,
    /// What answers for the batches of the tasks.
    batches: HashMap<Id, OtapPdata>,
}

#[async_trait(?Send)]
impl<D: Destination> Exporter<OtapPdata> for Component<D> {
    async fn start(
        self: Box<Self>,
        mut inbox: ExporterInbox<OtapPdata>,
        effect_handler: EffectHandler<OtapPdata>,
    ) -> Result<TerminalState, Error> {
        let mut work = Work {
            exports: self.exports,
            taken: self.taken,
            engine: effect_handler,
            tasks: JoinSet::new(),
            batches: HashMap::new(),
        };
        let mut shutdown: Option<Instant> = None;
        loop {
            if let Some(deadline) = shutdown
                && (work.tasks.is_empty() || Instant::now() >= deadline)
            {
                return work.stop(deadline).await;
            }
            tokio::select! {
                biased;
                Some(done) = work.tasks.join_next_with_id() => work.ended(done).await?,
                message = inbox.recv(), if shutdown.is_none() => match message? {
                    Message::PData(pdata) => work.begin(pdata).await?,
                    Message::Control(NodeControlMsg::Shutdown { deadline, .. }) => {
                        shutdown = Some(deadline);
                    }
                    Message::Control(_) => {}
                },
                () = sleep_until(shutdown), if shutdown.is_some() => {}
            }
        }
    }
}

impl<D: Destination> Work<D> {
    /// Gives a batch to the exporter.
    async fn begin(&mut self, mut pdata: OtapPdata) -> Result<(), Error> {
        if let Some(taken) = &self.taken {
            taken.add(pdata.num_items());
        }
        let component = || self.exports.id();
        let Some((pdata, batch, context)) = take_wanted(&self.engine, pdata, component).await?
        else {
            return Ok(());
        };
        let exports = self.exports.clone();
        let task = self
            .tasks
            .spawn_local(async move { exports.export(batch.with_context(context)).await });
        self.batches.insert(task.id(), pdata);
        Ok(())
    }

    /// Answers for the batch of a task that has ended.
    async fn ended(
        &mut self,
        done: Result<(Id, Result<(), Failure>), JoinError>,
    ) -> Result<(), Error> {
        let (id, result) = match done {
            Ok(done) => done,
            Err(error) => (error.id(), Err(self.exports.fell(&error))),
        };
        match self.batches.remove(&id) {
            Some(pdata) => answer(&self.engine, pdata, result).await,
            None => Ok(()),
        }
    }

    /// Ends the node: exports that are still under way are dropped, and answered as unavailable.
    async fn stop(mut self, deadline: Instant) -> Result<TerminalState, Error> {
        self.tasks.abort_all();
        while let Some(done) = self.tasks.join_next_with_id().await {
            // What was done has its own answer; what was dropped has none.
            if !done.as_ref().is_err_and(JoinError::is_cancelled) {
                self.ended(done).await?;
            }
        }
        for (_, pdata) in std::mem::take(&mut self.batches) {
            let message = "the exporter was not done with it when the unit stopped";
            let failure = self.exports.failure(Class::Unavailable, message);
            answer(&self.engine, pdata, Err(failure)).await?;
        }
        self.exports.shutdown(deadline).await;
        Ok(terminal(deadline))
    }
}
