//! The node by which batches leave a unit for others ([`bridge`](crate::bridge)): an exporter whose
//! verdict is theirs.

use crate::ambient;
use crate::bridge::{self, Bridge};
use crate::nodes::destination::Destination;
use crate::nodes::exporter::Component;
use crate::nodes::made::wrong;
use otel_arrow_dfe_config::error::Error as ConfigError;
use otel_arrow_dfe_engine::ExporterFactory;
use otel_arrow_dfe_engine::exporter::ExporterWrapper;
use otel_arrow_dfe_engine::wiring_contract::WiringContract;
use otel_arrow_dfe_otap::pdata::OtapPdata;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use std::time::Instant;
use strait_component::Batch;
use strait_failure::{Class, Failure};
use tokio::task::JoinError;

pub(crate) const FACTORY: ExporterFactory<OtapPdata> = ExporterFactory {
    name: bridge::URN,
    create: |_context, node, node_config, config, _capabilities| {
        let way = Across::at(member(&node_config.config)?)?;
        let exporter = Component::new(way, ambient::entered(&node.name));
        Ok(ExporterWrapper::local(exporter, node, node_config, config))
    },
    context_declarations: None,
    wiring_contract: WiringContract::UNRESTRICTED,
    validate_config: |config| member(config).map(drop),
};

/// The place among the unit's members that a node's configuration names.
pub(super) fn member(config: &Value) -> Result<usize, ConfigError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Place {
        member: usize,
    }
    let place = Place::deserialize(config).map_err(|error| wrong(error.to_string()))?;
    Ok(place.member)
}

/// The bridge of the member at a place of this lane's unit.
pub(super) fn of_member(place: usize) -> Result<Arc<Bridge>, ConfigError> {
    let port = ambient::port_for("the way to other units")?;
    let member = port.settings.members.get(place);
    let bridge = member.and_then(|member| member.bridge.clone());
    bridge.ok_or_else(|| wrong(format!("member {place} leads to no other unit")))
}

/// The way to other units.
#[derive(Clone)]
struct Across {
    bridge: Arc<Bridge>,
    unit: String,
}

impl Across {
    fn at(place: usize) -> Result<Self, ConfigError> {
        let port = ambient::port_for("the way to other units")?;
        Ok(Self {
            bridge: of_member(place)?,
            unit: port.settings.unit.clone(),
        })
    }
}

impl Destination for Across {
    async fn export(&self, batch: Batch) -> Result<(), Failure> {
        let context = batch.context().clone();
        tokio::select! {
            biased;
            verdict = self.bridge.send(batch) => verdict,
            // What is dropped with that is withdrawn wherever it is.
            why = context.cancelled() => Err(why.into()),
        }
    }

    fn fell(&self, panic: &JoinError) -> Failure {
        self.failure(Class::Internal, &panic.to_string())
    }

    fn failure(&self, class: Class, message: &str) -> Failure {
        Failure::new(class, message).at(self.id())
    }

    fn id(&self) -> String {
        self.unit.clone()
    }

    async fn shutdown(&self, _deadline: Instant) {}
}
