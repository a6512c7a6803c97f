//! A way out of a graph that has several: notes on each batch the edge by which it leaves. It
//! stands in front of the egress, keeps nothing, and acts on no answer.

use crate::calls::way;
use async_trait::async_trait;
use otel_arrow_dfe_config::error::Error as ConfigError;
use otel_arrow_dfe_engine::error::Error;
use otel_arrow_dfe_engine::local::processor::{EffectHandler, Processor};
use otel_arrow_dfe_engine::message::Message;
use otel_arrow_dfe_engine::processor::ProcessorWrapper;
use otel_arrow_dfe_engine::wiring_contract::WiringContract;
use otel_arrow_dfe_engine::{MessageSourceLocalEffectHandlerExtension, ProcessorFactory};
use otel_arrow_dfe_otap::pdata::OtapPdata;
use serde::Deserialize;
use serde_json::{Value, json};

/// The engine's name of this node.
pub(crate) const URN: &str = "urn:strait:processor:way_out";

pub(crate) const FACTORY: ProcessorFactory<OtapPdata> = ProcessorFactory {
    name: URN,
    create: |_context, node, node_config, config, _capabilities| {
        let way = read(&node_config.config)?;
        Ok(ProcessorWrapper::local(way, node, node_config, config))
    },
    context_declarations: None,
    wiring_contract: WiringContract::UNRESTRICTED,
    validate_config: |config| read(config).map(drop),
};

/// The configuration of one that leads to this edge.
pub(crate) fn config(edge: u16) -> Value {
    json!({"edge": edge})
}

#[derive(Deserialize)]
struct WayOut {
    edge: u16,
}

fn read(config: &Value) -> Result<WayOut, ConfigError> {
    WayOut::deserialize(config).map_err(|error| ConfigError::InvalidUserConfig {
        error: error.to_string(),
    })
}

#[async_trait(?Send)]
impl Processor<OtapPdata> for WayOut {
    async fn process(
        &mut self,
        message: Message<OtapPdata>,
        engine: &mut EffectHandler<OtapPdata>,
    ) -> Result<(), Error> {
        if let Message::PData(mut pdata) = message {
            way::put(&mut pdata, self.edge);
            engine.send_message_with_source_node(pdata).await?;
        }
        Ok(())
    }
}
