//! The contexts of the batches that members of the SDK see and send.
//!
//! A batch in the engine has no room for one: its headers are the engine's. So it is kept here, by
//! the number that the batch's [`Tag`] carries: that of its call, or one that a member's own batch
//! was given. A unit without such members keeps nothing.
//!
//! Guarantees: a call has one context, made when its batch entered the engine, and its end, however
//! it came, is the end of that context; what a member sent has its own until it is answered.

use crate::calls::tag::Tag;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use strait_component::{CancelHandle, Context};

/// The contexts of one lane.
#[derive(Debug, Default)]
pub(crate) struct Contexts {
    calls: RefCell<HashMap<u64, (Context, CancelHandle)>>,
    sent: RefCell<HashMap<u64, Own>>,
    next: Cell<u64>,
}

/// A batch that a member sent by itself.
#[derive(Debug)]
struct Own {
    context: Context,
    /// Ends the context.
    end: CancelHandle,
    /// What the host answers it by, once it has it: of a batch that was divided, its parts.
    tokens: Vec<u64>,
    /// Nobody waits for it any more.
    withdrawn: bool,
}

impl Contexts {
    /// Keeps the context of a call that enters the engine, whose end is told by `end`.
    pub(crate) fn begin(&self, call_id: u64, context: Context, end: CancelHandle) {
        self.calls.borrow_mut().insert(call_id, (context, end));
    }

    /// A call has ended.
    pub(crate) fn end(&self, call_id: u64) {
        // Free before whoever waits is woken.
        let ended = self.calls.borrow_mut().remove(&call_id);
        if let Some((_, end)) = ended {
            end.cancel();
        }
    }

    /// Keeps the context of a batch that a member sends by itself; gives the batch's number.
    pub(crate) fn keep(&self, context: Context) -> u64 {
        let number = Tag::own(self.next.get() + 1);
        self.next.set(number);
        let (context, end) = context.child();
        let own = Own {
            context,
            end,
            tokens: Vec::new(),
            withdrawn: false,
        };
        self.sent.borrow_mut().insert(number, own);
        number
    }

    /// Nobody waits any more for a batch that a member sent; gives the host's tokens of it.
    pub(crate) fn withdraw(&self, number: u64) -> Vec<u64> {
        let mut sent = self.sent.borrow_mut();
        let Some(own) = sent.get_mut(&number) else {
            return Vec::new();
        };
        own.withdrawn = true;
        own.end.cancel();
        std::mem::take(&mut own.tokens)
    }

    /// Whether nothing that members sent by themselves is unanswered.
    pub(crate) fn is_idle(&self) -> bool {
        self.sent.borrow().is_empty()
    }

    /// Whether nobody waits any more for a tagged batch that a member sent.
    pub(crate) fn is_withdrawn(&self, tag: Option<Tag>) -> bool {
        let sent = self.sent.borrow();
        tag.filter(|tag| !tag.is_of_call())
            .and_then(|tag| sent.get(&tag.call_id))
            .is_some_and(|own| own.withdrawn)
    }

    /// The host has a tagged batch under this token.
    pub(crate) fn went(&self, tag: Option<Tag>, token: u64) {
        let Some(tag) = tag.filter(|tag| !tag.is_of_call()) else {
            return;
        };
        if let Some(own) = self.sent.borrow_mut().get_mut(&tag.call_id) {
            own.tokens.push(token);
        }
    }

    /// A batch that a member sent was answered, or has not gone.
    pub(crate) fn forget(&self, number: u64) {
        self.sent.borrow_mut().remove(&number);
    }

    /// What members sent is answered no more.
    pub(crate) fn end_generation(&self) {
        self.sent.borrow_mut().clear();
    }

    /// The context of a tagged batch; that of nobody for any other.
    pub(crate) fn of(&self, tag: Option<Tag>) -> Context {
        let Some(tag) = tag else {
            return Context::default();
        };
        let found = if tag.is_of_call() {
            let calls = self.calls.borrow();
            calls.get(&tag.call_id).map(|(of, _)| of.clone())
        } else {
            let sent = self.sent.borrow();
            sent.get(&tag.call_id).map(|own| own.context.clone())
        };
        found.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(call_id: u64) -> Option<Tag> {
        Some(Tag {
            call_id,
            generation: 1,
        })
    }

    fn context(peer: &str, end: &CancelHandle) -> Context {
        Context::builder().peer(peer).cancelled_by(end).build()
    }

    // Guarantees: who has left is told to the host where it has the batch, and else to the egress.
    #[test]
    fn a_batch_is_withdrawn_where_it_is() {
        let contexts = Contexts::default();
        let numbers = [(); 2].map(|()| contexts.keep(Context::default()));
        contexts.went(tag(numbers[0]), 98);
        contexts.went(tag(numbers[0]), 99);
        assert_eq!(contexts.withdraw(numbers[0]), [98, 99]);
        assert!(!contexts.is_withdrawn(tag(numbers[1])));
        assert_eq!(contexts.withdraw(numbers[1]), [0; 0]);
        assert!(contexts.is_withdrawn(tag(numbers[1])) && !contexts.is_idle());
        for number in numbers {
            contexts.forget(number);
        }
        assert_eq!(contexts.withdraw(numbers[1]), [0; 0]);
        assert!(contexts.is_idle());
    }

    // Guarantees: the end of a call is the end of its context, and of no other; what a member sent
    // is found by its number until it was answered, and is no call's.
    #[test]
    fn a_context_lasts_as_long_as_its_batch() {
        let (contexts, end, call) = (Contexts::default(), CancelHandle::new(), 7 << 48 | 1);
        contexts.begin(call, context("a", &end), end.clone());
        let other = CancelHandle::new();
        contexts.begin(call + 1, context("b", &other), other.clone());
        let seen = contexts.of(tag(call));
        assert_eq!(seen.peer(), Some("a"));
        contexts.end(call);
        assert!(seen.is_cancelled() && !contexts.of(tag(call + 1)).is_cancelled());
        assert_eq!(contexts.of(tag(call)).peer(), None);
        let number = contexts.keep(context("c", &other));
        assert_eq!(contexts.of(tag(number)).peer(), Some("c"));
        contexts.forget(number);
        assert_eq!(contexts.of(tag(number)).peer(), None);
        assert_eq!(contexts.of(None).peer(), None);
    }
}
