//! One pipeline of a lane: made from the unit, built by the engine, run to its end.

use crate::calls::{LaneStatus, Port};
use crate::ends::{egress, ingress};
use crate::guard::nacks;
use crate::lane::ending::Shared;
use crate::lane::factory::{self, FACTORY};
use crate::lane::read_loop;
use crate::nodes::{door, drain, way_out};
use crate::unit::{EGRESS, INGRESS, OWN, Unit};
use otel_arrow_dfe_config::observed_state::{ObservedStateSettings, SendPolicy};
use otel_arrow_dfe_config::pipeline::PipelineConfig;
use otel_arrow_dfe_config::policy::{ChannelCapacityPolicy, TelemetryPolicy};
use otel_arrow_dfe_config::{DeployedPipelineKey, MetricLevel, PipelineGroupId, PipelineId};
use otel_arrow_dfe_engine::context::{ControllerContext, PipelineContext};
use otel_arrow_dfe_engine::control::runtime_ctrl_msg_channel;
use otel_arrow_dfe_engine::entity_context::set_pipeline_entity_key;
use otel_arrow_dfe_engine::memory_limiter::MemoryPressureChanged;
use otel_arrow_dfe_engine::runtime_pipeline::RuntimePipeline;
use otel_arrow_dfe_otap::pdata::OtapPdata;
use otel_arrow_dfe_state::store::ObservedStateStore;
use otel_arrow_dfe_telemetry::registry::TelemetryRegistryHandle;
use otel_arrow_dfe_telemetry::reporter::MetricsReporter;
use serde_json::{Map, Value, json};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use strait_failure::{Class, Failure, contain};
use tokio::sync::oneshot;

/// How long a pipeline may take to end once its link is gone.
const LINK_END: Duration = Duration::from_secs(1);
/// Snapshots of node metrics that nobody reads; the lane's own counters are what is reported.
const METRICS_QUEUE: usize = 256;

/// Where a start waits for its answer.
pub(super) type Ready = oneshot::Sender<Result<(), Failure>>;

/// Where a pipeline runs.
pub(super) struct Place<'a> {
    pub(super) port: &'a Rc<Port>,
    pub(super) unit: &'a Unit,
    /// Which of the unit's lanes.
    pub(super) index: u32,
    /// The lane's name.
    pub(super) name: &'a str,
    pub(super) shared: &'a Arc<Shared>,
    /// Until the first pipeline runs.
    pub(super) ready: &'a Rc<Cell<Option<Ready>>>,
}

/// The engine's pipeline for one lane.
fn definition(unit: &Unit) -> Value {
    let mut nodes = Map::new();
    let back = unit.ways_back().next().is_some();
    for (end, urn) in [(INGRESS, ingress::URN), (EGRESS, egress::URN)] {
        if unit.topology.has_end(end) || (back && end == EGRESS) {
            nodes.insert(end.into(), json!({"type": urn}));
        }
    }
    let mut doors = Vec::new();
    if unit.door.is_some() {
        let (name, config) = (format!("{OWN}door"), json!({}));
        doors.push((name, config, unit.topology.entries()));
    }
    for (member, _) in unit.ways_back() {
        let (name, config) = (format!("{OWN}back/{member}"), json!({"back_from": member}));
        doors.push((name, config, vec![EGRESS.to_owned()]));
    }
    for node in &unit.topology.nodes {
        let mut config = node.config.clone();
        if let (Some(kind), Some(config)) = (node.kind, config.as_object_mut()) {
            (kind.places)(config, unit.max_in_flight);
        }
        let mut entry = json!({"type": node.urn, "config": config});
        let ports = unit.topology.ports(&node.name);
        if !ports.is_empty() {
            entry["outputs"] = json!(ports);
        }
        nodes.insert(node.name.clone(), entry);
    }
    for (name, edge) in &unit.topology.ways {
        let entry = json!({"type": way_out::URN, "config": way_out::config(*edge)});
        nodes.insert(name.clone(), entry);
    }
    let joined = unit.topology.connections.iter();
    let mut connections: Vec<Value> = joined
        .map(|connection| json!({"from": connection.from, "to": connection.to}))
        .collect();
    for (name, config, to) in doors {
        connections.push(json!({"from": name, "to": to}));
        nodes.insert(name, json!({"type": door::URN, "config": config}));
    }
    json!({"nodes": nodes, "connections": connections})
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

/// The pipeline's context: names, and what its nodes declare of headers.
fn context(
    place: &Place<'_>,
    registry: &TelemetryRegistryHandle,
    group: PipelineGroupId,
    id: PipelineId,
    config: &PipelineConfig,
) -> Result<PipelineContext, Failure> {
    let bindings = factory::context_bindings(group.clone(), id.clone(), config.clone())
        .map_err(|error| unbuilt(&error))?;
    let (lanes, core) = (place.unit.lanes as usize, place.index as usize);
    let mut context = ControllerContext::new(registry.clone())
        .pipeline_context_with(group, id, core, lanes, core);
    context.set_compiled_context_bindings(bindings);
    Ok(context)
}

/// Lets the engine build the pipeline; a panic of a node's factory is an error.
fn build(
    context: PipelineContext,
    config: PipelineConfig,
    capacity: ChannelCapacityPolicy,
) -> Result<RuntimePipeline<OtapPdata>, Failure> {
    let telemetry = TelemetryPolicy {
        pipeline_metrics: false,
        tokio_metrics: false,
        runtime_metrics: MetricLevel::None,
        ..TelemetryPolicy::default()
    };
    let build = || {
        FACTORY.build(
            context,
            config,
            capacity,
            telemetry,
            Default::default(),
            None,
            None,
        )
    };
    contain(build)
        .map_err(|panic| unbuilt(&panic))?
        .map_err(|error| unbuilt(&error))
}

fn unbuilt(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(
        Class::Permanent,
        format!("cannot build the pipeline: {error}"),
    )
}

/// What happens when the pipeline runs: reading begins, and whoever waits for it is told.
fn started(place: &Place<'_>) -> impl FnOnce() + 'static {
    let (port, shared, ready) = (
        Rc::clone(place.port),
        Arc::clone(place.shared),
        Rc::clone(place.ready),
    );
    move || {
        drain::started();
        let reader = Rc::clone(&port);
        tokio::task::spawn_local(async move {
            let reason = read_loop::run(reader).await;
            tracing::debug!(%reason, "the link has ended");
            shared.end_pipeline(Instant::now() + LINK_END);
        });
        match ready.take() {
            Some(ready) => drop(ready.send(Ok(()))),
            None => port.upcalls().status(LaneStatus::Ok, "running again"),
        }
    }
}

/// Builds one pipeline and runs it to its end.
pub(super) fn run(place: &Place<'_>) -> Result<(), Failure> {
    let group = PipelineGroupId::from(place.unit.id.clone());
    // The same each time: a node may keep a file by this name.
    let id = PipelineId::from(format!("lane-{}", place.index));
    let json = definition(place.unit).to_string();
    let config = PipelineConfig::from_json(group.clone(), id.clone(), &json)
        .map_err(|error| unbuilt(&error))?;
    let registry = TelemetryRegistryHandle::new();
    let context = context(place, &registry, group, id, &config)?;
    let entity = context.register_pipeline_entity();
    let _entity = set_pipeline_entity_key(context.metrics_registry(), entity);
    let capacity = ChannelCapacityPolicy::default();
    let (control, control_rx) = runtime_ctrl_msg_channel(capacity.control.pipeline);
    let (completion, completion_rx) = nacks::channel(capacity.control.completion);
    let (_memory, memory_rx) = tokio::sync::watch::channel(MemoryPressureChanged::initial());
    let generation = next_generation();
    place
        .port
        .change(|calls| calls.begin_generation(generation));
    let pipeline = build(context.clone(), config, capacity)?;
    {
        let mut state = place.shared.lock();
        if state.stop.is_some() {
            return Ok(());
        }
        state.control = Some(control.clone());
    }
    let pipeline = pipeline.with_startup_callback(started(place));
    let store = ObservedStateStore::new(&ObservedStateSettings::default(), registry);
    let quiet = SendPolicy {
        blocking_timeout: None,
        console_fallback: false,
    };
    let (_metrics, reporter) = MetricsReporter::create_new_and_receiver(METRICS_QUEUE);
    let name = DeployedPipelineKey {
        pipeline_group_id: context.pipeline_group_id(),
        pipeline_id: context.pipeline_id(),
        core_id: place.index as usize,
        deployment_generation: 0,
    };
    let body = || {
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
    };
    match contain(body) {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(Failure::new(Class::Retryable, error.to_string())),
        Err(panic) => Err(Failure::new(Class::Retryable, panic)),
    }
}
