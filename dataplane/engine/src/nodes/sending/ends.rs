//! The two ends of the node: that of its lane, which another one follows, and that of its unit.

use super::{COUNTED, Of, Work};
use crate::nodes::answers::answer;
use crate::nodes::destination::Destination;
use crate::nodes::spans;
use crate::nodes::waiting::terminal;
use crate::sending::{Batcher, Limits};
use otel_arrow_dfe_engine::error::Error;
use otel_arrow_dfe_engine::terminal_state::TerminalState;
use std::time::Instant;
use strait_failure::{Class, Failure};
use tokio::task::JoinError;

impl Work {
    /// Ends the node, and not the unit: what is in the queue is left to the node of the next lane;
    /// who waits for a batch has it back.
    pub(super) async fn leave(mut self, deadline: Instant) -> Result<TerminalState, Error> {
        self.consumers.abort_all();
        while self.consumers.join_next_with_id().await.is_some() {}
        let gone = self
            .exports
            .failure(Class::Unavailable, "the lane has ended");
        let counts = &self.sending.counts;
        let waits = |limits: &Limits| limits.wait_for_result;
        let waits = self.sending.policy.queue.as_ref().is_none_or(waits);
        let waiting = std::mem::take(&mut self.waiting).into_values();
        let mut owed: Vec<_> = waiting.map(|waiting| waiting.pdata).collect();
        for sent in std::mem::take(&mut self.sent).into_values() {
            spans::end(sent.span, COUNTED, sent.items, Some(&gone));
            if waits {
                counts.end(sent.items, Err(&gone), false);
            }
            if let Of::Sender(pdata) = sent.of {
                owed.push(pdata);
            }
        }
        for blocked in std::mem::take(&mut self.blocked) {
            counts.refused(blocked.items);
            owed.push(blocked.pdata);
        }
        for pdata in owed {
            answer(&self.engine, pdata, Err(gone.clone())).await?;
        }
        self.sending.at_rest();
        if let Some(store) = self.store {
            store.close(deadline).await;
        }
        self.exports.shutdown(deadline).await;
        Ok(terminal(deadline))
    }

    /// Ends the node: what is still under way, or in the queue, is given up.
    pub(super) async fn stop(mut self, deadline: Instant) -> Result<TerminalState, Error> {
        self.consumers.abort_all();
        while let Some(done) = self.consumers.join_next_with_id().await {
            // What was done has its own answer; what was dropped has none.
            if !done.as_ref().is_err_and(JoinError::is_cancelled) {
                self.ended(done).await?;
            }
        }
        let late = self.exports.failure(
            Class::Unavailable,
            "the exporter was not done with it when the unit stopped",
        );
        let mut given_up = 0;
        for (_, sent) in std::mem::take(&mut self.sent) {
            self.sending.counts.end(sent.items, Err(&late), true);
            spans::end(sent.span, COUNTED, sent.items, Some(&late));
            given_up += sent.items;
            match sent.of {
                Of::Sender(pdata) => answer(&self.engine, pdata, Err(late.clone())).await?,
                Of::Queued(of) => {
                    self.stay(&of, true);
                    self.share(of, &Err(late.clone())).await?;
                }
            }
        }
        let rest = self.batcher.as_mut().map(Batcher::rest).unwrap_or_default();
        for ready in std::mem::take(&mut self.ready).into_iter().chain(rest) {
            if self.store.is_some() {
                continue; // they are in the storage
            }
            given_up += self.give_up(ready.items(), &late);
            self.share(ready.of, &Err(late.clone())).await?;
        }
        while let Some(item) = self.sending.queue.as_ref().and_then(|queue| queue.next()) {
            given_up += self.give_up(item.items, &late);
            self.settle(item.number, Err(late.clone())).await?;
        }
        for blocked in std::mem::take(&mut self.blocked) {
            self.sending.counts.refused(blocked.items);
            answer(&self.engine, blocked.pdata, Err(late.clone())).await?;
        }
        if given_up > 0 {
            let component = self.exports.id();
            tracing::error!(%component, items = given_up, "{}", late.message);
        }
        if let Some(store) = self.store {
            store.close(deadline).await;
        }
        self.exports.shutdown(deadline).await;
        Ok(terminal(deadline))
    }

    /// Counts what is not sent any more.
    pub(super) fn give_up(&self, items: usize, why: &Failure) -> usize {
        self.sending.counts.lost(items, why, true);
        items
    }
}
