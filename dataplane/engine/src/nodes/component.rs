//! Runs a processor of the SDK as an engine node.
//!
//! One node for all: its configuration names the component's type, and the factory is looked up
//! in a table that the host fills once. The component's errors become nacks that name it; a panic
//! is a permanent nack, and the instance is made anew, because its state is not to be trusted.

use crate::ambient;
use crate::calls::tag::Tag;
use crate::components;
use crate::nodes::answers::answer;
use crate::nodes::batches::{edit_logs, signal_of, take, to_batch, to_payload, to_records};
use crate::nodes::made::{self, Made};
use crate::unit::Taken;
use async_trait::async_trait;
use otel_arrow_dfe_config::SignalType;
use otel_arrow_dfe_config::error::Error as ConfigError;
use otel_arrow_dfe_engine::control::NodeControlMsg;
use otel_arrow_dfe_engine::error::Error;
use otel_arrow_dfe_engine::local::processor::{EffectHandler, Processor as EngineProcessor};
use otel_arrow_dfe_engine::message::Message;
use otel_arrow_dfe_engine::processor::ProcessorWrapper;
use otel_arrow_dfe_engine::wiring_contract::WiringContract;
use otel_arrow_dfe_engine::{MessageSourceLocalEffectHandlerExtension, ProcessorFactory};
use otel_arrow_dfe_otap::pdata::OtapPdata;
use serde_json::Value;
use std::sync::Arc;
use strait_component::{Access, Batch, Context, CreateError, Flow, Kind, Processor, Signal};
use strait_failure::{Class, Failure, contain};

pub(crate) const FACTORY: ProcessorFactory<OtapPdata> = ProcessorFactory {
    name: components::PROCESSOR,
    create: |context, node, node_config, config, _capabilities| {
        let component = Component::new(&node.name, &node_config.config, context.core_id())?;
        Ok(ProcessorWrapper::local(
            component,
            node,
            node_config,
            config,
        ))
    },
    context_declarations: None,
    wiring_contract: WiringContract::UNRESTRICTED,
    validate_config: made::validate,
};

struct Component {
    made: Made<Box<dyn Processor>>,
    /// What the component has declared.
    access: Access,
    /// The signals that it has declared.
    declared: Vec<Signal>,
    /// Where what enters it is counted.
    taken: Option<Arc<Taken>>,
}

impl Component {
    fn new(node: &str, config: &Value, lane: usize) -> Result<Self, ConfigError> {
        let made = Made::new(config, lane, |factory, config, settings| {
            Some(factory.processor()?.create(config, settings))
        })?;
        let wrong = |error: String| ConfigError::InvalidUserConfig { error };
        let access = match made.factory().processor() {
            Some(factory) => factory
                .access(made.config())
                .map_err(|errors| wrong(CreateError::from(errors).to_string()))?,
            None => return Err(wrong(format!("`{}` is no {}", made.id(), Kind::Processor))),
        };
        let described = made.factory().describe().signals;
        let declares = |signal: &Signal| described.contains_key(&Flow::Of(*signal));
        let declared = Signal::ALL.into_iter().filter(declares).collect();
        Ok(Self {
            made,
            access,
            declared,
            taken: ambient::entered(node),
        })
    }

    /// Lets the component edit a batch.
    fn edit(&mut self, batch: Batch, context: Context) -> Result<Batch, Failure> {
        let mut batch = batch.with_context(context);
        let instance = self.made.instance()?;
        let outcome = contain(|| instance.process(&mut batch));
        match outcome.map(|done| done.and_then(|()| self.access.check(&batch))) {
            Ok(Ok(())) => Ok(batch),
            Ok(Err(error)) => Err(self.made.named(error)),
            Err(panic) => {
                drop(self.made.take());
                Err(self.made.panicked("process", &panic))
            }
        }
    }

    async fn handle(
        &mut self,
        mut pdata: OtapPdata,
        effect_handler: &mut EffectHandler<OtapPdata>,
    ) -> Result<(), Error> {
        if let Some(taken) = &self.taken {
            taken.add(pdata.num_items());
        }
        let context = ambient::context_of(Tag::of(&pdata));
        if pdata.signal_type() == SignalType::Logs {
            let name = self.made.id().to_owned();
            return edit_logs(pdata, effect_handler, &name, |records| {
                let unread = |message| Failure::new(Class::Permanent, message).at(name.clone());
                let batch = self.edit(to_batch(records).map_err(unread)?, context)?;
                to_records(batch).map_err(unread)
            })
            .await;
        }
        // What it has not declared passes through untouched.
        if !self.declared.contains(&signal_of(pdata.signal_type())) {
            return Ok(effect_handler.send_message_with_source_node(pdata).await?);
        }
        let (delivery, batch) = match take(effect_handler, pdata).await {
            Ok(taken) => taken,
            Err((pdata, failure)) => {
                let failure = failure.at(self.made.id());
                return answer(effect_handler, pdata, Err(failure)).await;
            }
        };
        let edited = self.edit(batch, context).and_then(|batch| {
            to_payload(batch).map_err(|message| self.made.failure(Class::Permanent, message))
        });
        match edited {
            Ok(payload) => {
                let pdata = delivery.with_payload(payload);
                Ok(effect_handler.send_message_with_source_node(pdata).await?)
            }
            Err(failure) => answer(effect_handler, delivery.into_pdata(), Err(failure)).await,
        }
    }

    fn end(&mut self) {
        if let Some(mut instance) = self.made.take() {
            let outcome = contain(|| instance.shutdown());
            let _ = self.made.complaint("shutdown", outcome);
        }
    }
}

#[async_trait(?Send)]
impl EngineProcessor<OtapPdata> for Component {
    async fn process(
        &mut self,
        msg: Message<OtapPdata>,
        effect_handler: &mut EffectHandler<OtapPdata>,
    ) -> Result<(), Error> {
        match msg {
            Message::PData(pdata) => self.handle(pdata, effect_handler).await,
            Message::Control(NodeControlMsg::Shutdown { .. }) => {
                self.end();
                Ok(())
            }
            Message::Control(_) => Ok(()),
        }
    }
}

impl Drop for Component {
    fn drop(&mut self) {
        self.end();
    }
}
