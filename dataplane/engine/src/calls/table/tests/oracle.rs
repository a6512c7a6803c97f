//! The table and what the oracle knows of it: which calls must have ended after each step, and how.

use super::operation::Operation;
use crate::calls::table::{CANCELS_PER_CALL, Effect, Ending, Limits, Table};
use proptest::sample::Index;
use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;
use strait_failure::{Class, Failure};

pub(super) const IN_FLIGHT: usize = 4;
pub(super) const MAX_IN_FLIGHT: usize = 2;
pub(super) const CREDIT: usize = 2;
const REFUSED: &str = "not now";

/// Where a call's batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Ring,
    Queue,
    Engine,
    Gone,
}

/// What the oracle knows of a call.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) place: Place,
    pub(super) deadline: Option<Instant>,
    pub(super) cancelled: bool,
    pub(super) ended: bool,
    /// The host knows of its end.
    pub(super) heard: bool,
    pub(super) note: Option<(Class, String)>,
}

/// What the oracle knows of an output that was sent.
#[derive(Debug, PartialEq)]
pub(super) struct Sent {
    pub(super) call: Option<u64>,
    /// The host has answered it.
    pub(super) answered: bool,
    /// The engine has had the answer, or does not want it any more.
    pub(super) over: bool,
}

/// How a call ends: with a message where it matters.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum How {
    Acked,
    Answered,
    Failed(Class, Option<String>),
}

pub(super) fn failed(class: Class) -> How {
    How::Failed(class, None)
}

impl How {
    fn is(&self, ending: &Ending) -> bool {
        match (self, ending) {
            (Self::Acked, Ending::Acked) | (Self::Answered, Ending::Answered) => true,
            (Self::Failed(class, message), Ending::Failed(failure)) => {
                *class == failure.class
                    && message
                        .as_ref()
                        .is_none_or(|message| *message == failure.message)
            }
            _ => false,
        }
    }
}

/// The table and what the oracle knows of it.
pub(super) struct Lane {
    pub(super) table: Table<u64>,
    pub(super) now: Instant,
    pub(super) ring: VecDeque<u64>,
    pub(super) calls: BTreeMap<u64, Known>,
    pub(super) outputs: BTreeMap<u64, Sent>,
    pub(super) answers: VecDeque<(u64, bool)>,
    pub(super) generation: u64,
    pub(super) refusing: bool,
    pub(super) blamed: bool,
    pub(super) notes: u32,
    /// Outputs that the pipeline gave up when it ended in this step.
    pub(super) given_up: Vec<u64>,
}

impl Lane {
    pub(super) fn new() -> Self {
        let mut table = Table::new(Limits {
            calls: IN_FLIGHT,
            max_in_flight: MAX_IN_FLIGHT,
            credit: CREDIT,
            token_base: 1 << 63,
            projects: false,
        });
        table.begin_generation(1);
        Self {
            table,
            now: Instant::now(),
            ring: VecDeque::new(),
            calls: BTreeMap::new(),
            outputs: BTreeMap::new(),
            answers: VecDeque::new(),
            generation: 1,
            refusing: false,
            blamed: false,
            notes: 0,
            given_up: Vec::new(),
        }
    }

    /// The calls of which this is true, in the order of their ids: that in which they were
    /// published.
    pub(super) fn which(&self, is: impl Fn(&Known) -> bool) -> Vec<u64> {
        let calls = self.calls.iter().filter(|(_, call)| is(call));
        calls.map(|(id, _)| *id).collect()
    }

    pub(super) fn at(&self, place: Place) -> Vec<u64> {
        self.which(|call| call.place == place)
    }

    pub(super) fn call(&mut self, id: u64) -> &mut Known {
        self.calls.get_mut(&id).expect("a call that was published")
    }

    /// Batches of no call that the host has not answered.
    pub(super) fn lent(&self) -> usize {
        let lent = self.outputs.values();
        lent.filter(|sent| sent.call.is_none() && !sent.answered)
            .count()
    }

    /// Does one thing, and says what must have ended by it.
    pub(super) fn step(&mut self, operation: Operation) -> Vec<(u64, How)> {
        match operation {
            Operation::Publish(ms) => self.publish(ms),
            Operation::Cancel(of) => return self.cancel(of),
            Operation::Hear(of) => {
                let ended = self.which(|call| call.ended && !call.heard);
                if let Some(id) = pick(&ended, of) {
                    self.call(id).heard = true;
                }
            }
            Operation::Read { bad } => return self.read(bad),
            Operation::ReadAgain(of) => {
                let known = [self.at(Place::Queue), self.at(Place::Engine)].concat();
                if let Some(id) = pick(&known, of) {
                    assert!(!self.table.arrive(id, None, Ok(id)), "{id} is in flight");
                }
            }
            Operation::Admit => self.admit(),
            Operation::Emit { of, tag, sent } => self.emit(of, tag, sent),
            Operation::Answer(of, ok) => self.answer(of, ok),
            Operation::AnswerAgain(of) => {
                let answered = self.outputs.iter().filter(|(_, sent)| sent.answered);
                let answered: Vec<_> = answered.map(|(token, _)| *token).collect();
                if let Some(token) = pick(&answered, of) {
                    self.table.answer(token, Ok(()));
                }
            }
            Operation::TakeAnswer => self.take_answer(),
            Operation::Note(of, class) => self.note(of, class),
            Operation::Settle(of, result) => return self.settle(of, result),
            Operation::Conclude(of) => {
                let inside = self.which(|call| call.place == Place::Engine && !call.ended);
                return pick(&inside, of).map_or_else(Vec::new, |id| {
                    self.table.conclude(id);
                    self.call(id).place = Place::Gone;
                    vec![(id, How::Answered)]
                });
            }
            Operation::Late(id) => {
                let inside = self
                    .calls
                    .get(&id)
                    .is_some_and(|call| call.place == Place::Engine);
                if !inside {
                    self.table.settle(id, Ok(()));
                    self.table.conclude(id);
                    self.table.note(id, Failure::new(Class::Permanent, "late"));
                }
            }
            Operation::Pass(ms) => return self.pass(ms),
            Operation::Refuse => {
                self.refusing = true;
                self.table.refuse(REFUSED);
            }
            Operation::Blame => {
                self.blamed = true;
                self.table.blame();
            }
            Operation::Restart(error) => return self.restart(error),
        }
        Vec::new()
    }

    /// Takes what follows from a step, and compares it with what must.
    pub(super) fn compare(&mut self, expected: &[(u64, How)], woken: &Woken) {
        let (mut ended, mut given_up) = (Vec::new(), Vec::new());
        let (mut ingress, mut egress) = (false, false);
        while let Some(effect) = self.table.next_effect() {
            match effect {
                Effect::Ended(id, ending) => ended.push((id, ending)),
                Effect::AnswerUnwanted(token) => given_up.push(token),
                Effect::WakeIngress => ingress = true,
                Effect::WakeEgress => egress = true,
            }
        }
        given_up.sort_unstable();
        assert_eq!(given_up, std::mem::take(&mut self.given_up));
        ended.sort_by_key(|(id, _)| *id);
        assert_eq!(
            ended.len(),
            expected.len(),
            "ended {ended:?}, expected {expected:?}"
        );
        for ((id, ending), (expected_id, how)) in ended.iter().zip(expected) {
            assert!(
                id == expected_id && how.is(ending),
                "{id}: {ending:?}, expected {how:?}"
            );
            let call = self.call(*id);
            assert!(!call.ended, "{id} ended before");
            call.ended = true;
            let open = |sent: &Sent| sent.call == Some(*id) && !sent.answered;
            let acked = *ending == Ending::Acked;
            assert!(
                !acked || !self.outputs.values().any(open),
                "{id} was acked before its outputs"
            );
        }
        let now = Woken::of(&self.table);
        assert!(
            ingress || woken.ingress || !now.ingress,
            "nobody wakes the ingress"
        );
        assert!(
            egress || woken.egress || !now.egress,
            "nobody wakes the egress"
        );
        assert!(
            egress || woken.credit || !now.credit,
            "nobody tells the egress of credit"
        );
    }

    /// What holds at any time.
    pub(super) fn check(&self) {
        let (queued, inside) = (self.at(Place::Queue), self.at(Place::Engine));
        let table = &self.table;
        assert!(inside.len() <= MAX_IN_FLIGHT && table.running == inside.len());
        assert_eq!(
            table.calls.len(),
            queued.len() + inside.len(),
            "nothing is kept of the others"
        );
        assert_eq!(
            table.queue.iter().map(|(id, _)| *id).collect::<Vec<_>>(),
            queued
        );
        assert!(table.early.len() <= CANCELS_PER_CALL * IN_FLIGHT);
        assert!(table.deadlines.len() <= 2 * IN_FLIGHT + 65);
        assert_eq!(table.outputs.lent(), self.lent());
        let answered = self.outputs.values().all(|sent| sent.over);
        let ended = inside.iter().all(|id| self.calls[id].ended);
        assert_eq!(table.idle(), queued.is_empty() && ended && answered);
        for id in queued.iter().chain(&inside) {
            let call = &self.calls[id];
            assert_eq!(table.waits(*id), call.place == Place::Engine && !call.ended);
            let deadline = call.deadline.filter(|_| !call.ended);
            assert_eq!(table.deadline_of(*id), deadline);
            let armed = table.next_deadline();
            assert!(deadline.is_none_or(|deadline| armed.is_some_and(|armed| armed <= deadline)));
        }
    }

    /// The lane ends: nothing is left of what it read.
    pub(super) fn end(mut self) {
        let woken = Woken::of(&self.table);
        let mut expected = self.end_generation(false);
        self.table.fail_queued(Class::Unavailable, "gone");
        for id in self.at(Place::Queue) {
            self.call(id).place = Place::Gone;
            expected.push((id, failed(Class::Unavailable)));
        }
        expected.sort_by_key(|(id, _)| *id);
        self.compare(&expected, &woken);
        for (token, sent) in &mut self.outputs {
            if !std::mem::replace(&mut sent.answered, true) {
                self.table.answer(*token, Ok(()));
            }
        }
        self.check();
        let unread = self.which(|call| !call.ended);
        assert_eq!(Vec::from(self.ring), unread, "what was read has ended");
        assert!(self.table.calls.is_empty() && self.table.queue.is_empty());
        assert!(self.table.idle() && self.table.outputs.lent() == 0);
    }
}

/// What the ends would do something about.
pub(super) struct Woken {
    pub(super) ingress: bool,
    pub(super) egress: bool,
    pub(super) credit: bool,
}

impl Woken {
    /// What is there is looked for anyway: by the ends of a pipeline that starts.
    pub(super) const ALL: Self = Self {
        ingress: true,
        egress: true,
        credit: true,
    };

    pub(super) fn of(table: &Table<u64>) -> Self {
        Self {
            ingress: table.may_admit(),
            egress: table.has_answer(),
            credit: table.has_credit(),
        }
    }
}

pub(super) fn pick(among: &[u64], index: Index) -> Option<u64> {
    (!among.is_empty()).then(|| among[index.index(among.len())])
}
