//! A node of ours for logs in the place of one of the engine's, which gets everything else.
//!
//! What it does to a batch is an [`Edit`]; how a batch reaches it and what becomes of its failures
//! is the same for all of them, and here.

use crate::catalog::Node;
use crate::catalog::edit::Edit;
use crate::nodes::batches::{edit_logs, to_batch, to_records};
use async_trait::async_trait;
use otel_arrow_dfe_config::SignalType;
use otel_arrow_dfe_config::error::Error as ConfigError;
use otel_arrow_dfe_engine::error::Error;
use otel_arrow_dfe_engine::local::processor::{EffectHandler, Processor};
use otel_arrow_dfe_engine::message::Message;
use otel_arrow_dfe_engine::processor::ProcessorRuntimeRequirements;
use otel_arrow_dfe_otap::pdata::OtapPdata;
use serde_json::Value;
use strait_failure::{Class, Failure};

/// The edit of logs in front of the engine's own node.
struct LogNode {
    name: String,
    edit: Box<dyn Edit>,
    inner: Box<dyn Processor<OtapPdata>>,
}

#[async_trait(?Send)]
impl Processor<OtapPdata> for LogNode {
    async fn process(
        &mut self,
        msg: Message<OtapPdata>,
        effect_handler: &mut EffectHandler<OtapPdata>,
    ) -> Result<(), Error> {
        match msg {
            Message::PData(pdata) if pdata.signal_type() == SignalType::Logs => {
                edit_logs(pdata, effect_handler, &self.name, |records| {
                    let failed =
                        |error: String| Failure::new(Class::Permanent, error).at(self.name.clone());
                    let mut batch = to_batch(records).map_err(failed)?;
                    self.edit.apply(&mut batch).map_err(failed)?;
                    to_records(batch).map_err(failed)
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

/// The node that takes the place of one of the engine's that loses data; any other stays.
///
/// # Errors
///
/// The node of ours does not take the configuration.
pub(crate) fn substitute(
    node: &Node,
    name: &str,
    config: &Value,
    inner: Box<dyn Processor<OtapPdata>>,
) -> Result<Box<dyn Processor<OtapPdata>>, ConfigError> {
    let Some(substitute) = node.substitute else {
        return Ok(inner);
    };
    let edit = substitute(config).map_err(|error| ConfigError::InvalidUserConfig { error })?;
    Ok(Box::new(LogNode {
        name: name.to_owned(),
        edit,
        inner,
    }))
}
