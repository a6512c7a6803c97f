//! What leaves the engine: where it comes from, the tokens by which the host answers it, and the
//! answers on their way to the egress node.
//!
//! A token is answered once, by what is told of it first; later answers are told apart, so that
//! they can be counted.

use crate::failure::Failure;
use std::cell::{Cell, RefCell};
use std::collections::{HashSet, VecDeque};
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
    next: Cell<u64>,
    waiting: RefCell<HashSet<u64>>,
    answers: RefCell<VecDeque<Answer>>,
    wake: Notify,
}

impl Tokens {
    /// Tokens are `base | sequence`.
    pub(super) fn new(base: u64) -> Self {
        Self {
            base,
            next: Cell::new(1),
            waiting: RefCell::default(),
            answers: RefCell::default(),
            wake: Notify::new(),
        }
    }

    /// A fresh token, which waits for its answer from now on.
    pub(super) fn issue(&self) -> u64 {
        let sequence = self.next.get();
        self.next.set(sequence + 1);
        let token = self.base | (sequence & ((1 << 40) - 1));
        self.waiting.borrow_mut().insert(token);
        token
    }

    /// Takes a token back whose batch was not sent.
    pub(super) fn revoke(&self, token: u64) {
        self.waiting.borrow_mut().remove(&token);
    }

    /// Keeps an answer for the egress node; false when nobody waits for it.
    pub(super) fn answer(&self, token: u64, result: Result<(), Failure>) -> bool {
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

    /// Ends them all: gives the tokens that still waited, and forgets answers that nobody took.
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
