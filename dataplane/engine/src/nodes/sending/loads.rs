//! What is sent at once, from the queue to its end: what consumers take, and who hears of it.

use super::{COUNTED, DROPPING, Of, REJECTING, Sent, Waiting, Work};
use crate::nodes::answers::answer;
use crate::nodes::attempts::{Outcome, attempts};
use crate::nodes::destination::Destination;
use crate::nodes::spans;
use crate::nodes::store::Store;
use crate::sending::{Added, Batcher, Ready};
use otel_arrow_dfe_engine::error::Error;
use otel_arrow_dfe_otap::pdata::OtapPdata;
use std::sync::Arc;
use std::time::Instant;
use strait_component::{Batch, Context, SpanContext};
use strait_failure::{Class, Failure};
use tokio::task::{Id, JoinError};

impl Work {
    /// Has consumers take what is in the queue. While what was merged waits for a consumer, nothing
    /// more is merged.
    pub(super) async fn consume(&mut self) -> Result<(), Error> {
        let sending = Arc::clone(&self.sending);
        let Some(limits) = &sending.policy.queue else {
            return Ok(());
        };
        loop {
            while self.consumers.len() < limits.consumers
                && let Some(ready) = self.ready.pop_front()
            {
                self.begin(ready).await?;
            }
            let waiting = match &self.batcher {
                None => self.consumers.len() + self.ready.len(),
                Some(batcher) if batcher.is_partitioned() => self.ready.len(),
                Some(_) => self.ready.len() + limits.consumers - 1,
            };
            if waiting >= limits.consumers {
                return Ok(());
            }
            let item = match &mut self.store {
                // What is in the storage at the end is sent by the next unit.
                Some(_) if self.stopping.is_cancelled() => None,
                Some(store) => store.next().await,
                None => sending.queue.as_ref().and_then(|queue| queue.next()),
            };
            let Some(item) = item else {
                let rest = self
                    .batcher
                    .as_mut()
                    .filter(|_| self.stopping.is_cancelled());
                self.ready
                    .extend(rest.map(Batcher::rest).unwrap_or_default());
                if self.ready.is_empty() {
                    return Ok(());
                }
                continue;
            };
            let Some(batcher) = &mut self.batcher else {
                self.ready.push_back(Ready::of(item, Instant::now()));
                continue;
            };
            let Added { ready, ended, lost } = batcher.add(&item, Instant::now());
            self.ready.extend(ready);
            if let Some(error) = lost {
                let component = self.exports.id();
                tracing::warn!(%component, error, "Failed to split request.");
            }
            if let Some(failure) = ended {
                self.settle(item.number, Err(failure)).await?;
            }
        }
    }

    /// When a load is to be sent that has not become large enough, or the storage tried again.
    pub(super) fn due(&self) -> Option<Instant> {
        let batcher = self.batcher.as_ref().and_then(Batcher::due);
        let store = self.store.as_ref().and_then(Store::due);
        batcher.into_iter().chain(store).min()
    }

    /// Does what is due.
    pub(super) async fn late(&mut self) {
        let now = Instant::now();
        let late = self.batcher.as_mut().map(|batcher| batcher.late(now));
        self.ready.extend(late.unwrap_or_default());
        if let Some(store) = &mut self.store {
            store.resume(now).await;
        }
    }

    /// Begins to send a load.
    pub(super) async fn begin(&mut self, ready: Ready) -> Result<(), Error> {
        let items = ready.items();
        let Ready {
            load,
            context,
            links,
            of,
            ..
        } = ready;
        match load.into_batch() {
            Ok(batch) => self.send(Of::Queued(of), batch, items, &context, &links),
            Err(error) => {
                let failure = self.exports.failure(Class::Internal, &error.to_string());
                self.sending.counts.lost(items, &failure, false);
                self.over(of, items, Err(failure)).await?;
            }
        }
        Ok(())
    }

    /// Begins to send a batch.
    pub(super) fn send(
        &mut self,
        of: Of,
        batch: Batch,
        items: usize,
        context: &Context,
        links: &[SpanContext],
    ) {
        self.sending.counts.begin();
        let (exports, sending) = (self.exports.clone(), Arc::clone(&self.sending));
        let stopping = self.stopping.clone();
        let (span, context) = self.spans.begin(context.clone(), links);
        let consumer = self.consumers.spawn_local(async move {
            attempts(&exports, &sending, &stopping, &batch, &context).await
        });
        self.sent.insert(consumer.id(), Sent { of, items, span });
    }

    /// A consumer is done with its load.
    pub(super) async fn ended(
        &mut self,
        done: Result<(Id, Outcome), JoinError>,
    ) -> Result<(), Error> {
        let (id, outcome) = match done {
            Ok(done) => done,
            Err(error) => {
                let result = Err(self.exports.fell(&error));
                (
                    error.id(),
                    Outcome {
                        result,
                        interrupted: false,
                    },
                )
            }
        };
        let Some(sent) = self.sent.remove(&id) else {
            return Ok(());
        };
        let Outcome {
            result,
            interrupted,
        } = outcome;
        self.sending
            .counts
            .end(sent.items, result.as_ref().copied(), interrupted);
        spans::end(sent.span, COUNTED, sent.items, result.as_ref().err());
        match sent.of {
            Of::Queued(of) => {
                self.stay(&of, interrupted);
                self.over(of, sent.items, result).await
            }
            Of::Sender(pdata) => self.tell(pdata, sent.items, result).await,
        }
    }

    /// Batches in a storage stay there where the unit's end has interrupted one of their loads.
    pub(super) fn stay(&mut self, of: &[u64], interrupted: bool) {
        if interrupted && self.store.is_some() {
            self.interrupted.extend(of);
        }
    }

    /// A load of batches in the queue was sent or given up.
    pub(super) async fn over(
        &mut self,
        of: Vec<u64>,
        items: usize,
        result: Result<(), Failure>,
    ) -> Result<(), Error> {
        if let Err(failure) = &result {
            let component = self.exports.id();
            tracing::error!(%component, error = %failure, dropped_items = items, "{DROPPING}");
        }
        self.share(of, &result).await
    }

    /// Says to the batches of a load what became of it.
    pub(super) async fn share(
        &mut self,
        of: Vec<u64>,
        result: &Result<(), Failure>,
    ) -> Result<(), Error> {
        for number in of {
            let whole = match &mut self.batcher {
                Some(batcher) => batcher.done(number, result.clone()),
                None => Some(result.clone()),
            };
            if let Some(whole) = whole {
                self.settle(number, whole).await?;
            }
        }
        Ok(())
    }

    /// A batch of the queue has its end.
    pub(super) async fn settle(
        &mut self,
        number: u64,
        result: Result<(), Failure>,
    ) -> Result<(), Error> {
        if let Some(queue) = &self.sending.queue {
            queue.done(number);
        }
        if !self.interrupted.remove(&number)
            && let Some(store) = &mut self.store
        {
            store.done(number).await;
        }
        let Some(Waiting { pdata, items }) = self.waiting.remove(&number) else {
            return Ok(());
        };
        if result.is_err() {
            // As the helper counts: the queue has given its sender an error.
            self.sending.counts.refused(items);
        }
        self.tell(pdata, items, result).await
    }

    /// Tells who waits.
    pub(super) async fn tell(
        &self,
        pdata: OtapPdata,
        rejected_items: usize,
        result: Result<(), Failure>,
    ) -> Result<(), Error> {
        if let Err(failure) = &result {
            let component = self.exports.id();
            tracing::error!(%component, error = %failure, rejected_items, "{REJECTING}");
        }
        answer(&self.engine, pdata, result).await
    }
}
