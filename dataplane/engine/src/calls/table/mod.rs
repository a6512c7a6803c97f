//! The calls of a lane as a state machine: what is in flight, and what has to be done next.
//!
//! What it is: every input is a method, with the time handed in; what follows from it is taken out
//! with [`Table::next_effect`], in order. It knows no ring, no runtime and no clock, so that a test
//! can drive it through whatever may happen (`tests` beside this file). `B` is what a batch is
//! until it enters the engine.
//!
//! Guarantees, whatever the inputs and their order:
//! - every call that arrived ends once ([`Effect::Ended`]); what its batch does later is counted
//!   and dropped;
//! - a cancel that comes ahead of its batch waits for it; what waits is bounded;
//! - no more batches of no call are with the host than it has given credit for, and every answer
//!   gives its part back;
//! - when the last generation has ended and what was queued has failed, nothing is in flight.
//!
//! It leaves doing what follows to the [port](super::Port), and what batches hold to the ends.

mod deadlines;
mod early;
mod endings;
mod outputs;
#[cfg(test)]
mod tests;

pub(crate) use outputs::{Answer, Origin};

use super::tag::Tag;
use super::verdict;
use deadlines::Deadlines;
use early::EarlyCancels;
use endings::cancelled;
use outputs::{Answered, Outputs};
use std::collections::{HashMap, VecDeque};
use std::time::Instant;
use strait_failure::{Class, Failure};

/// Cancels that may be told for each call that can be in flight: its own, and a late one of the
/// call before, whose end the host had not read when it gave it up.
pub(crate) const CANCELS_PER_CALL: usize = 2;

/// How much may be in flight.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Calls that the host can have in flight: what the ring holds.
    pub(crate) calls: usize,
    /// Calls inside the engine at the same time.
    pub(crate) max_in_flight: usize,
    /// Batches of no call that the host takes before it has answered one.
    pub(crate) credit: usize,
    /// Egress tokens are `token_base | sequence`.
    pub(crate) token_base: u64,
    /// The host may send parts of batches and keep the rest: what comes out after a call's end is
    /// of no use to anybody.
    pub(crate) projects: bool,
}

/// What follows from an input.
#[derive(Debug, PartialEq)]
pub(crate) enum Effect {
    /// This call has ended; the host is to hear how.
    Ended(u64, Ending),
    /// Nobody waits any more for the host's answer to the output with this token.
    AnswerUnwanted(u64),
    /// There is a batch that may enter the engine.
    WakeIngress,
    /// There is an answer, or credit.
    WakeEgress,
}

/// How a call ends.
#[derive(Debug, PartialEq)]
pub(crate) enum Ending {
    /// The engine acked its batch.
    Acked,
    /// By a difference, which the host has.
    Answered,
    /// Before the engine, in it, or by its nack.
    Failed(Failure),
}

/// Where a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Read from the ring, not yet in the engine.
    Queued,
    /// In the engine.
    Running,
    /// Ended early (cancelled, deadline), while its batch is still in the engine.
    Abandoned,
}

#[derive(Debug)]
struct Call {
    stage: Stage,
    deadline: Option<Instant>,
    /// What goes beside the engine's nack, should it come; while it runs.
    note: Option<Box<Failure>>,
}

/// Counters of one lane; read by whoever asks, written by the lane alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Calls read from the ring.
    pub calls: u64,
    /// Calls acked, or answered by a difference.
    pub acked: u64,
    /// Calls failed over control.
    pub failed: u64,
    /// Engine answers for calls that had ended already.
    pub late: u64,
    /// Answers to egress batches that nobody waited for any more.
    pub unknown_answers: u64,
    /// Egress batches sent.
    pub egress: u64,
    /// Pipelines started on this lane.
    pub generations: u64,
}

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Table<B> {
    limits: Limits,
    calls: HashMap<u64, Call>,
    /// Batches that wait to enter the engine: those of the calls that are [`Stage::Queued`].
    queue: VecDeque<(u64, B)>,
    /// Calls whose batch is in the engine, wanted or not.
    running: usize,
    deadlines: Deadlines,
    early: EarlyCancels,
    outputs: Outputs,
    generation: u64,
    /// Why batches that arrive are failed.
    refusing: Option<&'static str>,
    /// The cause of this generation's end is known, and has its answer.
    blamed: bool,
    effects: VecDeque<Effect>,
    counters: Counters,
}

impl<B> Table<B> {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            calls: HashMap::new(),
            queue: VecDeque::new(),
            running: 0,
            deadlines: Deadlines::default(),
            early: EarlyCancels::new(CANCELS_PER_CALL * limits.calls),
            outputs: Outputs::new(limits.token_base, limits.credit),
            generation: 0,
            refusing: None,
            blamed: false,
            effects: VecDeque::new(),
            counters: Counters::default(),
            limits,
        }
    }

    /// What is to be done now; until there is nothing.
    pub(crate) fn next_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    pub(crate) fn counters(&self) -> Counters {
        self.counters
    }
}

/// A batch's way: read, in the engine, answered.
impl<B> Table<B> {
    /// The batch of a call was read, or something that cannot be one. False: a call with this id
    /// is in flight, and nobody could say which of the two an answer is for.
    #[must_use]
    pub(crate) fn arrive(
        &mut self,
        call_id: u64,
        deadline: Option<Instant>,
        batch: Result<B, Failure>,
    ) -> bool {
        if self.calls.contains_key(&call_id) {
            return false;
        }
        self.counters.calls += 1;
        let refused = match self.refusing {
            _ if self.early.take(call_id) => Some(cancelled()),
            Some(reason) => Some(Failure::new(Class::Unavailable, reason)),
            None => None,
        };
        match refused.map_or(batch, Err) {
            Ok(batch) => self.enqueue(call_id, deadline, batch),
            Err(failure) => self.end(call_id, Ending::Failed(failure)),
        }
        true
    }

    fn enqueue(&mut self, call_id: u64, deadline: Option<Instant>, batch: B) {
        let call = Call {
            stage: Stage::Queued,
            deadline,
            note: None,
        };
        self.calls.insert(call_id, call);
        if let Some(deadline) = deadline {
            let calls = &self.calls;
            let lasts = |id| calls.contains_key(&id);
            self.deadlines.add(deadline, call_id, calls.len(), lasts);
        }
        self.queue.push_back((call_id, batch));
        self.admit();
    }

    /// Whether a batch waits that may enter the engine now.
    pub(crate) fn may_admit(&self) -> bool {
        !self.queue.is_empty() && self.running < self.limits.max_in_flight
    }

    /// The next batch for the engine, if it may enter; its call runs from now on.
    pub(crate) fn next(&mut self) -> Option<(u64, B)> {
        if !self.may_admit() {
            return None;
        }
        let (call_id, batch) = self.queue.pop_front()?;
        self.calls.get_mut(&call_id)?.stage = Stage::Running;
        self.running += 1;
        Some((call_id, batch))
    }

    /// Keeps `failure` for when the engine's nack of this call comes.
    pub(crate) fn note(&mut self, call_id: u64, failure: Failure) {
        if let Some(call) = self.calls.get_mut(&call_id)
            && call.stage == Stage::Running
        {
            verdict::keep(&mut call.note, failure);
        }
    }

    /// The engine answered for a call.
    pub(crate) fn settle(&mut self, call_id: u64, result: Result<(), Failure>) {
        self.leave(call_id, |note| match result {
            Ok(()) => Ending::Acked,
            Err(nack) => Ending::Failed(verdict::merge(nack, note.map(|note| *note))),
        });
    }

    /// The difference that ends this call was published: the host needs no other answer, and gives
    /// none.
    pub(crate) fn conclude(&mut self, call_id: u64) {
        self.counters.egress += 1;
        self.leave(call_id, |_| Ending::Answered);
    }

    /// The engine is through with a call's batch.
    fn leave(&mut self, call_id: u64, ending: impl FnOnce(Option<Box<Failure>>) -> Ending) {
        let left = self.calls.get(&call_id).map(|call| call.stage);
        // A second answer (two nodes answered for one batch), or one of an earlier generation.
        if matches!(left, Some(Stage::Queued) | None) {
            self.counters.late += 1;
            return;
        }
        let call = self.calls.remove(&call_id);
        self.running -= 1;
        match call {
            Some(call) if call.stage == Stage::Running => self.end(call_id, ending(call.note)),
            _ => self.counters.late += 1,
        }
        self.admit();
    }

    fn admit(&mut self) {
        if self.may_admit() {
            self.effects.push_back(Effect::WakeIngress);
        }
    }

    /// Ends a call; whoever calls this has seen to it that it is not ended again.
    fn end(&mut self, call_id: u64, ending: Ending) {
        match &ending {
            Ending::Acked | Ending::Answered => self.counters.acked += 1,
            Ending::Failed(_) => self.counters.failed += 1,
        }
        self.effects.push_back(Effect::Ended(call_id, ending));
    }
}

/// What comes out of the engine.
impl<B> Table<B> {
    /// Whether anybody still waits for what comes out with this tag. A batch of a call that was
    /// acked (a durable buffer's) is wanted, as one the engine made itself; but not from a unit
    /// that is sent parts of batches: it keeps nothing, and what comes late holds some columns
    /// only.
    pub(crate) fn origin_of(&self, tag: Option<Tag>) -> Origin {
        let Some(tag) = tag.filter(|tag| tag.generation == self.generation) else {
            return Origin::Engine;
        };
        match self.calls.get(&tag.call_id).map(|call| call.stage) {
            Some(Stage::Running) => Origin::Call(tag.call_id),
            Some(Stage::Abandoned) => Origin::Unwanted,
            Some(Stage::Queued) | None if self.limits.projects && tag.is_of_call() => {
                Origin::Unwanted
            }
            Some(Stage::Queued) | None => Origin::Engine,
        }
    }

    /// The deadline of a call that is still wanted.
    pub(crate) fn deadline_of(&self, call_id: u64) -> Option<Instant> {
        self.calls.get(&call_id).and_then(|call| call.deadline)
    }

    /// Whether a call is in the engine and has not ended.
    pub(crate) fn waits(&self, call_id: u64) -> bool {
        let call = self.calls.get(&call_id);
        call.is_some_and(|call| call.stage == Stage::Running)
    }

    /// Whether the host takes one more batch of no call.
    pub(crate) fn has_credit(&self) -> bool {
        self.outputs.has_credit()
    }

    /// A fresh token for a batch of this origin, in flight from now on; `None` where it takes
    /// credit, and there is none.
    pub(crate) fn issue(&mut self, origin: Origin) -> Option<u64> {
        self.outputs.issue(origin.call_id().is_none())
    }

    /// Takes a token back whose batch was not sent.
    pub(crate) fn revoke(&mut self, token: u64) {
        self.outputs.revoke(token);
    }

    /// A batch was sent that the host answers.
    pub(crate) fn sent(&mut self) {
        self.counters.egress += 1;
    }

    /// The host answered an output.
    pub(crate) fn answer(&mut self, token: u64, result: Result<(), Failure>) {
        let Answered { repaid, waited } = self.outputs.answer(token, result);
        if !waited {
            self.counters.unknown_answers += 1;
        }
        if repaid || waited {
            self.effects.push_back(Effect::WakeEgress);
        }
    }

    /// Whether there is an answer for the egress to take.
    pub(crate) fn has_answer(&self) -> bool {
        self.outputs.has_answer()
    }

    /// The next answer to an output.
    pub(crate) fn next_answer(&mut self) -> Option<Answer> {
        self.outputs.next_answer()
    }
}
