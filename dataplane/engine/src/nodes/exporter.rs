//! Runs an exporter of the SDK as an engine node.
//!
//! Each batch is a task of its own on the lane's thread, and its verdict is the batch's answer; so
//! several are under way at once, as many as the unit lets into the engine. Whoever waits for one
//! may leave: then its context says so, and what the task still answers counts for nobody. At the
//! end the tasks have till the deadline; then they are dropped, and their batches answered for.
//!
//! A panic is the answer to the batch that it met. The instance is made anew for those that come
//! later; those that are under way end with the old one, whose shutdown is not called.

use crate::ambient;
use crate::calls::tag::Tag;
use crate::components;
use crate::nodes::answers::answer;
use crate::nodes::batches::take;
use crate::nodes::made::{self, Made};
use crate::nodes::waiting::{sleep_until, terminal};
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
use std::rc::Rc;
use std::time::{Duration, Instant};
use strait_component::DynExporter;
use strait_failure::{Class, Failure, contained};
use tokio::task::{Id, JoinError, JoinSet};

pub(crate) const FACTORY: ExporterFactory<OtapPdata> = ExporterFactory {
    name: components::EXPORTER,
    create: |context, node, node_config, config, _capabilities| {
        let made = Made::new(
            &node_config.config,
            context.core_id(),
            |factory, config, settings| {
                let made = factory.exporter()?.create(config, settings);
                Some(made.map(Rc::from))
            },
        )?;
        let exporter = Component { made };
        Ok(ExporterWrapper::local(exporter, node, node_config, config))
    },
    context_declarations: None,
    wiring_contract: WiringContract::UNRESTRICTED,
    validate_config: made::validate,
};

/// What an exporter has to end in after its last export, however late that was.
const LEAST_SHUTDOWN: Duration = Duration::from_millis(100);

struct Component {
    made: Made<Rc<dyn DynExporter>>,
}

/// One export: how it ended, and by which instance.
type Done = (
    Result<Result<(), strait_component::Error>, String>,
    Rc<dyn DynExporter>,
);

/// What the node has in hand.
struct Work {
    made: Made<Rc<dyn DynExporter>>,
    engine: EffectHandler<OtapPdata>,
    tasks: JoinSet<Done>,
    /// What answers for the batches of the tasks.
    batches: HashMap<Id, OtapPdata>,
}

#[async_trait(?Send)]
impl Exporter<OtapPdata> for Component {
    async fn start(
        self: Box<Self>,
        mut inbox: ExporterInbox<OtapPdata>,
        effect_handler: EffectHandler<OtapPdata>,
    ) -> Result<TerminalState, Error> {
        let mut work = Work {
            made: self.made,
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

impl Work {
    /// Gives a batch to the exporter.
    async fn begin(&mut self, pdata: OtapPdata) -> Result<(), Error> {
        let tag = Tag::of(&pdata);
        if ambient::is_unwanted(tag) {
            return answer(&self.engine, pdata, Err(self.made.unwanted())).await;
        }
        let context = ambient::context_of(tag);
        let instance = self.made.instance().cloned();
        let (batch, instance) = match (take(&self.engine, pdata).await, instance) {
            (Ok(batch), Ok(instance)) => (batch, instance),
            (Ok((delivery, _)), Err(failure)) => {
                return answer(&self.engine, delivery.into_pdata(), Err(failure)).await;
            }
            (Err((pdata, failure)), _) => {
                let failure = failure.at(self.made.id());
                return answer(&self.engine, pdata, Err(failure)).await;
            }
        };
        let (delivery, batch) = batch;
        let task = self.tasks.spawn_local(async move {
            // Called in the task, for the call itself may panic too.
            let export = async { instance.export(batch.with_context(context)).await };
            let outcome = contained(export).await;
            (outcome, instance)
        });
        self.batches.insert(task.id(), delivery.into_pdata());
        Ok(())
    }

    /// Answers for the batch of a task that has ended.
    async fn ended(&mut self, done: Result<(Id, Done), JoinError>) -> Result<(), Error> {
        let (id, result) = match done {
            Ok((id, (Ok(verdict), _))) => (id, verdict.map_err(|error| self.made.named(error))),
            Ok((id, (Err(panic), instance))) => {
                self.distrust(&instance);
                (id, Err(self.made.panicked("export", &panic)))
            }
            // What the task held panicked as it was dropped.
            Err(error) => {
                drop(self.made.take());
                (
                    error.id(),
                    Err(self.made.panicked("export", &error.to_string())),
                )
            }
        };
        match self.batches.remove(&id) {
            Some(pdata) => answer(&self.engine, pdata, result).await,
            None => Ok(()),
        }
    }

    /// Has the next batch go to another instance than the one that panicked.
    fn distrust(&mut self, panicked: &Rc<dyn DynExporter>) {
        let current = self.made.take();
        let trusted = current.filter(|instance| !Rc::ptr_eq(instance, panicked));
        self.made.put(trusted);
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
            let failure = self.made.failure(Class::Unavailable, message);
            answer(&self.engine, pdata, Err(failure)).await?;
        }
        if let Some(instance) = self.made.take() {
            let limit = deadline.max(Instant::now() + LEAST_SHUTDOWN);
            let ending = contained(async { instance.shutdown().await });
            let outcome = tokio::time::timeout_at(limit.into(), ending).await;
            let late = || Failure::new(Class::Deadline, "it was not done in time").into();
            let outcome = outcome.unwrap_or_else(|_| Ok(Err(late())));
            let _ = self.made.complaint("shutdown", outcome);
        }
        Ok(terminal(deadline))
    }
}
