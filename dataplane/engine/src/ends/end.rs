//! What the two ends of a pipeline have in common.

use crate::calls::{self, Port};
use otel_arrow_dfe_config::error::Error as ConfigError;
use otel_arrow_dfe_engine::terminal_state::TerminalState;
use otel_arrow_dfe_telemetry::metrics::MetricSetSnapshot;
use serde::Deserialize;
use serde_json::Value;
use std::rc::Rc;
use std::time::Instant;

/// Configuration of both ends of a unit.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EndConfig {
    /// Key of the port on the lane's thread.
    lane: String,
}

impl EndConfig {
    pub(crate) fn read(config: &Value) -> Result<Self, ConfigError> {
        serde_json::from_value(config.clone()).map_err(|error| ConfigError::InvalidUserConfig {
            error: error.to_string(),
        })
    }
}

/// The port that an end's configuration names.
pub(crate) fn find_port(config: &Value) -> Result<Rc<Port>, ConfigError> {
    let EndConfig { lane } = EndConfig::read(config)?;
    calls::find(&lane).ok_or_else(|| ConfigError::InvalidUserConfig {
        error: format!("no lane `{lane}` on this thread: the ends run inside a Strait lane only"),
    })
}

/// A terminal state without metrics.
pub(crate) fn terminal(deadline: Instant) -> TerminalState {
    TerminalState::new::<[MetricSetSnapshot; 0]>(deadline, [])
}

/// Waits until then; for ever where there is no such time.
pub(crate) async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
