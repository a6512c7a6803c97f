//! The other end of a link with the engine: a lane with one node, which takes every batch and lets
//! nothing on.

use crate::guard;
use crate::lent;
use crate::offer::{Answer, Offer};
use arrow_buffer::BooleanBuffer;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};
use strait_component::prelude::*;
use strait_engine::{components, Failure, LaneConfig, LaneStatus, Unit, Upcalls};
use strait_ringbuf::PeerFds;

const MAX_WAIT: Duration = Duration::from_secs(5);

/// A node that takes every batch and lets nothing on, so that only the way to it is measured.
struct Sink;

impl Processor for Sink {
    fn process(&mut self, batch: &mut Batch) -> Result<(), Error> {
        batch.keep(&BooleanBuffer::new_unset(batch.len()))?;
        Ok(())
    }
}

struct SinkFactory;

impl ProcessorFactory for SinkFactory {
    type Config = Nothing;

    fn describe(&self) -> Description {
        Description::processor("bench_sink", package!()).logs(Stability::Development)
    }

    fn access(&self, _: &Nothing) -> Access {
        Access::everything().filter()
    }

    fn create(&self, _: Nothing, _: &Settings) -> Result<Box<dyn Processor>, CreateError> {
        Ok(Box::new(Sink))
    }
}

/// The sink has no configuration.
#[derive(Default, serde::Deserialize, serde::Serialize, JsonSchema)]
struct Nothing {}

/// What the engine reports is an error here: no batch of a bench fails.
struct Report;

impl Upcalls for Report {
    fn batch_failed(&self, call_id: u64, failure: &Failure) {
        eprintln!("bench: call {call_id:#x} failed: {failure}");
    }
    fn batch_cancel(&self, token: u64) {
        eprintln!("bench: egress {token:#x} was cancelled");
    }
    fn status(&self, status: LaneStatus, message: &str) {
        if status != LaneStatus::Ok {
            eprintln!("bench: lane: {status:?}: {message}");
        }
    }
}

/// A running lane.
pub(crate) struct Lane {
    lane: strait_engine::Lane,
    runtime: tokio::runtime::Runtime,
    _fds: PeerFds<OwnedFd>,
}

/// Starts a lane that ends at the sink. `spec` is the JSON of a unit. Ends with
/// `strait_bench_lane_stop`.
///
/// # Safety
/// `offer` and `len` bytes of `spec` can be read and `answer` written; the offer's descriptors are
/// open.
#[no_mangle]
pub(crate) unsafe extern "C" fn strait_bench_lane_start(
    offer: *const Offer,
    spec: *const u8,
    len: usize,
    answer: *mut Answer,
) -> *mut Lane {
    guard(std::ptr::null_mut(), || {
        // SAFETY: the caller's promise.
        let (offer, spec) = unsafe { (*offer, lent(spec, len)) };
        components::register(&[&SinkFactory]);
        let unit = Unit::read(&serde_json::from_slice(spec)?)
            .map_err(|findings| format!("the unit is refused: {findings:?}"))?;
        let (link, fds, told) = offer.accept()?;
        // SAFETY: the caller's promise.
        unsafe { *answer = told };
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let lane = runtime.block_on(strait_engine::Lane::start(LaneConfig {
            unit: Arc::new(unit),
            index: 0,
            link,
            descriptors: offer.descriptors(),
            link_number: 1,
            epoch: offer.epoch(),
            max_wait: MAX_WAIT,
            credit: 64,
            upcalls: Arc::new(Report),
        }));
        let lane = lane.map_err(|failure| failure.to_string())?;
        Ok::<_, Box<dyn std::error::Error>>(Box::into_raw(Box::new(Lane {
            lane,
            runtime,
            _fds: fds,
        })))
    })
}

/// Drains the lane and ends it.
///
/// # Safety
/// `lane` is what `strait_bench_lane_start` gave, and is not used again.
#[no_mangle]
pub(crate) unsafe extern "C" fn strait_bench_lane_stop(lane: *mut Lane) -> i32 {
    guard(-1, || {
        // SAFETY: it came from Box::into_raw, and the caller gives it up.
        let lane = unsafe { Box::from_raw(lane) };
        let ended = lane
            .runtime
            .block_on(lane.lane.shutdown(Instant::now() + MAX_WAIT));
        ended.map(|_| 0).ok_or("the lane did not end in order")
    })
}
