//! A lane: one OS thread that runs a unit's pipeline on one link.
//!
//! The engine's controller is not used: the lane builds the pipeline from its own `factory`, runs
//! it, and when it ends by an error ends every call that was in it, waits a little and builds it
//! anew, a few times. Past that budget it reports a permanent error and refuses what arrives until
//! it is shut down. Calls that wait in the ring meanwhile keep waiting, within their deadlines.
//!
//! Guarantees: start answers once, when the pipeline runs or cannot; after shutdown's answer the
//! thread has ended, and with it all it held, save leases that readers of batches still hold.

mod console;
mod ending;
pub(crate) mod engine_log;
mod factory;
mod pipeline;
mod read_loop;
mod supervisor;

use crate::ambient;
use crate::calls::{Counters, Inbox, LaneStatus, Limits, Port, Settings, Upcalls};
use crate::link;
use crate::plan::projection::Projection;
use crate::unit::{Exits, Unit};
use ending::Shared;
use pipeline::{Place, Ready};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use strait_failure::{Class, Failure, contain};
use supervisor::supervise;
use tokio::sync::oneshot;

/// What a lane runs.
pub struct LaneConfig {
    /// The unit.
    pub unit: Arc<Unit>,
    /// Which of the unit's lanes, from 0.
    pub index: u32,
    /// The link, whose peer side this lane becomes.
    pub link: strait_ringbuf::Link,
    /// Descriptors of its rings.
    pub descriptors: u32,
    /// The link's number (contract: bits 48..62 of call ids).
    pub link_number: u16,
    /// The link's epoch.
    pub epoch: u32,
    /// How long an output of a call waits for space.
    pub max_wait: Duration,
    /// Batches of no call that the host takes before it has answered one, at least 1.
    pub credit: usize,
    /// The way back to the host.
    pub upcalls: Arc<dyn Upcalls>,
}

/// A running lane. Dropping it shuts it down at once.
pub struct Lane {
    shared: Arc<Shared>,
    inbox: Arc<Inbox>,
    done: Mutex<Option<oneshot::Receiver<Counters>>>,
}

impl Lane {
    /// Starts the lane's thread and waits until its pipeline runs.
    ///
    /// # Errors
    ///
    /// The thread, the link or the pipeline could not be set up; nothing is left behind.
    pub async fn start(config: LaneConfig) -> Result<Self, Failure> {
        if !config.unit.is_whole() {
            let message = "a unit without edges can be checked, and not run";
            return Err(Failure::new(Class::Permanent, message));
        }
        let inbox = Inbox::new(config.descriptors as usize);
        let shared = Arc::new(Shared::default());
        let (ready_tx, ready) = oneshot::channel();
        let (done_tx, done) = oneshot::channel();
        let lane = Self {
            shared: Arc::clone(&shared),
            inbox: Arc::clone(&inbox),
            done: Mutex::new(Some(done)),
        };
        // Linux keeps 15 bytes of a thread's name.
        let name = format!("strait-{}.{}", config.link_number, config.index);
        std::thread::Builder::new()
            .name(name)
            .spawn(move || {
                let upcalls = Arc::clone(&config.upcalls);
                upcalls.attach();
                let body = || run(config, inbox, &shared, ready_tx);
                let counters = contain(body).unwrap_or_else(|panic| {
                    tracing::error!(%panic, "a lane ended by a panic");
                    // Its link has ended with it, and is made anew.
                    upcalls.status(
                        LaneStatus::Recoverable,
                        &format!("the lane panicked: {panic}"),
                    );
                    Counters::default()
                });
                // The owner may have gone.
                let _ = done_tx.send(counters);
            })
            .map_err(|error| {
                Failure::new(
                    Class::Unavailable,
                    format!("cannot start a lane's thread: {error}"),
                )
            })?;
        match ready.await {
            Ok(Ok(())) => Ok(lane),
            Ok(Err(failure)) => Err(failure),
            Err(_) => Err(Failure::new(
                Class::Internal,
                "the lane ended while it started",
            )),
        }
    }

    /// The host gave up a call of this lane.
    pub fn cancel(&self, call_id: u64) {
        self.inbox.cancel(call_id);
    }

    /// The host could not deliver an egress batch of this lane.
    pub fn failed(&self, token: u64, failure: Failure) {
        self.inbox.failed(token, failure);
    }

    /// Drains the lane until `deadline` and ends it; calls that are not done by then end as
    /// unavailable. The unit ends with it: what an exporter's queue holds is sent, or given up.
    /// Gives the lane's counters; only the first call waits for the end.
    pub async fn shutdown(&self, deadline: Instant) -> Option<Counters> {
        self.inbox.end_unit();
        self.end(deadline).await
    }

    /// The same of a lane alone, whose place another one takes: what an exporter's queue holds is
    /// left to that.
    pub async fn end(&self, deadline: Instant) -> Option<Counters> {
        self.ask(deadline);
        let done = self
            .done
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        done?.await.ok()
    }

    fn ask(&self, deadline: Instant) {
        self.shared.stop(deadline);
        self.inbox.wake();
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.ask(Instant::now());
    }
}

/// The thread's body.
fn run(config: LaneConfig, inbox: Arc<Inbox>, shared: &Arc<Shared>, ready: Ready) -> Counters {
    let projection = Projection::of(&config.unit);
    let settings = Settings {
        unit: config.unit.id.clone(),
        limits: Limits {
            calls: config.descriptors as usize,
            max_in_flight: config.unit.max_in_flight as usize,
            credit: config.credit,
            token_base: 1 << 63
                | u64::from(config.link_number) << 48
                | u64::from(config.epoch & 0xff) << 40,
            projects: projection.plan.projectable,
        },
        max_wait: config.max_wait,
        has_components: config.unit.has_components(),
        exits: Exits::of(&config.unit),
        members: Arc::clone(&config.unit.members),
        door: config.unit.door.clone(),
        projection,
    };
    let entry = config.unit.entry().map(|entry| entry.number);
    let ends = link::split(config.link, entry, config.unit.retains());
    let port = Port::new(ends, settings, config.upcalls, inbox);
    let entered = ambient::enter(&port);
    supervise(&Place {
        port: &port,
        unit: &config.unit,
        index: config.index,
        name: &format!("lane-{}", config.link_number),
        shared,
        ready: &Rc::new(Cell::new(Some(ready))),
    });
    drop(entered);
    port.writer.close();
    port.calls().counters()
}
