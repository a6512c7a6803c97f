//! What leaves the engine: where it comes from, the tokens by which the host answers it, and the
//! answers on their way to the egress node.
//!
//! A token is answered once, by what is told of it first; later answers are told apart, so that
//! they can be counted.
//!
//! Batches of no call take credit: the host has said how many of them it takes at once, and each of
//! them holds its part until the host has answered. Credit belongs to the lane, not to a pipeline:
//! what the host still works at from the one before counts.

use std::cell::{Cell, RefCell};
use std::collections::{HashSet, VecDeque};
use strait_failure::Failure;
use tokio::sync::Notify;

/// The answer to an egress batch.
pub(super) type Answer = (u64, Result<(), Failure>);

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
pub(super) struct Tokens {
    base: u64,
    credit: usize,
    next: Cell<u64>,
    waiting: RefCell<HashSet<u64>>,
    /// Those of batches of no call that the host has not answered; at most `credit`.
    lent: RefCell<HashSet<u64>>,
    answers: RefCell<VecDeque<Answer>>,
    wake: Notify,
}

impl Tokens {
    /// Tokens are `base | sequence`; `credit` of them may be out for batches of no call.
    pub(super) fn new(base: u64, credit: usize) -> Self {
        Self {
            base,
            credit,
            next: Cell::new(1),
            waiting: RefCell::default(),
            lent: RefCell::default(),
            answers: RefCell::default(),
            wake: Notify::new(),
        }
    }

    /// Whether the host takes one more batch of no call.
    pub(super) fn has_credit(&self) -> bool {
        self.lent.borrow().len() < self.credit
    }

    /// A fresh token, which waits for its answer from now on. `of_no_call`: it takes credit.
    pub(super) fn issue(&self, of_no_call: bool) -> u64 {
        let sequence = self.next.get();
        self.next.set(sequence + 1);
        let token = self.base | (sequence & ((1 << 40) - 1));
        self.waiting.borrow_mut().insert(token);
        if of_no_call {
            self.lent.borrow_mut().insert(token);
        }
        token
    }

    /// Takes a token back whose batch was not sent.
    pub(super) fn revoke(&self, token: u64) {
        self.waiting.borrow_mut().remove(&token);
        self.lent.borrow_mut().remove(&token);
    }

    /// Keeps an answer for the egress node; false when nobody waits for it.
    pub(super) fn answer(&self, token: u64, result: Result<(), Failure>) -> bool {
        if self.lent.borrow_mut().remove(&token) {
            self.wake.notify_one();
        }
        let waited = self.waiting.borrow_mut().remove(&token);
        if waited {
            self.answers.borrow_mut().push_back((token, result));
            self.wake.notify_one();
        }
        waited
    }

    /// Whether every token was answered, and every answer taken.
    pub(super) fn idle(&self) -> bool {
        self.waiting.borrow().is_empty() && self.answers.borrow().is_empty()
    }

    /// Ends them all: gives the tokens that still waited, and forgets answers that nobody took. The
    /// host answers each of them all the same, and till then it holds its credit.
    pub(super) fn end(&self) -> Vec<u64> {
        self.answers.borrow_mut().clear();
        self.waiting.borrow_mut().drain().collect()
    }

    pub(super) fn next_answer(&self) -> Option<Answer> {
        self.answers.borrow_mut().pop_front()
    }

    /// Makes who waits in [`answered`](Self::answered) look again.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Waits for an answer, or until `over`.
    pub(super) async fn answered(&self, over: impl Fn() -> bool) {
        while self.answers.borrow().is_empty() && !over() {
            self.wake.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Guarantees: credit comes back with the host's answer, also where the pipeline that sent the
    // batch has ended meanwhile; and at once for a batch that was not sent. Outputs of calls take
    // none.
    #[test]
    fn credit_comes_back_with_the_answer() {
        let tokens = Tokens::new(1 << 63, 2);
        let (first, second) = (tokens.issue(true), tokens.issue(true));
        assert!(!tokens.has_credit());
        let of_call = tokens.issue(false);
        assert!(tokens.answer(of_call, Ok(())) && !tokens.has_credit());
        assert!(tokens.answer(first, Ok(())) && tokens.has_credit());
        tokens.revoke(tokens.issue(true));
        assert!(tokens.has_credit());
        let third = tokens.issue(true);
        let mut ended = tokens.end();
        ended.sort_unstable();
        assert_eq!(ended, [second, third]);
        assert!(tokens.idle() && !tokens.has_credit());
        assert!(!tokens.answer(second, Ok(())), "nobody waits for it");
        assert!(tokens.has_credit());
    }
}
