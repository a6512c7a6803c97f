//! Runs a lane's pipelines one after the other, and decides when there is not to be another one.

use crate::ambient;
use crate::calls::{LaneStatus, Port};
use crate::lane::ending::Shared;
use crate::lane::pipeline::{self, Place};
use crate::lane::read_loop;
use crate::nodes::waiting::sleep_until;
use std::rc::Rc;
use std::time::{Duration, Instant};
use strait_failure::{Class, Failure};

/// Restarts within [`BUDGET_WINDOW`] before the lane gives up.
const BUDGET: usize = 5;
const BUDGET_WINDOW: Duration = Duration::from_secs(60);
const BACKOFF_FIRST: Duration = Duration::from_millis(10);
const BACKOFF_MOST: Duration = Duration::from_secs(1);
const GIVEN_UP: &str = "the unit has failed and will not run again";

/// Runs pipeline after pipeline until the lane is asked to stop, its link ends, or its budget does.
pub(super) fn supervise(place: &Place<'_>) {
    let (port, shared) = (place.port, place.shared);
    let mut restarts = Restarts::default();
    loop {
        let started = Instant::now();
        let end = pipeline::run(place);
        ambient::end_pipeline();
        shared.lock().control = None;
        // A pipeline that could not even start is an answer to start, not a reason to try again.
        if let Some(ready) = place.ready.take() {
            let failure = end
                .err()
                .unwrap_or_else(|| Failure::new(Class::Unavailable, "stopped"));
            let _ = ready.send(Err(failure));
            return;
        }
        let error = end.err().map(|failure| failure.message);
        if shared.stopping().is_some() || port.closed().is_some() {
            port.end_generation(None);
            stop(port);
            return;
        }
        let error = error.unwrap_or_else(|| "the pipeline ended".into());
        port.end_generation(Some(&error));
        tracing::error!(lane = place.name, %error, "a lane's pipeline ended");
        let Some(wait) = restarts.next(started.elapsed()) else {
            let times = restarts.recent.len();
            port.upcalls().status(
                LaneStatus::Permanent,
                &format!("the pipeline ended {times} times within a minute, last: {error}"),
            );
            port.change(|calls| {
                calls.refuse(GIVEN_UP);
                calls.fail_queued(Class::Unavailable, GIVEN_UP);
            });
            if let Some(door) = &place.unit.door {
                door.give_up(place.index);
            }
            idle(port, shared, None);
            return;
        };
        port.upcalls()
            .status(LaneStatus::Recoverable, &format!("restarting: {error}"));
        idle(port, shared, Some(wait));
    }
}

/// Ends what is left when the lane was asked to end, or its link is gone. The host makes a link
/// anew that was not closed in order, and with it a lane.
fn stop(port: &Port) {
    port.change(|calls| calls.fail_queued(Class::Unavailable, "the unit is shutting down"));
    let gone = port.closed();
    if let Some(failure) = gone.filter(|failure| failure.class != Class::Unavailable) {
        port.upcalls()
            .status(LaneStatus::Recoverable, &failure.to_string());
    }
}

/// The budget of restarts.
struct Restarts {
    recent: Vec<Instant>,
    backoff: Duration,
}

impl Default for Restarts {
    fn default() -> Self {
        Self {
            recent: Vec::new(),
            backoff: BACKOFF_FIRST,
        }
    }
}

impl Restarts {
    /// How long to wait before the next pipeline, after one that ran for `ran`; `None`: there is
    /// none.
    fn next(&mut self, ran: Duration) -> Option<Duration> {
        if ran > BUDGET_WINDOW {
            self.backoff = BACKOFF_FIRST;
        }
        self.recent.retain(|at| at.elapsed() < BUDGET_WINDOW);
        self.recent.push(Instant::now());
        if self.recent.len() > BUDGET {
            return None;
        }
        let wait = self.backoff;
        self.backoff = (wait * 2).min(BACKOFF_MOST);
        Some(wait)
    }
}

/// Keeps reading the ring without a pipeline, for some time or until the lane stops: acks and
/// cancels are taken, deadlines kept, batches wait (or are refused, when the port refuses).
fn idle(port: &Rc<Port>, shared: &Shared, time: Option<Duration>) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    else {
        // No runtime, no pipeline either: the next generation reports it.
        return;
    };
    let until = time.map(|time| Instant::now() + time);
    runtime.block_on(async {
        tokio::select! {
            _ = read_loop::run(Rc::clone(port)) => {}
            () = shared.stopped() => {}
            () = sleep_until(until), if until.is_some() => {}
        }
    });
}
