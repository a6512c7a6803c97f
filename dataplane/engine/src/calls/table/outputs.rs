//! What leaves the engine: where it comes from, the tokens by which the host answers it, and the
//! answers on their way to the egress node.
//!
//! A token is answered once, by what is told of it first; later answers are told apart, so that
//! they can be counted.
//!
//! Batches of no call take credit: the host has said how many of them it takes at once, and each of
//! them holds its part until the host has answered. Credit belongs to the lane, not to a pipeline:
//! what the host still works at from the one before counts.

use std::collections::{HashSet, VecDeque};
use strait_failure::Failure;

/// The part of a token that counts.
const SEQUENCE: u64 = (1 << 40) - 1;

/// The answer to an egress batch.
pub(crate) type Answer = (u64, Result<(), Failure>);

/// Where a batch at the egress comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// From this call, which still waits.
    Call(u64),
    /// Merged, or made by the engine, or its call has been acked.
    Engine,
    /// From a call that ended early.
    Unwanted,
}

impl Origin {
    /// The call, where it still waits.
    pub(crate) fn call_id(self) -> Option<u64> {
        match self {
            Self::Call(call_id) => Some(call_id),
            Self::Engine | Self::Unwanted => None,
        }
    }
}

#[derive(Debug)]
pub(super) struct Outputs {
    base: u64,
    credit: usize,
    next: u64,
    waiting: HashSet<u64>,
    /// Those of batches of no call that the host has not answered; at most `credit`.
    lent: HashSet<u64>,
    answers: VecDeque<Answer>,
}

impl Outputs {
    /// Tokens are `base | sequence`; `credit` of them may be out for batches of no call.
    pub(super) fn new(base: u64, credit: usize) -> Self {
        Self {
            base,
            credit,
            next: 1,
            waiting: HashSet::new(),
            lent: HashSet::new(),
            answers: VecDeque::new(),
        }
    }

    /// Whether the host takes one more batch of no call.
    pub(super) fn has_credit(&self) -> bool {
        self.lent.len() < self.credit
    }

    /// A fresh token, which waits for its answer from now on. `None` for a batch of no call where
    /// the host takes no more of those.
    pub(super) fn issue(&mut self, of_no_call: bool) -> Option<u64> {
        if of_no_call && !self.has_credit() {
            return None;
        }
        let token = self.base | (self.next & SEQUENCE);
        self.next += 1;
        self.waiting.insert(token);
        if of_no_call {
            self.lent.insert(token);
        }
        Some(token)
    }

    /// Takes a token back whose batch was not sent.
    pub(super) fn revoke(&mut self, token: u64) {
        self.waiting.remove(&token);
        self.lent.remove(&token);
    }

    /// Gives back the credit of a token that the host has answered, and keeps the answer where it
    /// is waited for; says for which of the two it was.
    pub(super) fn answer(&mut self, token: u64, result: Result<(), Failure>) -> Answered {
        let repaid = self.lent.remove(&token);
        let waited = self.waiting.remove(&token);
        if waited {
            self.answers.push_back((token, result));
        }
        Answered { repaid, waited }
    }

    /// Whether every token was answered, and every answer taken.
    pub(super) fn idle(&self) -> bool {
        self.waiting.is_empty() && self.answers.is_empty()
    }

    /// Ends them all: gives the tokens that still waited, and forgets answers that nobody took. The
    /// host answers each of them all the same, and till then it holds its credit.
    pub(super) fn end(&mut self) -> impl Iterator<Item = u64> {
        self.answers.clear();
        self.waiting.drain()
    }

    /// Whether there is an answer to take.
    pub(super) fn has_answer(&self) -> bool {
        !self.answers.is_empty()
    }

    pub(super) fn next_answer(&mut self) -> Option<Answer> {
        self.answers.pop_front()
    }

    #[cfg(test)]
    pub(super) fn lent(&self) -> usize {
        self.lent.len()
    }
}

/// What an answer meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answered {
    /// It gave credit back.
    pub(super) repaid: bool,
    /// Somebody waits for it.
    pub(super) waited: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    // Guarantees: credit comes back with the host's answer, also where the pipeline that sent the
    // batch has ended meanwhile; and at once for a batch that was not sent. Outputs of calls take
    // none.
    #[test]
    fn credit_comes_back_with_the_answer() {
        let mut outputs = Outputs::new(1 << 63, 2);
        let mut issue = |of_no_call| outputs.issue(of_no_call).expect("a token");
        let (first, second, of_call) = (issue(true), issue(true), issue(false));
        assert_eq!(outputs.issue(true), None);
        assert!(outputs.answer(of_call, Ok(())).waited && !outputs.has_credit());
        assert!(outputs.answer(first, Ok(())).waited && outputs.has_credit());
        let unsent = outputs.issue(true).expect("credit");
        outputs.revoke(unsent);
        let third = outputs.issue(true).expect("credit");
        let mut ended: Vec<_> = outputs.end().collect();
        ended.sort_unstable();
        assert_eq!(ended, [second, third]);
        assert!(outputs.idle() && !outputs.has_credit());
        let told = outputs.answer(second, Ok(()));
        assert!(told.repaid && !told.waited, "nobody waits for it");
        assert!(outputs.has_credit());
    }
}
