//! The `attribute` node for logs: the engine's configuration, our own evaluation, on the SDK.
//!
//! The engine's node corrupts or panics on valid data: two renames in one node whose new keys exist
//! already leave attributes doubled, or end in a panic, as does an insert where an attribute's owner
//! is gone. This one has the semantics that the engine documents:
//!
//! - all actions of one node apply at once (no key occurs in two of them, which `validate` checks);
//! - `rename` removes an attribute that has the new key already from the same owner; `insert` adds
//!   where the key is absent, `update` changes where it is there, `upsert` does both, `delete`
//!   removes;
//! - `hash` replaces text, numbers, booleans and bytes by the lower-case hexadecimal SHA-256 of salt
//!   and value; maps, lists and empty values stay;
//! - rows keep their order, new ones come last; columns that no action changes stay the same arrays.
//!
//! Spans and metrics are left to the engine's node.

mod actions;
mod table;
mod values;

pub(crate) use actions::{Action, AttributeConfig};

use crate::adapter;
use crate::failure::{Class, Failure};
use actions::Actions;
use async_trait::async_trait;
use otel_arrow_dfe_config::SignalType;
use otel_arrow_dfe_config::error::Error as ConfigError;
use otel_arrow_dfe_engine::error::Error;
use otel_arrow_dfe_engine::local::processor::{EffectHandler, Processor};
use otel_arrow_dfe_engine::message::Message;
use otel_arrow_dfe_engine::processor::ProcessorRuntimeRequirements;
use otel_arrow_dfe_otap::pdata::OtapPdata;
use serde_json::Value;

/// The engine's name of the node that this one takes the place of.
pub(crate) const URN: &str = "urn:otel:processor:attribute";

/// The edits of logs in front of the engine's own node, which gets everything else.
pub(crate) struct AttributeNode {
    name: String,
    actions: Actions,
    inner: Box<dyn Processor<OtapPdata>>,
}

impl AttributeNode {
    /// A node with this configuration; `inner` is the engine's, with the same one.
    pub(crate) fn new(
        name: String,
        config: &Value,
        inner: Box<dyn Processor<OtapPdata>>,
    ) -> Result<Self, ConfigError> {
        let actions = Actions::read(config).map_err(|error| ConfigError::InvalidUserConfig {
            error: error.to_string(),
        })?;
        Ok(Self {
            name,
            actions,
            inner,
        })
    }
}

#[async_trait(?Send)]
impl Processor<OtapPdata> for AttributeNode {
    async fn process(
        &mut self,
        msg: Message<OtapPdata>,
        effect_handler: &mut EffectHandler<OtapPdata>,
    ) -> Result<(), Error> {
        match msg {
            Message::PData(pdata) if pdata.signal_type() == SignalType::Logs => {
                adapter::edit_logs(pdata, effect_handler, &self.name, |records| {
                    let failed =
                        |error: String| Failure::new(Class::Permanent, error).at(self.name.clone());
                    let mut batch = adapter::to_batch(records).map_err(failed)?;
                    table::apply(&self.actions, &mut batch).map_err(failed)?;
                    adapter::to_records(batch).map_err(failed)
                })
                .await
            }
            msg => self.inner.process(msg, effect_handler).await,
        }
    }

    fn accept_pdata(&self) -> bool {
        self.inner.accept_pdata()
    }

    fn runtime_requirements(&self) -> ProcessorRuntimeRequirements {
        self.inner.runtime_requirements()
    }
}
