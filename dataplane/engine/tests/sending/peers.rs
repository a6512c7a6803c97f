//! Components that do as their batches say, and a node that fails once.

use async_trait::async_trait;
use linkme::distributed_slice;
use otel_arrow_dfe_engine::control::{CallData, NodeControlMsg};
use otel_arrow_dfe_engine::error::{Error as EngineError, ProcessorErrorKind};
use otel_arrow_dfe_engine::local::processor::{EffectHandler, Processor as EngineProcessor};
use otel_arrow_dfe_engine::message::Message;
use otel_arrow_dfe_engine::processor::ProcessorWrapper;
use otel_arrow_dfe_engine::wiring_contract::WiringContract;
use otel_arrow_dfe_engine::{
    ConsumerEffectHandlerExtension, Interests, MessageSourceLocalEffectHandlerExtension,
    ProcessorFactory, ProducerEffectHandlerExtension,
};
use otel_arrow_dfe_otap::OTAP_PROCESSOR_FACTORIES;
use otel_arrow_dfe_otap::pdata::OtapPdata;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;
use strait_component::prelude::*;
use strait_component::testing::{Sample, batch};

/// What exporters have met, by the name in their configuration.
static MET: LazyLock<Mutex<HashMap<String, Vec<String>>>> = LazyLock::new(Mutex::default);

pub(crate) fn met(name: &str) -> Vec<String> {
    let met = MET.lock().unwrap_or_else(PoisonError::into_inner);
    met.get(name).cloned().unwrap_or_default()
}

pub(crate) fn meets(name: &str, what: &str) -> usize {
    let mut met = MET.lock().unwrap_or_else(PoisonError::into_inner);
    let met = met.entry(name.to_owned()).or_default();
    met.push(what.to_owned());
    met.iter().filter(|seen| *seen == what).count()
}

#[derive(Clone, Default, Deserialize, Serialize, JsonSchema)]
pub(crate) struct Config {
    name: String,
}

/// Does what the first log's body says.
pub(crate) struct Obedient(Config);

impl Exporter for Obedient {
    async fn export(&self, batch: Batch) -> Result<(), Error> {
        let logs = batch.logs();
        let order = logs.get(0).expect("a log").body();
        let order = order.as_str().expect("a text").to_owned();
        let times = meets(&self.0.name, &order);
        let mut words = order.split(' ');
        match (words.next(), words.next()) {
            (Some("twice"), _) if times < 3 => Err(Error::retryable("not yet").grpc(14)),
            (Some("never"), _) => Err(Error::retryable("never")),
            (Some("permanent"), _) => Err(Error::permanent("lost").grpc(3)),
            (Some("panic"), _) => panic!("boom"),
            (Some("hang"), _) => {
                assert!(batch.context().deadline().is_some());
                pending().await
            }
            (Some("until"), Some(file)) => {
                while !met(file).iter().any(|what| what == "open") {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    async fn shutdown(&self) -> Result<(), Error> {
        meets(&self.0.name, "shutdown");
        Ok(())
    }
}

pub(crate) struct Factory;

impl ExporterFactory for Factory {
    type Config = Config;
    type Exporter = Obedient;

    fn describe(&self) -> Description {
        let level = Stability::Development;
        Description::exporter("obedient", package!())
            .logs(level)
            .traces(level)
    }

    fn create(&self, config: Config, _: &Settings) -> Result<Obedient, CreateError> {
        Ok(Obedient(config))
    }
}

/// Sends what its configuration names, as logs, once.
pub(crate) struct Sender(Config);

impl Receiver for Sender {
    async fn run(&mut self, host: strait_component::Host) -> Result<(), Error> {
        let sending = host.send(batch(&[Sample::new(self.0.name.as_str())]));
        let impatient = self.0.name.starts_with("never");
        let left = Duration::from_millis(if impatient { 30 } else { 60_000 });
        let Ok(sent) = tokio::time::timeout(left, sending).await else {
            meets(&self.0.name, "left");
            host.stopped().await;
            return Ok(());
        };
        meets(&self.0.name, &format!("told {sent:?}"));
        host.stopped().await;
        Ok(())
    }
}

pub(crate) struct SenderFactory;

impl ReceiverFactory for SenderFactory {
    type Config = Config;
    type Receiver = Sender;

    fn describe(&self) -> Description {
        Description::receiver("sender", package!()).logs(Stability::Development)
    }

    fn create(&self, config: Config, _: &Settings) -> Result<Sender, CreateError> {
        Ok(Sender(config))
    }
}

/// A node that passes everything, and fails on its first answer, for which no batch is to blame.
struct Trips(bool);

#[allow(unsafe_code)] // what the engine's registration expands to
#[distributed_slice(OTAP_PROCESSOR_FACTORIES)]
static TRIPS: ProcessorFactory<OtapPdata> = ProcessorFactory {
    name: URN,
    create: |_context, node, node_config, config, _capabilities| {
        static TRIPPED: AtomicBool = AtomicBool::new(false);
        let trips = Trips(!TRIPPED.swap(true, Ordering::Relaxed));
        Ok(ProcessorWrapper::local(trips, node, node_config, config))
    },
    context_declarations: None,
    wiring_contract: WiringContract::UNRESTRICTED,
    validate_config: |_| Ok(()),
};

pub(crate) const URN: &str = "urn:strait-test:processor:trips";

#[async_trait(?Send)]
impl EngineProcessor<OtapPdata> for Trips {
    async fn process(
        &mut self,
        message: Message<OtapPdata>,
        handler: &mut EffectHandler<OtapPdata>,
    ) -> Result<(), EngineError> {
        match message {
            Message::PData(mut pdata) => {
                handler.subscribe_to(Interests::ACKS_OR_NACKS, CallData::new(), &mut pdata);
                Ok(handler.send_message_with_source_node(pdata).await?)
            }
            Message::Control(NodeControlMsg::Ack(_)) if self.0 => {
                Err(EngineError::ProcessorError {
                    processor: handler.processor_id(),
                    kind: ProcessorErrorKind::Other,
                    error: "as asked".into(),
                    source_detail: String::new(),
                })
            }
            Message::Control(NodeControlMsg::Ack(ack)) => handler.notify_ack(ack).await,
            Message::Control(NodeControlMsg::Nack(nack)) => handler.notify_nack(nack).await,
            Message::Control(_) => Ok(()),
        }
    }
}
