//! The node by which batches of other units enter ([`bridge`](crate::bridge)), and by which those
//! that the host gets besides come back from a bridge of the unit's own.
//!
//! As many are under way by it as the lane lets into the engine by the ring; where they come back,
//! as the host gives credit for.

use crate::ambient;
use crate::bridge::FromOthers;
use crate::calls::Port;
use crate::nodes::bridge::{of_member, wrong};
use crate::nodes::entrance::{Beside, Entrance};
use crate::unit::Taken;
use async_trait::async_trait;
use otel_arrow_dfe_config::error::Error as ConfigError;
use otel_arrow_dfe_engine::ReceiverFactory;
use otel_arrow_dfe_engine::error::Error;
use otel_arrow_dfe_engine::local::receiver::{ControlChannel, EffectHandler, Receiver};
use otel_arrow_dfe_engine::receiver::ReceiverWrapper;
use otel_arrow_dfe_engine::terminal_state::TerminalState;
use otel_arrow_dfe_engine::wiring_contract::WiringContract;
use otel_arrow_dfe_otap::pdata::OtapPdata;
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// The engine's name of this node.
pub(crate) const URN: &str = "urn:strait:receiver:door";

pub(crate) const FACTORY: ReceiverFactory<OtapPdata> = ReceiverFactory {
    name: URN,
    create: |_context, node, node_config, config, _capabilities| {
        let door = Door::open(read(&node_config.config)?)?;
        Ok(ReceiverWrapper::local(door, node, node_config, config))
    },
    context_declarations: None,
    wiring_contract: WiringContract::UNRESTRICTED,
    validate_config: |config| read(config).map(drop),
};

/// Which door it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    /// The way back from the bridge of the member of this place; `None`: the unit's own.
    #[serde(default)]
    back_from: Option<usize>,
}

fn read(config: &Value) -> Result<Which, ConfigError> {
    Which::deserialize(config).map_err(|error| wrong(error.to_string()))
}

struct Door {
    port: Rc<Port>,
    from_others: FromOthers,
    most: usize,
    /// Where what enters the unit is counted.
    taken: Option<Arc<Taken>>,
}

impl Door {
    fn open(Which { back_from }: Which) -> Result<Self, ConfigError> {
        let port = ambient::port_for("a door")?;
        let (limits, members) = (&port.settings.limits, &port.settings.members);
        if let Some(member) = back_from {
            let bridge = of_member(member)?;
            let back = bridge.host.as_ref();
            let back =
                back.ok_or_else(|| wrong("no way leads back from this bridge".to_owned()))?;
            return Ok(Self {
                from_others: back.open(),
                most: limits.credit,
                taken: None,
                port: Rc::clone(&port),
            });
        }
        let door = port.settings.door.as_ref();
        let door = door.ok_or_else(|| wrong("the unit has no door".to_owned()))?;
        // One that is found by its node counts by itself.
        let first = members.first().filter(|first| first.entries.is_empty());
        Ok(Self {
            from_others: door.open(),
            most: limits.max_in_flight,
            taken: first.map(|first| Arc::clone(&first.taken)),
            port: Rc::clone(&port),
        })
    }
}

#[async_trait(?Send)]
impl Receiver<OtapPdata> for Door {
    async fn start(
        self: Box<Self>,
        control: ControlChannel<OtapPdata>,
        effect_handler: EffectHandler<OtapPdata>,
    ) -> Result<TerminalState, Error> {
        let entrance = Entrance {
            port: self.port,
            most: self.most,
            by_signal: false,
            logs_as_otlp: false,
            counts: None,
            taken: self.taken,
            spans: HashMap::new(),
            waiting: HashMap::new(),
        };
        entrance
            .run(self.from_others, Nothing, control, effect_handler)
            .await
    }
}

/// Nothing runs beside a door.
struct Nothing;

impl Beside for Nothing {
    fn runs(&self) -> bool {
        false
    }

    async fn end(&mut self, _draining: bool) {}

    fn stop(&mut self) {}

    fn cut(&mut self) {}
}
