//! Runs a component of the SDK as an engine node.
//!
//! One adapter for all: its configuration names the component's type, and the factory is looked up
//! in a table that the host fills once. The component's errors become nacks that name it; a panic
//! is a permanent nack, and the instance is made anew, because its state is not to be trusted.

use crate::failure::{Class, Failure};
use crate::guard::panic_message;
use crate::port;
use crate::tag::Tag;
use async_trait::async_trait;
use otel_arrow_dfe_config::SignalType;
use otel_arrow_dfe_config::error::Error as ConfigError;
use otel_arrow_dfe_engine::control::{AckMsg, NackMsg, NodeControlMsg};
use otel_arrow_dfe_engine::error::Error;
use otel_arrow_dfe_engine::local::processor::{EffectHandler, Processor as EngineProcessor};
use otel_arrow_dfe_engine::message::Message;
use otel_arrow_dfe_engine::processor::ProcessorWrapper;
use otel_arrow_dfe_engine::wiring_contract::WiringContract;
use otel_arrow_dfe_engine::{
    ConsumerEffectHandlerExtension, MessageSourceLocalEffectHandlerExtension, ProcessorFactory,
};
use otel_arrow_dfe_otap::pdata::{OtapPdata, PdataEffectHandlerExtension};
use otel_arrow_dfe_pdata::OtapArrowRecords;
use otel_arrow_dfe_pdata::otap::Logs;
use otel_arrow_dfe_pdata::proto::opentelemetry::arrow::v1::ArrowPayloadType;
use serde::Deserialize;
use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{PoisonError, RwLock};
use strait_component::{
    Access, Batch, Context, CreateError, DynFactory, DynProcessorFactory, Kind, Payload, Processor,
};

/// The engine's name of this node.
pub(crate) const URN: &str = "urn:strait:processor:component";

static COMPONENTS: RwLock<Vec<&'static dyn DynFactory>> = RwLock::new(Vec::new());

/// Makes components known to every unit of this process. A type that is known already stays.
pub fn register(factories: &[&'static dyn DynFactory]) {
    let mut components = COMPONENTS.write().unwrap_or_else(PoisonError::into_inner);
    for factory in factories {
        let (kind, name) = key(*factory);
        if components.iter().all(|known| key(*known) != (kind, name)) {
            components.push(*factory);
        }
    }
}

/// All components, in the order of their registration.
#[must_use]
pub fn components() -> Vec<&'static dyn DynFactory> {
    COMPONENTS
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

fn key(factory: &dyn DynFactory) -> (Kind, &'static str) {
    let description = factory.describe();
    (description.kind, description.type_name)
}

/// The processor of this type.
#[must_use]
pub fn find(name: &str) -> Option<&'static dyn DynFactory> {
    components()
        .into_iter()
        .find(|factory| key(*factory) == (Kind::Processor, name))
}

/// What the component of a checked node reads, writes and keeps.
pub(crate) fn access(node: &Value) -> Option<Access> {
    let AdapterConfig { r#type, config, .. } = AdapterConfig::read(node).ok()?;
    find(&r#type)?.processor()?.access(&config).ok()
}

/// Types of all processors.
pub(crate) fn names() -> Vec<&'static str> {
    let keys = components().into_iter().map(key);
    keys.filter(|(kind, _)| *kind == Kind::Processor)
        .map(|(_, name)| name)
        .collect()
}

pub(crate) const FACTORY: ProcessorFactory<OtapPdata> = ProcessorFactory {
    name: URN,
    create: |context, node, node_config, config, _capabilities| {
        let lane = u32::try_from(context.core_id()).unwrap_or(u32::MAX);
        let adapter = Adapter::new(&node_config.config, lane)?;
        Ok(ProcessorWrapper::local(adapter, node, node_config, config))
    },
    context_declarations: None,
    wiring_contract: WiringContract::UNRESTRICTED,
    validate_config: |config| AdapterConfig::read(config).map(|_| ()),
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AdapterConfig {
    r#type: String,
    component: String,
    #[serde(default)]
    config: Value,
}

impl AdapterConfig {
    fn read(config: &Value) -> Result<Self, ConfigError> {
        serde_json::from_value(config.clone()).map_err(|error| ConfigError::InvalidUserConfig {
            error: error.to_string(),
        })
    }
}

struct Adapter {
    factory: &'static dyn DynProcessorFactory,
    config: Value,
    context: Context,
    /// What the component has declared.
    access: Access,
    /// `None` after a panic, until the next batch.
    instance: Option<Box<dyn Processor>>,
}

impl Adapter {
    fn new(config: &Value, lane: u32) -> Result<Self, ConfigError> {
        let AdapterConfig {
            r#type,
            component,
            config,
        } = AdapterConfig::read(config)?;
        let wrong = |error: String| ConfigError::InvalidUserConfig { error };
        let factory = find(&r#type)
            .and_then(|factory| factory.processor())
            .ok_or_else(|| wrong(format!("no component of type `{}` is linked in", r#type)))?;
        let access = factory
            .access(&config)
            .map_err(|errors| wrong(CreateError::from(errors).to_string()))?;
        let mut adapter = Self {
            factory,
            access,
            config,
            context: Context::new(component, lane),
            instance: None,
        };
        adapter
            .instance()
            .map_err(|failure| wrong(failure.to_string()))?;
        Ok(adapter)
    }

    /// The instance; made first where there is none.
    fn instance(&mut self) -> Result<&mut Box<dyn Processor>, Failure> {
        if self.instance.is_none() {
            let make = || self.factory.create(&self.config, &self.context);
            let made = catch_unwind(AssertUnwindSafe(make))
                .map_err(|panic| format!("creating it panicked: {}", panic_message(panic.as_ref())))
                .and_then(|made| made.map_err(|error| error.to_string()));
            let made = made.map_err(|message| self.failure(Class::Permanent, message))?;
            self.instance = Some(made);
        }
        self.instance
            .as_mut()
            .ok_or_else(|| Failure::new(Class::Internal, "no instance"))
    }

    fn failure(&self, class: Class, message: String) -> Failure {
        Failure::new(class, message).at(self.context.component.clone())
    }

    /// Lets the component edit the records.
    fn edit(&mut self, records: OtapArrowRecords) -> Result<OtapArrowRecords, Failure> {
        let mut batch =
            to_batch(records).map_err(|message| self.failure(Class::Permanent, message))?;
        let instance = self.instance()?;
        let outcome = catch_unwind(AssertUnwindSafe(|| instance.process(&mut batch)));
        let outcome = outcome.map(|done| done.and_then(|()| self.access.check(&batch)));
        match outcome {
            Ok(Ok(())) => {
                to_records(batch).map_err(|message| self.failure(Class::Permanent, message))
            }
            Ok(Err(error)) => {
                let class = if error.is_permanent() {
                    Class::Permanent
                } else {
                    Class::Retryable
                };
                Err(self.failure(class, error.to_string()))
            }
            Err(panic) => {
                self.instance = None;
                let message = format!("panic: {}", panic_message(panic.as_ref()));
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
        let name = self.context.component.clone();
        edit_logs(pdata, effect_handler, &name, |records| self.edit(records)).await
    }

    fn end(&mut self) {
        let Some(mut instance) = self.instance.take() else {
            return;
        };
        let ended = catch_unwind(AssertUnwindSafe(|| instance.shutdown()));
        let error = match ended {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(panic) => format!("panic: {}", panic_message(panic.as_ref())),
        };
        tracing::error!(component = %self.context.component, %error, "a component's shutdown failed");
    }
}

/// Lets `edit` change a batch of logs and sends it on; a batch of which nothing is left is acked.
/// `name` is the component's or node's, for errors.
pub(crate) async fn edit_logs(
    pdata: OtapPdata,
    effect_handler: &mut EffectHandler<OtapPdata>,
    name: &str,
    edit: impl FnOnce(OtapArrowRecords) -> Result<OtapArrowRecords, Failure>,
) -> Result<(), Error> {
    let (delivery, records) = match effect_handler.prepare_otap_work(pdata).await {
        Ok(ready) => ready,
        Err(error) => {
            let (error, pdata) = error.into_parts();
            let failure = Failure::new(Class::Permanent, error.to_string()).at(name);
            return refuse(effect_handler, pdata, failure).await;
        }
    };
    match edit(records) {
        Ok(records) if records.num_items() == 0 => {
            effect_handler
                .notify_ack(AckMsg::new(delivery.into_pdata()))
                .await
        }
        Ok(records) => {
            let pdata = delivery.with_payload(records.into());
            Ok(effect_handler.send_message_with_source_node(pdata).await?)
        }
        Err(failure) => refuse(effect_handler, delivery.into_pdata(), failure).await,
    }
}

async fn refuse(
    effect_handler: &EffectHandler<OtapPdata>,
    pdata: OtapPdata,
    failure: Failure,
) -> Result<(), Error> {
    let reason = failure.to_string();
    let permanent = failure.class.is_final();
    port::note(Tag::of(&pdata), failure);
    let nack = if permanent {
        NackMsg::new_permanent(reason, pdata)
    } else {
        NackMsg::new(reason, pdata)
    };
    effect_handler.notify_nack(nack).await
}

#[async_trait(?Send)]
impl EngineProcessor<OtapPdata> for Adapter {
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

impl Drop for Adapter {
    fn drop(&mut self) {
        self.end();
    }
}

const TABLES: [(Payload, ArrowPayloadType); 4] = [
    (Payload::Logs, ArrowPayloadType::Logs),
    (Payload::LogAttributes, ArrowPayloadType::LogAttrs),
    (Payload::ResourceAttributes, ArrowPayloadType::ResourceAttrs),
    (Payload::ScopeAttributes, ArrowPayloadType::ScopeAttrs),
];

/// The engine's records as the SDK's batch; the tables are shared, not copied.
pub(crate) fn to_batch(mut records: OtapArrowRecords) -> Result<Batch, String> {
    records
        .decode_transport_optimized_ids()
        .map_err(|error| error.to_string())?;
    let tables = TABLES
        .into_iter()
        .filter_map(|(payload, kind)| Some((payload, records.remove(kind)?)));
    let tables: Vec<_> = tables.collect();
    Batch::from_tables(tables).map_err(|error| error.to_string())
}

pub(crate) fn to_records(batch: Batch) -> Result<OtapArrowRecords, String> {
    let mut records = OtapArrowRecords::Logs(Logs::default());
    for (payload, table) in batch.into_tables() {
        let kind = TABLES
            .iter()
            .find(|(known, _)| *known == payload)
            .map(|(_, kind)| *kind);
        let kind = kind.ok_or_else(|| format!("table {} is not known", payload.name()))?;
        records
            .set(kind, table)
            .map_err(|error| error.to_string())?;
    }
    Ok(records)
}
