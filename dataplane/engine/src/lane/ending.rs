//! When a lane must end: what its owner tells its thread.

use otel_arrow_dfe_engine::control::{RuntimeControlMsg, RuntimeCtrlMsgSender};
use otel_arrow_dfe_otap::pdata::OtapPdata;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::Notify;

/// What the lane's thread and its owner share.
#[derive(Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    stop_wake: Notify,
}

#[derive(Default)]
pub(super) struct State {
    /// Taken when the shutdown is sent: the engine ends only when no sender is left.
    pub(super) control: Option<RuntimeCtrlMsgSender<OtapPdata>>,
    /// Set once: when the lane must have drained.
    pub(super) stop: Option<Instant>,
}

impl Shared {
    pub(super) fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for the lane's end. The first deadline counts.
    pub(super) fn stop(&self, deadline: Instant) {
        let mut state = self.lock();
        if state.stop.is_none() {
            state.stop = Some(deadline);
            drop(state);
            self.end_pipeline(deadline);
            self.stop_wake.notify_one();
        }
    }

    /// Asks the pipeline that runs now to drain and end.
    pub(super) fn end_pipeline(&self, deadline: Instant) {
        let Some(control) = self.lock().control.take() else {
            return;
        };
        let message = RuntimeControlMsg::Shutdown {
            deadline,
            reason: "unit shutdown".into(),
        };
        if control.try_send(message).is_err() {
            tracing::warn!("the pipeline did not take its shutdown");
        }
    }

    /// Returns when the lane is asked to end.
    pub(super) async fn stopped(&self) {
        while self.stopping().is_none() {
            self.stop_wake.notified().await;
        }
    }

    /// When the lane must have drained, once it was asked to end.
    pub(super) fn stopping(&self) -> Option<Instant> {
        self.lock().stop
    }
}
