//! The node by which batches of other units enter ([`bridge`](crate::bridge)), and by which those
//! that the host gets besides come back from a bridge of the unit's own.
//!
//! As many are under way by it as the lane lets into the engine by the ring; where they come back,
//! as the host gives credit for. A way back lasts until nothing more can come by any other node.

use crate::ambient;
use crate::bridge::FromOthers;
use crate::calls::Port;
use crate::nodes::bridge::of_member;
use crate::nodes::entrance::{Beside, Entrance};
use crate::nodes::made::wrong;
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
use tokio::sync::watch;

/// The engine's name of this node.
pub(crate) const URN: &str = "urn:strait:receiver:door";

pub(crate) const FACTORY: ReceiverFactory<OtapPdata> = ReceiverFactory {
    name: URN,
    create: |context, node, node_config, config, _capabilities| {
        let lane = u32::try_from(context.core_id()).unwrap_or(u32::MAX);
        let door = Door::open(read(&node_config.config)?, lane)?;
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
    /// It lets batches in; `None`: they come back.
    source: Option<ambient::Source>,
    others: Others,
}

impl Door {
    fn open(Which { back_from }: Which, lane: u32) -> Result<Self, ConfigError> {
        let port = ambient::port_for("a door")?;
        let (limits, members) = (&port.settings.limits, &port.settings.members);
        if let Some(member) = back_from {
            let bridge = of_member(member)?;
            let back = bridge.host.as_ref();
            let back =
                back.ok_or_else(|| wrong("no way leads back from this bridge".to_owned()))?;
            return Ok(Self {
                from_others: back.open(lane),
                most: limits.credit,
                taken: None,
                source: None,
                others: Others(Some(ambient::sources())),
                port: Rc::clone(&port),
            });
        }
        let door = port.settings.door.as_ref();
        let door = door.ok_or_else(|| wrong("the unit has no door".to_owned()))?;
        // One that is found by its node counts by itself.
        let first = members.first().filter(|first| first.entries.is_empty());
        Ok(Self {
            from_others: door.open(lane),
            most: limits.max_in_flight,
            source: Some(ambient::source()),
            others: Others(None),
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
            source: self.source,
        };
        entrance
            .run(self.from_others, self.others, control, effect_handler)
            .await
    }
}

/// The nodes whose batches come back by a door, until none of them makes any more; `None`: those of
/// other units, which end before this one.
struct Others(Option<watch::Receiver<usize>>);

impl Beside for Others {
    fn runs(&self) -> bool {
        self.0.is_some()
    }

    async fn end(&mut self, _draining: bool) {
        if let Some(sources) = &mut self.0 {
            // Where nobody counts any more, nobody is there.
            let _ = sources.wait_for(|count| *count == 0).await;
            self.0 = None;
        }
    }

    fn stop(&mut self) {}

    fn cut(&mut self) {
        self.0 = None;
    }
}
