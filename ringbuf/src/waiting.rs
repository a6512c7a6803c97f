//! Waiting for room (R-11, R-20, R-21): attempts that are repeated until a deadline.
//!
//! A wait is announced in `space_wait`, looks again, and sleeps until the other side or this one
//! makes room, or the link ends. What is attempted is the caller's.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use crate::doorbell::Woken;
use crate::errors::{Error, Result};
use crate::layout::{Counter, WORD_SPACE_WAIT};
use crate::producer::Producer;
use crate::region::Mapping;
use crate::sync;

impl Producer {
    /// Repeats `attempt` while it answers [`Error::Full`], sleeping in between, until `deadline`.
    /// Safe to cancel. The thread that consumes the same link must not wait here (R-12).
    ///
    /// ```no_run
    /// # async fn f(mut producer: strait_ringbuf::Producer) -> strait_ringbuf::Result<()> {
    /// let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
    /// let claim = producer.until(deadline, |producer| producer.claim(4096)).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Deadline`], [`Error::Closed`] as soon as the link ends, and what `attempt` answers.
    ///
    /// # Panics
    /// If it has to wait outside a tokio runtime with I/O and time enabled.
    pub async fn until<T>(
        &mut self,
        deadline: Instant,
        mut attempt: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let mut wait = SpaceWait::new(deadline);
        loop {
            let woken = match self.try_or_announce(&mut wait, &mut attempt) {
                ControlFlow::Break(result) => return result,
                ControlFlow::Continue(_announced) => {
                    let alarm = &self.shared.space_alarm;
                    self.space.wait_until(alarm, deadline).await?
                }
            };
            self.woken(woken);
        }
    }

    /// [`Producer::until`] for a thread that may block.
    ///
    /// # Errors
    /// As [`Producer::until`].
    pub fn until_blocking<T>(
        &mut self,
        deadline: Instant,
        mut attempt: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let mut wait = SpaceWait::new(deadline);
        let result = attempt(self);
        if let Some(result) = self.settled(result, &wait) {
            return result;
        }
        let shared = Arc::clone(self.shared.shared());
        // Before the looks below (see `Alarm`).
        let event = shared.space_alarm.thread_event()?;
        loop {
            let woken = match self.try_or_announce(&mut wait, &mut attempt) {
                ControlFlow::Break(result) => return result,
                ControlFlow::Continue(_announced) => {
                    self.space.doorbell().wait_until(event, deadline)?
                }
            };
            self.woken(woken);
        }
    }

    fn woken(&self, woken: Woken) {
        if woken == Woken::HungUp {
            self.shared.lose_other();
        }
    }

    /// Attempts, and again after it was announced that this producer is about to sleep (R-20):
    /// gives the answer, or the announcement to sleep under.
    fn try_or_announce<T>(
        &mut self,
        wait: &mut SpaceWait,
        attempt: &mut impl FnMut(&mut Self) -> Result<T>,
    ) -> ControlFlow<Result<T>, Announced> {
        let result = attempt(self);
        if let Some(result) = self.settled(result, wait) {
            return ControlFlow::Break(result);
        }
        // The consumer can only make room when it is awake.
        self.ring();
        let announced = self.announce(wait);
        let result = attempt(self);
        match self.settled(result, wait) {
            Some(result) => ControlFlow::Break(result),
            None => ControlFlow::Continue(announced),
        }
    }

    /// The answer to an attempt, unless it is to be repeated.
    fn settled<T>(&self, result: Result<T>, wait: &SpaceWait) -> Option<Result<T>> {
        let Err(Error::Full(full)) = result else {
            return Some(result);
        };
        if let Err(closed) = self.shared.check_open() {
            return Some(Err(closed));
        }
        if Instant::now() < wait.deadline {
            return None;
        }
        self.shared.counters.add(Counter::SpaceTimeouts, 1);
        let waited_ms = wait.started.elapsed().as_millis() as u64;
        Some(Err(Error::Deadline { full, waited_ms }))
    }

    /// Says that this producer is about to sleep (R-20), until the guard is dropped.
    fn announce(&mut self, wait: &mut SpaceWait) -> Announced {
        if !std::mem::replace(&mut wait.counted, true) {
            self.shared.counters.add(Counter::SpaceWaits, 1);
        }
        let producer = Arc::clone(&self.shared.outbound.producer);
        self.sleeper.announce(producer.word32(WORD_SPACE_WAIT));
        Announced { producer }
    }
}

/// One wait for room.
struct SpaceWait {
    started: Instant,
    deadline: Instant,
    counted: bool,
}

impl SpaceWait {
    fn new(deadline: Instant) -> Self {
        Self {
            started: Instant::now(),
            deadline,
            counted: false,
        }
    }
}

/// Keeps `space_wait` set; says that the producer is awake when dropped, also by a cancelled wait.
struct Announced {
    producer: Arc<Mapping>,
}

impl Drop for Announced {
    fn drop(&mut self) {
        sync::retract(self.producer.word32(WORD_SPACE_WAIT));
    }
}
