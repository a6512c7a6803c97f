//! A lane: one OS thread that runs a unit's pipeline on one link.
//!
//! The engine's controller is not used: the lane builds the pipeline from [`factory`], runs it, and
//! when it ends by an error ends every call that was in it, waits a little and builds it anew, a
//! few times. Past that budget it reports a permanent error and refuses what arrives until it is
//! shut down. Calls that wait in the ring meanwhile keep waiting, within their deadlines.
//!
//! Guarantees: start answers once, when the pipeline runs or cannot; after shutdown's answer the
//! thread has ended, and with it all it held, save leases that readers of batches still hold.
//!
//! [`factory`]: crate::factory

use crate::answers;
use crate::config::Unit;
use crate::failure::{Class, Failure};
use crate::guard::panic_message;
use crate::plan::Projection;
use crate::port::{Counters, Inbox, LaneStatus, Port, Settings, Upcalls};
use crate::prompt;
use crate::pump;
use crate::wire;
use otel_arrow_dfe_config::observed_state::{ObservedStateSettings, SendPolicy};
use otel_arrow_dfe_config::pipeline::PipelineConfig;
use otel_arrow_dfe_config::policy::{ChannelCapacityPolicy, TelemetryPolicy};
use otel_arrow_dfe_config::{DeployedPipelineKey, MetricLevel, PipelineGroupId, PipelineId};
use otel_arrow_dfe_engine::context::ControllerContext;
use otel_arrow_dfe_engine::control::{
    RuntimeControlMsg, RuntimeCtrlMsgSender, runtime_ctrl_msg_channel,
};
use otel_arrow_dfe_engine::entity_context::set_pipeline_entity_key;
use otel_arrow_dfe_engine::memory_limiter::MemoryPressureChanged;
use otel_arrow_dfe_otap::pdata::OtapPdata;
use otel_arrow_dfe_state::store::ObservedStateStore;
use otel_arrow_dfe_telemetry::registry::TelemetryRegistryHandle;
use otel_arrow_dfe_telemetry::reporter::MetricsReporter;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, oneshot};

/// Restarts within [`BUDGET_WINDOW`] before the lane gives up.
const BUDGET: usize = 5;
const BUDGET_WINDOW: Duration = Duration::from_secs(60);
const BACKOFF_FIRST: Duration = Duration::from_millis(10);
const BACKOFF_MOST: Duration = Duration::from_secs(1);
/// How long a pipeline may take to end once its link is gone.
const LINK_END: Duration = Duration::from_secs(1);
/// Snapshots of node metrics that nobody reads; the lane's own counters are what is reported.
const METRICS_QUEUE: usize = 256;

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
    /// How long an egress batch waits for space.
    pub max_wait: Duration,
    /// The way back to the host.
    pub upcalls: Arc<dyn Upcalls>,
}

/// A running lane. Dropping it shuts it down at once.
pub struct Lane {
    shared: Arc<Shared>,
    inbox: Arc<Inbox>,
    done: Mutex<Option<oneshot::Receiver<Counters>>>,
}

/// What the lane's thread and its owner share.
#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    stop_wake: Notify,
}

#[derive(Default)]
struct State {
    /// Taken when the shutdown is sent: the engine ends only when no sender is left.
    control: Option<RuntimeCtrlMsgSender<OtapPdata>>,
    /// Set once: when the lane must have drained.
    stop: Option<Instant>,
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for the lane's end. The first deadline counts.
    fn stop(&self, deadline: Instant) {
        let mut state = self.lock();
        if state.stop.is_none() {
            state.stop = Some(deadline);
            drop(state);
            self.end_pipeline(deadline);
            self.stop_wake.notify_one();
        }
    }

    /// Asks the pipeline that runs now to drain and end.
    fn end_pipeline(&self, deadline: Instant) {
        let Some(control) = self.lock().control.take() else {
            return;
        };
        let message = RuntimeControlMsg::Shutdown {
            deadline,
            reason: "unit shutdown".into(),
        };
        if control.try_send(message).is_err() {
            tracing::warn!("the pipeline did not take its shutdown");
        }
    }

    /// Returns when the lane is asked to end.
    async fn stopped(&self) {
        while self.stopping().is_none() {
            self.stop_wake.notified().await;
        }
    }

    fn stopping(&self) -> Option<Instant> {
        self.lock().stop
    }
}

impl Lane {
    /// Starts the lane's thread and waits until its pipeline runs.
    ///
    /// # Errors
    ///
    /// The thread, the link or the pipeline could not be set up; nothing is left behind.
    pub async fn start(config: LaneConfig) -> Result<Self, Failure> {
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
                let body = AssertUnwindSafe(|| run(config, inbox, &shared, ready_tx));
                let counters = catch_unwind(body).unwrap_or_else(|panic| {
                    let message = panic_message(panic.as_ref());
                    tracing::error!(panic = %message, "a lane ended by a panic");
                    upcalls.status(
                        LaneStatus::Permanent,
                        &format!("the lane panicked: {message}"),
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
    /// unavailable. Gives the lane's counters; only the first call waits for the end.
    pub async fn shutdown(&self, deadline: Instant) -> Option<Counters> {
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

type Ready = oneshot::Sender<Result<(), Failure>>;

/// The thread's body.
fn run(config: LaneConfig, inbox: Arc<Inbox>, shared: &Arc<Shared>, ready: Ready) -> Counters {
    let settings = Settings {
        unit: config.unit.id.clone(),
        max_in_flight: config.unit.max_in_flight as usize,
        max_wait: config.max_wait,
        projection: Projection::of(&config.unit),
        token_base: 1 << 63
            | u64::from(config.link_number) << 48
            | u64::from(config.epoch & 0xff) << 40,
    };
    let key = format!("lane-{}", config.link_number);
    let ends = wire::split(config.link, config.unit.retains());
    let port = Port::new(ends, settings, config.upcalls, inbox);
    port.register(&key);
    supervise(&port, &config.unit, config.index, &key, shared, ready);
    Port::unregister(&key);
    port.writer.close();
    port.counters()
}

/// Runs pipeline after pipeline until the lane is asked to stop, its link ends, or its budget does.
fn supervise(
    port: &Rc<Port>,
    unit: &Unit,
    index: u32,
    key: &str,
    shared: &Arc<Shared>,
    ready: Ready,
) {
    let ready = Rc::new(Cell::new(Some(ready)));
    let mut failures: Vec<Instant> = Vec::new();
    let mut backoff = BACKOFF_FIRST;
    loop {
        let started = Instant::now();
        let end = generation(port, unit, index, key, shared, &ready);
        shared.lock().control = None;
        // A pipeline that could not even start is an answer to start, not a reason to try again.
        if let Some(ready) = ready.take() {
            let failure = end
                .err()
                .unwrap_or_else(|| Failure::new(Class::Unavailable, "stopped"));
            let _ = ready.send(Err(failure));
            return;
        }
        let link_gone = port.closed();
        let stopping = shared.stopping().is_some() || link_gone.is_some();
        let error = end.err().map(|failure| failure.message);
        port.end_generation(if stopping {
            None
        } else {
            error.as_deref().or(Some("the pipeline ended"))
        });
        if stopping {
            port.fail_queued(Class::Unavailable, "the unit is shutting down");
            if let Some(failure) = link_gone.filter(|failure| failure.class != Class::Unavailable) {
                port.upcalls()
                    .status(LaneStatus::Permanent, &failure.to_string());
            }
            return;
        }
        let error = error.unwrap_or_else(|| "the pipeline ended".into());
        tracing::error!(lane = key, %error, "a lane's pipeline ended");
        if started.elapsed() > BUDGET_WINDOW {
            backoff = BACKOFF_FIRST;
        }
        failures.retain(|at| at.elapsed() < BUDGET_WINDOW);
        failures.push(Instant::now());
        if failures.len() > BUDGET {
            port.upcalls().status(
                LaneStatus::Permanent,
                &format!(
                    "the pipeline ended {} times within a minute, last: {error}",
                    failures.len()
                ),
            );
            port.refuse("the unit has failed and will not run again");
            port.fail_queued(
                Class::Unavailable,
                "the unit has failed and will not run again",
            );
            idle(port, shared, None);
            return;
        }
        port.upcalls()
            .status(LaneStatus::Recoverable, &format!("restarting: {error}"));
        idle(port, shared, Some(backoff));
        backoff = (backoff * 2).min(BACKOFF_MOST);
    }
}

/// Keeps reading the ring without a pipeline, for some time or until the lane stops: acks and
/// cancels are taken, deadlines kept, batches wait (or are refused, when the port refuses).
fn idle(port: &Rc<Port>, shared: &Arc<Shared>, time: Option<Duration>) {
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
            _ = pump::run(Rc::clone(port)) => {}
            () = shared.stopped() => {}
            () = crate::receiver::sleep_until(until), if until.is_some() => {}
        }
    });
}

/// A number that no other generation has, in this process or (most likely) another.
fn next_generation() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    static BASE: std::sync::LazyLock<u64> = std::sync::LazyLock::new(|| {
        use std::hash::{BuildHasher, RandomState};
        RandomState::new().hash_one(std::process::id())
    });
    // Relaxed: only uniqueness counts.
    BASE.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Builds one pipeline and runs it to its end.
fn generation(
    port: &Rc<Port>,
    unit: &Unit,
    index: u32,
    key: &str,
    shared: &Arc<Shared>,
    ready: &Rc<Cell<Option<Ready>>>,
) -> Result<(), Failure> {
    let internal = |error: &dyn std::fmt::Display| {
        Failure::new(
            Class::Permanent,
            format!("cannot build the pipeline: {error}"),
        )
    };
    let (group, id) = (
        PipelineGroupId::from(unit.id.clone()),
        PipelineId::from(key.to_owned()),
    );
    let json = unit.pipeline(key).to_string();
    let config = PipelineConfig::from_json(group.clone(), id.clone(), &json)
        .map_err(|error| internal(&error))?;
    let bindings = crate::factory::context_bindings(group.clone(), id.clone(), config.clone())
        .map_err(|error| internal(&error))?;
    let capacity = ChannelCapacityPolicy::default();
    let (control, control_rx) = runtime_ctrl_msg_channel(capacity.control.pipeline);
    let (completion, completion_rx, building) = answers::channel(capacity.control.completion);
    let (_memory, memory_rx) = tokio::sync::watch::channel(MemoryPressureChanged::initial());
    let registry = TelemetryRegistryHandle::new();
    let core = index as usize;
    let mut context = ControllerContext::new(registry.clone()).pipeline_context_with(
        group,
        id,
        core,
        unit.lanes as usize,
        core,
    );
    context.set_compiled_context_bindings(bindings);
    let entity = context.register_pipeline_entity();
    let _entity = set_pipeline_entity_key(context.metrics_registry(), entity);
    let telemetry = TelemetryPolicy {
        pipeline_metrics: false,
        tokio_metrics: false,
        runtime_metrics: MetricLevel::None,
        ..TelemetryPolicy::default()
    };
    port.begin_generation(next_generation());
    prompt::forget();
    let build = || {
        crate::factory::FACTORY.build(
            context.clone(),
            config,
            capacity,
            telemetry,
            Default::default(),
            None,
            None,
        )
    };
    let pipeline = catch_unwind(AssertUnwindSafe(build))
        .map_err(|panic| internal(&panic_message(panic.as_ref())))?
        .map_err(|error| internal(&error))?;
    drop(building);
    {
        let mut state = shared.lock();
        if state.stop.is_some() {
            return Ok(());
        }
        state.control = Some(control.clone());
    }
    let (pump_port, pump_shared, ready) = (Rc::clone(port), Arc::clone(shared), Rc::clone(ready));
    let again = Rc::clone(port);
    let pipeline = pipeline.with_startup_callback(move || {
        prompt::started();
        tokio::task::spawn_local(async move {
            let reason = pump::run(pump_port).await;
            tracing::debug!(%reason, "the link has ended");
            pump_shared.end_pipeline(Instant::now() + LINK_END);
        });
        match ready.take() {
            Some(ready) => drop(ready.send(Ok(()))),
            None => again.upcalls().status(LaneStatus::Ok, "running again"),
        }
    });
    let store = ObservedStateStore::new(&ObservedStateSettings::default(), registry);
    let quiet = SendPolicy {
        blocking_timeout: None,
        console_fallback: false,
    };
    let (_metrics, reporter) = MetricsReporter::create_new_and_receiver(METRICS_QUEUE);
    let name = DeployedPipelineKey {
        pipeline_group_id: context.pipeline_group_id(),
        pipeline_id: context.pipeline_id(),
        core_id: core,
        deployment_generation: 0,
    };
    let body = AssertUnwindSafe(|| {
        pipeline.run_forever(
            name,
            context,
            store.reporter(quiet),
            reporter,
            Duration::from_secs(60),
            memory_rx,
            control,
            control_rx,
            completion,
            completion_rx,
        )
    });
    match catch_unwind(body) {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(Failure::new(Class::Retryable, error.to_string())),
        Err(panic) => Err(Failure::new(
            Class::Retryable,
            panic_message(panic.as_ref()),
        )),
    }
}
