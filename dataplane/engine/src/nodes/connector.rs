//! Runs a connector of the SDK as an engine node, which is a processor to the engine.
//!
//! What it emits while it takes a batch is of that batch's call: the batch is answered when all of
//! it was, with the failure that counts most where there is one. What it flushes is of no call: it
//! takes the host's credit, and a failure of it is logged.
//!
//! It flushes by a timer, which runs from the pipeline's start, and when the lane drains: once,
//! after the last call has ended. A panic is the answer to the batch that it met, and the instance
//! is made anew, without what it kept; a flush that fails is reported as the component's status,
//! until one does not.

use crate::ambient::{self, Wants};
use crate::calls::{LaneStatus, Port};
use crate::catalog::LEAST_TICK;
use crate::components;
use crate::nodes::answers::{answer, answer_of};
use crate::nodes::batches::{made_payload, own_batch, take_wanted};
use crate::nodes::made::{self, Made};
use async_trait::async_trait;
use otel_arrow_dfe_config::error::Error as ConfigError;
use otel_arrow_dfe_engine::control::{CallData, NodeControlMsg};
use otel_arrow_dfe_engine::error::Error;
use otel_arrow_dfe_engine::local::processor::{EffectHandler, Processor};
use otel_arrow_dfe_engine::message::Message;
use otel_arrow_dfe_engine::processor::ProcessorWrapper;
use otel_arrow_dfe_engine::wiring_contract::WiringContract;
use otel_arrow_dfe_engine::{
    Interests, MessageSourceLocalEffectHandlerExtension, ProcessorFactory,
    ProducerEffectHandlerExtension,
};
use otel_arrow_dfe_otap::pdata::OtapPdata;
use otel_arrow_dfe_pdata_codec::OtapPayload;
use serde_json::Value;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};
use strait_component::{Batch, Connector, Emitter};
use strait_failure::{Class, Failure, contain};

pub(crate) const FACTORY: ProcessorFactory<OtapPdata> = ProcessorFactory {
    name: components::CONNECTOR,
    create: |context, node, node_config, config, _capabilities| {
        let component = Component::new(&node_config.config, context.core_id())?;
        let wrapper = ProcessorWrapper::local(component, node, node_config, config);
        if let ProcessorWrapper::Local { control_sender, .. } = &wrapper {
            ambient::add_node(WANTS, control_sender);
        }
        Ok(wrapper)
    },
    context_declarations: None,
    wiring_contract: WiringContract::UNRESTRICTED,
    validate_config: made::validate,
};

/// Longest time between two flushes: the engine adds it to its clock.
const MOST_TICK: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A tick at the start, where its timer begins, and a request when the lane drains.
const WANTS: Wants = Wants {
    holds: true,
    resumes: true,
};

/// Marks the number of a batch that the node has taken: those of what it flushed are without.
const TAKEN: u64 = 1 << 63;

/// A batch that waits for the answers to what became of it.
struct Taken {
    batch: OtapPdata,
    unanswered: usize,
    failure: Option<Failure>,
}

struct Component {
    made: Made<Box<dyn Connector>>,
    port: Rc<Port>,
    /// Logs may be OTLP bytes, as the component says of itself.
    logs_as_otlp: bool,
    taken: HashMap<u64, Taken>,
    next: u64,
    /// How often it flushes, once the first tick has come.
    every: Option<Duration>,
    ticks: bool,
    /// When it flushed last.
    flushed_at: Option<Instant>,
    /// Nothing was taken since the flush at the end.
    flushed: bool,
    /// The last flush failed.
    fails: bool,
}

impl Component {
    fn new(config: &Value, lane: usize) -> Result<Self, ConfigError> {
        let made = Made::new(config, lane, |factory, config, settings| {
            Some(factory.connector()?.create(config, settings))
        })?;
        let port = ambient::port_for("a connector")?;
        Ok(Self {
            logs_as_otlp: made.factory().describe().logs_as_otlp,
            made,
            port,
            taken: HashMap::new(),
            next: 0,
            every: None,
            ticks: false,
            flushed_at: None,
            flushed: false,
            fails: false,
        })
    }

    /// Takes a batch.
    async fn handle(
        &mut self,
        pdata: OtapPdata,
        engine: &mut EffectHandler<OtapPdata>,
    ) -> Result<(), Error> {
        self.flushed = false;
        let component = || self.made.id().to_owned();
        let Some((mut pdata, batch, context)) = take_wanted(engine, pdata, component).await? else {
            return Ok(());
        };
        let batch = batch.with_context(context.clone());
        match self.consume(batch, Emitter::of(context)) {
            Ok(outputs) if outputs.is_empty() => answer(engine, pdata, Ok(())).await,
            Ok(outputs) => {
                let number = TAKEN | self.next;
                self.next = (self.next + 1) & !TAKEN;
                let context = pdata.context_mut().clone_detached();
                let taken = Taken {
                    batch: pdata,
                    unanswered: outputs.len(),
                    failure: None,
                };
                self.taken.insert(number, taken);
                for payload in outputs {
                    let mut output = OtapPdata::new(context.clone(), payload);
                    subscribe(engine, number, &mut output);
                    engine.send_message_with_source_node(output).await?;
                }
                Ok(())
            }
            Err(failure) => answer(engine, pdata, Err(failure)).await,
        }
    }

    /// What the connector makes of a batch.
    fn consume(&mut self, batch: Batch, mut out: Emitter) -> Result<Vec<OtapPayload>, Failure> {
        let instance = self.made.instance()?;
        match contain(|| instance.consume(batch, &mut out)) {
            Ok(Ok(())) => {
                out.into_batches()
                    .into_iter()
                    .try_fold(Vec::new(), |mut outputs, batch| {
                        let payload = made_payload(batch, self.logs_as_otlp);
                        let payload = payload
                            .map_err(|message| self.made.failure(Class::Permanent, message))?;
                        outputs.extend(Some(payload).filter(|payload| !payload.is_empty()));
                        Ok(outputs)
                    })
            }
            Ok(Err(error)) => Err(self.made.named(error)),
            Err(panic) => {
                drop(self.made.take());
                Err(self.made.panicked("consume", &panic))
            }
        }
    }

    /// Has the connector emit what it has kept.
    async fn flush(&mut self, engine: &mut EffectHandler<OtapPdata>) -> Result<(), Error> {
        self.flushed_at = Some(Instant::now());
        let mut out = Emitter::new();
        let outcome = match self.made.instance() {
            Ok(instance) => contain(|| instance.flush(&mut out)),
            Err(failure) => Ok(Err(failure.into())),
        };
        if outcome.is_err() {
            drop(self.made.take());
            out = Emitter::new();
        }
        let complaint = self.made.complaint("flush", outcome);
        self.report(complaint);
        for batch in out.into_batches() {
            // The call that it may have come with has had its answer.
            let came_with = batch.context().detached();
            let payload = match made_payload(batch, self.logs_as_otlp) {
                Ok(payload) if payload.is_empty() => continue,
                Ok(payload) => payload,
                Err(error) => {
                    let component = self.made.id();
                    tracing::error!(%component, %error, "a batch that was flushed is lost");
                    continue;
                }
            };
            let pdata = own_batch(&self.port, came_with, payload, |number, pdata| {
                subscribe(engine, number, pdata);
            });
            engine.send_message_with_source_node(pdata).await?;
        }
        Ok(())
    }

    /// Tells the host where flushes begin to fail, and where they do not any more.
    fn report(&mut self, complaint: Option<String>) {
        let failed = std::mem::replace(&mut self.fails, complaint.is_some());
        let status = |status, message: &str| self.port.upcalls().status(status, message);
        match complaint {
            Some(complaint) => {
                let message = format!("{}: {complaint}", self.made.id());
                status(LaneStatus::Recoverable, &message);
            }
            None if failed => status(LaneStatus::Ok, "it flushes again"),
            None => {}
        }
    }

    /// Takes the answer to something that was emitted.
    async fn settle(
        &mut self,
        (number, result): (u64, Result<(), Failure>),
        engine: &mut EffectHandler<OtapPdata>,
    ) -> Result<(), Error> {
        if number & TAKEN == 0 {
            self.port.contexts.forget(number);
            if let Err(error) = result {
                let component = self.made.id();
                tracing::error!(%component, %error, "a batch that was flushed was not taken");
            }
            return Ok(());
        }
        let Some(taken) = self.taken.get_mut(&number) else {
            return Ok(());
        };
        taken.unanswered -= 1;
        if let Err(failure) = result {
            let final_before = taken.failure.as_ref().map(|known| known.class.is_final());
            if final_before.is_none_or(|known| !known && failure.class.is_final()) {
                taken.failure = Some(failure);
            }
        }
        if taken.unanswered > 0 {
            return Ok(());
        }
        match self.taken.remove(&number) {
            Some(Taken { batch, failure, .. }) => {
                answer(engine, batch, failure.map_or(Ok(()), Err)).await
            }
            None => Ok(()),
        }
    }

    /// The first tick starts the timer; the others flush. The engine makes up for ticks that a busy
    /// lane has missed: those come at once, and count as one.
    async fn tick(&mut self, engine: &mut EffectHandler<OtapPdata>) -> Result<(), Error> {
        if std::mem::replace(&mut self.ticks, true) {
            let every = self.every.unwrap_or_default();
            let late = self.flushed_at.is_none_or(|at| at.elapsed() >= every / 2);
            return if late {
                self.flush(engine).await
            } else {
                Ok(())
            };
        }
        self.every = match self.made.instance() {
            Ok(instance) => contain(|| instance.flush_every()).ok().flatten(),
            Err(_) => None,
        };
        if let Some(every) = &mut self.every {
            *every = (*every).clamp(LEAST_TICK, MOST_TICK);
            // Dropping the handle leaves the timer running, till the pipeline ends.
            drop(engine.start_periodic_timer(*every).await?);
        }
        Ok(())
    }

    /// Flushes for the last time, unless that was done and nothing has come since.
    async fn finish(&mut self, engine: &mut EffectHandler<OtapPdata>) -> Result<(), Error> {
        if std::mem::replace(&mut self.flushed, true) {
            return Ok(());
        }
        self.flush(engine).await
    }
}

fn subscribe(engine: &EffectHandler<OtapPdata>, number: u64, output: &mut OtapPdata) {
    let calldata: CallData = [number.into()].into_iter().collect();
    engine.subscribe_to(Interests::ACKS_OR_NACKS, calldata, output);
}

#[async_trait(?Send)]
impl Processor<OtapPdata> for Component {
    async fn process(
        &mut self,
        msg: Message<OtapPdata>,
        engine: &mut EffectHandler<OtapPdata>,
    ) -> Result<(), Error> {
        match msg {
            Message::PData(pdata) => self.handle(pdata, engine).await,
            Message::Control(NodeControlMsg::TimerTick { .. }) => self.tick(engine).await,
            // Calls may still come, or wait for what was flushed before.
            Message::Control(NodeControlMsg::DrainIngress { .. }) => {
                let quiet = self.port.calls().idle() && self.port.contexts.is_idle();
                if quiet {
                    self.finish(engine).await
                } else {
                    Ok(())
                }
            }
            Message::Control(NodeControlMsg::Shutdown { .. }) => self.finish(engine).await,
            Message::Control(message) => match answer_of(message) {
                Some(answer) => self.settle(answer, engine).await,
                None => Ok(()),
            },
        }
    }
}
