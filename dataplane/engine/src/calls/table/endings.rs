//! Endings that the engine does not give: the caller gave up, the deadline passed, the generation
//! ended, or nothing takes the batch any more.

use super::{Call, Effect, Ending, Stage, Table};
use std::time::Instant;
use strait_failure::{Class, Failure};

impl<B> Table<B> {
    /// The host gave a call up. A cancel may overtake its batch, or come after the call's end.
    pub(crate) fn cancel(&mut self, call_id: u64) {
        if self.calls.contains_key(&call_id) {
            self.abandon(call_id, cancelled());
        } else {
            self.early.keep(call_id);
        }
    }

    /// When [`expire`](Self::expire) must be called again at the latest.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// Ends what its deadline ends.
    pub(crate) fn expire(&mut self, now: Instant) {
        while let Some(call_id) = self.deadlines.due(now) {
            // Calls that ended long ago are not in the table, or have none.
            let deadline = self.calls.get(&call_id).and_then(|call| call.deadline);
            if deadline.is_some_and(|deadline| deadline <= now) {
                let message = "the deadline passed in the engine";
                self.abandon(call_id, Failure::new(Class::Deadline, message));
            }
        }
    }

    /// Ends a call before the engine has answered; a batch that is in there goes on unwanted.
    fn abandon(&mut self, call_id: u64, failure: Failure) {
        let Some(call) = self.calls.get_mut(&call_id) else {
            return;
        };
        match call.stage {
            Stage::Abandoned => return,
            Stage::Queued => {
                self.calls.remove(&call_id);
                self.queue.retain(|(queued, _)| *queued != call_id);
            }
            Stage::Running => {
                *call = Call {
                    stage: Stage::Abandoned,
                    deadline: None,
                    note: None,
                };
            }
        }
        self.end(call_id, Ending::Failed(failure));
    }

    /// Starts a generation: tags of older ones no longer count.
    pub(crate) fn begin_generation(&mut self, generation: u64) {
        self.generation = generation;
        self.refusing = None;
        self.blamed = false;
        self.counters.generations += 1;
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// Says that the cause of this generation's end is known, and has its answer.
    pub(crate) fn blame(&mut self) {
        self.blamed = true;
    }

    /// Ends a generation: every call that was in the engine ends. `error` is why the pipeline ended
    /// where it was not asked to; then a call that was alone in it is taken for the cause, unless
    /// the cause is known.
    pub(crate) fn end_generation(&mut self, error: Option<&str>) {
        let inside = self.calls.extract_if(|_, call| call.stage != Stage::Queued);
        let inside: Vec<_> = inside.collect();
        // A batch that its caller has given up may still be in a node, and be the cause.
        let alone = inside.len() == 1 && !self.blamed;
        for (call_id, call) in inside {
            if call.stage == Stage::Running {
                let failure = call.note.map_or_else(|| lost(error, alone), |note| *note);
                self.end(call_id, Ending::Failed(failure));
            }
        }
        self.running = 0;
        // The host still answers each of them; nobody waits for it any more.
        let unwanted = self.outputs.end().map(Effect::AnswerUnwanted);
        self.effects.extend(unwanted);
    }

    /// From now on batches that arrive are failed as unavailable, for this reason.
    pub(crate) fn refuse(&mut self, reason: &'static str) {
        self.refusing = Some(reason);
    }

    /// Fails what never entered the engine: nothing will take it any more.
    pub(crate) fn fail_queued(&mut self, class: Class, reason: &str) {
        for (call_id, _) in std::mem::take(&mut self.queue) {
            self.calls.remove(&call_id);
            self.end(call_id, Ending::Failed(Failure::new(class, reason)));
        }
    }

    /// Whether nothing waits, no wanted call is in the engine, and the host has answered for all
    /// that came out.
    pub(crate) fn idle(&self) -> bool {
        self.queue.is_empty()
            && self.outputs.idle()
            && self
                .calls
                .values()
                .all(|call| call.stage == Stage::Abandoned)
    }
}

pub(super) fn cancelled() -> Failure {
    Failure::new(Class::Cancelled, "the caller cancelled the call")
}

/// The failure of a call whose pipeline ended, for this reason unless it was asked to. `alone`:
/// nothing else was in it.
fn lost(error: Option<&str>, alone: bool) -> Failure {
    match error {
        Some(error) if alone => Failure::new(Class::Permanent, error),
        Some(error) => Failure::new(Class::Retryable, format!("the lane restarts: {error}")),
        None => Failure::new(
            Class::Unavailable,
            "the unit stopped before the batch was done",
        ),
    }
}
