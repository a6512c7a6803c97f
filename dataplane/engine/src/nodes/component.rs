//! Runs a component of the SDK as an engine node.
//!
//! One node for all: its configuration names the component's type, and the factory is looked up
//! in a table that the host fills once. The component's errors become nacks that name it; a panic
//! is a permanent nack, and the instance is made anew, because its state is not to be trusted.

use crate::components::{NODE_URN, NodeConfig, find};
use crate::nodes::batches::{edit_logs, to_batch, to_records};
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
use otel_arrow_dfe_pdata::OtapArrowRecords;
use serde::Deserialize;
use serde_json::Value;
use strait_component::{Access, CreateError, DynProcessorFactory, Processor, Settings, Signal};
use strait_failure::{Class, Failure, contain};

pub(crate) const FACTORY: ProcessorFactory<OtapPdata> = ProcessorFactory {
    name: NODE_URN,
    create: |context, node, node_config, config, _capabilities| {
        let lane = u32::try_from(context.core_id()).unwrap_or(u32::MAX);
        let component = Component::new(&node_config.config, lane)?;
        Ok(ProcessorWrapper::local(
            component,
            node,
            node_config,
            config,
        ))
    },
    context_declarations: None,
    wiring_contract: WiringContract::UNRESTRICTED,
    validate_config: |config| read(config).map(|_| ()),
};

fn read(config: &Value) -> Result<NodeConfig, ConfigError> {
    NodeConfig::deserialize(config).map_err(|error| ConfigError::InvalidUserConfig {
        error: error.to_string(),
    })
}

struct Component {
    factory: &'static dyn DynProcessorFactory,
    config: Value,
    settings: Settings,
    /// What the component has declared.
    access: Access,
    /// `None` after a panic, until the next batch.
    instance: Option<Box<dyn Processor>>,
}

impl Component {
    fn new(config: &Value, lane: u32) -> Result<Self, ConfigError> {
        let NodeConfig {
            r#type,
            component,
            config,
        } = read(config)?;
        let wrong = |error: String| ConfigError::InvalidUserConfig { error };
        let factory = find(&r#type)
            .and_then(|factory| factory.processor())
            .ok_or_else(|| wrong(format!("no component of type `{}` is linked in", r#type)))?;
        let access = factory
            .access(&config)
            .map_err(|errors| wrong(CreateError::from(errors).to_string()))?;
        let mut component = Self {
            factory,
            access,
            config,
            settings: Settings::new(component, lane)
                .takes([Signal::Logs])
                .makes([Signal::Logs]),
            instance: None,
        };
        component
            .instance()
            .map_err(|failure| wrong(failure.to_string()))?;
        Ok(component)
    }

    /// The instance; made first where there is none.
    fn instance(&mut self) -> Result<&mut Box<dyn Processor>, Failure> {
        if self.instance.is_none() {
            let made = contain(|| self.factory.create(&self.config, &self.settings))
                .map_err(|panic| format!("creating it panicked: {panic}"))
                .and_then(|made| made.map_err(|error| error.to_string()));
            let made = made.map_err(|message| self.failure(Class::Permanent, message))?;
            self.instance = Some(made);
        }
        self.instance
            .as_mut()
            .ok_or_else(|| Failure::new(Class::Internal, "no instance"))
    }

    fn failure(&self, class: Class, message: String) -> Failure {
        Failure::new(class, message).at(self.settings.component.clone())
    }

    /// Lets the component edit the records.
    fn edit(&mut self, records: OtapArrowRecords) -> Result<OtapArrowRecords, Failure> {
        let mut batch =
            to_batch(records).map_err(|message| self.failure(Class::Permanent, message))?;
        let instance = self.instance()?;
        let outcome = contain(|| instance.process(&mut batch));
        let outcome = outcome.map(|done| done.and_then(|()| self.access.check(&batch)));
        match outcome {
            Ok(Ok(())) => {
                to_records(batch).map_err(|message| self.failure(Class::Permanent, message))
            }
            Ok(Err(error)) => Err(Failure::from(error).at(self.settings.component.clone())),
            Err(panic) => {
                self.instance = None;
                let message = format!("panic: {panic}");
                Err(self.failure(Class::Permanent, message))
            }
        }
    }

    async fn handle(
        &mut self,
        pdata: OtapPdata,
        effect_handler: &mut EffectHandler<OtapPdata>,
    ) -> Result<(), Error> {
        // The SDK carries logs; other signals pass through untouched.
        if pdata.signal_type() != SignalType::Logs {
            return Ok(effect_handler.send_message_with_source_node(pdata).await?);
        }
        let name = self.settings.component.clone();
        edit_logs(pdata, effect_handler, &name, |records| self.edit(records)).await
    }

    fn end(&mut self) {
        let Some(mut instance) = self.instance.take() else {
            return;
        };
        let error = match contain(|| instance.shutdown()) {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(panic) => format!("panic: {panic}"),
        };
        let component = &self.settings.component;
        tracing::error!(%component, %error, "a component's shutdown failed");
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
