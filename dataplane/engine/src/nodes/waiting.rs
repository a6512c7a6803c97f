//! How our own nodes wait, send, and end.

use otel_arrow_dfe_channel::error::SendError;
use otel_arrow_dfe_engine::MessageSourceLocalEffectHandlerExtension;
use otel_arrow_dfe_engine::error::{Error, TypedError};
use otel_arrow_dfe_engine::local::receiver::EffectHandler;
use otel_arrow_dfe_engine::terminal_state::TerminalState;
use otel_arrow_dfe_otap::pdata::OtapPdata;
use otel_arrow_dfe_telemetry::metrics::MetricSetSnapshot;
use std::pin::Pin;
use std::time::{Duration, Instant};

/// What an exporter and its storage have to end in after the last export, however late that was.
pub(crate) const LEAST_SHUTDOWN: Duration = Duration::from_millis(100);

/// A batch on its way to the next node, which has no room for it yet.
pub(crate) type Sending<'a> = Pin<Box<dyn Future<Output = Result<(), TypedError<OtapPdata>>> + 'a>>;

/// Sends at once where there is room; else gives back the future that waits for it. By a port,
/// where one is named.
pub(crate) fn send<'e>(
    effect_handler: &'e EffectHandler<OtapPdata>,
    port: Option<&'static str>,
    pdata: OtapPdata,
) -> Result<Option<Sending<'e>>, Error> {
    let sent = match port {
        Some(port) => effect_handler.try_send_message_with_source_node_to(port, pdata),
        None => effect_handler.try_send_message_with_source_node(pdata),
    };
    match sent {
        Ok(()) => Ok(None),
        Err(TypedError::ChannelSendError(SendError::Full(pdata))) => {
            Ok(Some(Box::pin(async move {
                match port {
                    Some(port) => {
                        effect_handler
                            .send_message_with_source_node_to(port, pdata)
                            .await
                    }
                    None => effect_handler.send_message_with_source_node(pdata).await,
                }
            })))
        }
        Err(error) => Err(error.into()),
    }
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
