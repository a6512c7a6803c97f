//! The `filter` node for logs: the engine's configuration, our own evaluation, on the SDK.
//!
//! The engine's filter joins every attribute table it finds and so drops logs without attributes
//! once another log has one; it ends its pipeline on a batch without a column that it tests, and
//! takes severity 0 for no severity. This one does none of that: a log is kept or dropped for what
//! it holds, however its columns are encoded, and fields that are absent read as OTLP's defaults.
//! Where the engine's filter loses nothing, the two agree:
//!
//! - a log stays if all groups of `include` that are configured match, and none of `exclude`;
//! - groups are: the resource (all of `resource_attributes`), the record's fields (one of
//!   `severity_texts`, one of `bodies`, and `severity_number`), its attributes (one of
//!   `record_attributes`);
//! - values match only values of their own type: 5 is not 5.0 and not "5".
//!
//! Spans and metrics are left to the engine's node.

mod matcher;
mod rules;

pub(crate) use matcher::LogFilter;
pub(crate) use rules::{FilterConfig, LogMatch};

use crate::adapter;
use crate::failure::{Class, Failure};
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
pub(crate) const URN: &str = "urn:otel:processor:filter";

/// The filter of logs in front of the engine's own node, which gets everything else.
pub(crate) struct FilterNode {
    name: String,
    filter: LogFilter,
    inner: Box<dyn Processor<OtapPdata>>,
}

impl FilterNode {
    /// A node with this configuration; `inner` is the engine's, with the same one.
    pub(crate) fn new(
        name: String,
        config: &Value,
        inner: Box<dyn Processor<OtapPdata>>,
    ) -> Result<Self, ConfigError> {
        let filter = LogFilter::read(config).map_err(|error| ConfigError::InvalidUserConfig {
            error: error.to_string(),
        })?;
        Ok(Self {
            name,
            filter,
            inner,
        })
    }
}

#[async_trait(?Send)]
impl Processor<OtapPdata> for FilterNode {
    async fn process(
        &mut self,
        msg: Message<OtapPdata>,
        effect_handler: &mut EffectHandler<OtapPdata>,
    ) -> Result<(), Error> {
        match msg {
            Message::PData(pdata) if pdata.signal_type() == SignalType::Logs => {
                let filter = &self.filter;
                adapter::edit_logs(pdata, effect_handler, &self.name, |records| {
                    let failed =
                        |error: String| Failure::new(Class::Permanent, error).at(self.name.clone());
                    let mut batch = adapter::to_batch(records).map_err(failed)?;
                    filter
                        .apply(&mut batch)
                        .map_err(|error| failed(error.to_string()))?;
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
