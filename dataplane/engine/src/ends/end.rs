//! What the two ends of a pipeline have in common.

use crate::ambient;
use crate::calls::Port;
use otel_arrow_dfe_config::error::Error as ConfigError;
use otel_arrow_dfe_engine::terminal_state::TerminalState;
use otel_arrow_dfe_telemetry::metrics::MetricSetSnapshot;
use std::rc::Rc;
use std::time::Instant;

/// The port of the lane that an end is made for.
pub(crate) fn find_port() -> Result<Rc<Port>, ConfigError> {
    ambient::port().ok_or_else(|| ConfigError::InvalidUserConfig {
        error: "no lane on this thread: the ends run inside a Strait lane only".into(),
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
