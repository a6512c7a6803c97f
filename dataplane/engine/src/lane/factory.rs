//! The pipeline factory of Strait: the engine's own nodes, processors and exporters each behind a
//! [`guard`], and the nodes that are ours.

use super::console;
use crate::catalog::{self, prints_records};
use crate::ends::{egress, ingress};
use crate::guard;
use crate::nodes::{bridge, component, connector, door, exporter, receiver, way_out};
use otel_arrow_dfe_config::engine::{
    EngineConfig, ResolvedOtelDataflowSpec, ResolvedPipelineConfig, ResolvedPipelineRole,
};
use otel_arrow_dfe_config::error::Error as ConfigError;
use otel_arrow_dfe_config::node::NodeUserConfig;
use otel_arrow_dfe_config::pipeline::PipelineConfig;
use otel_arrow_dfe_config::policy::ResolvedPolicies;
use otel_arrow_dfe_config::topic::TopicScope;
use otel_arrow_dfe_config::{PipelineGroupId, PipelineId};
use otel_arrow_dfe_engine::capability::registry::Capabilities;
use otel_arrow_dfe_engine::config::{ExporterConfig, ProcessorConfig, ReceiverConfig};
use otel_arrow_dfe_engine::context::PipelineContext;
use otel_arrow_dfe_engine::error::Error as EngineError;
use otel_arrow_dfe_engine::exporter::ExporterWrapper;
use otel_arrow_dfe_engine::node::NodeId;
use otel_arrow_dfe_engine::pdata_context::CompiledContextBindings;
use otel_arrow_dfe_engine::processor::ProcessorWrapper;
use otel_arrow_dfe_engine::receiver::ReceiverWrapper;
use otel_arrow_dfe_engine::{ExporterFactory, PipelineFactory, ProcessorFactory, ReceiverFactory};
use otel_arrow_dfe_otap::OTAP_PIPELINE_FACTORY;
use otel_arrow_dfe_otap::crypto::ensure_crypto_provider;
use otel_arrow_dfe_otap::pdata::OtapPdata;
use otel_arrow_dfe_telemetry::output_service::OutputService;
use std::sync::{Arc, LazyLock};
use strait_component::Kind;

/// The factory that lanes build from: the linked nodes (guarded), a node for each kind of the
/// SDK's components, ways out, and the two ends. It lives as long as the process, because the
/// engine keeps references to it.
pub(super) static FACTORY: LazyLock<PipelineFactory<OtapPdata>> = LazyLock::new(|| {
    // Every node that is linked in; which of them users may name is the catalog's affair.
    let mut processors: Vec<ProcessorFactory<OtapPdata>> = OTAP_PIPELINE_FACTORY
        .get_processor_factory_map()
        .values()
        .map(|inner| ProcessorFactory {
            create: create_guarded,
            ..inner.clone()
        })
        .collect();
    processors.extend([component::FACTORY, connector::FACTORY, way_out::FACTORY]);
    let mut exporters: Vec<ExporterFactory<OtapPdata>> = OTAP_PIPELINE_FACTORY
        .get_exporter_factory_map()
        .values()
        .map(|inner| ExporterFactory {
            create: create_exporter,
            ..inner.clone()
        })
        .collect();
    exporters.extend([egress::FACTORY, exporter::FACTORY, bridge::FACTORY]);
    let mut receivers: Vec<ReceiverFactory<OtapPdata>> = OTAP_PIPELINE_FACTORY
        .get_receiver_factory_map()
        .values()
        .map(|inner| ReceiverFactory {
            create: create_receiver,
            ..inner.clone()
        })
        .collect();
    receivers.extend([ingress::FACTORY, receiver::FACTORY, door::FACTORY]);
    PipelineFactory::new(receivers.leak(), processors.leak(), exporters.leak(), &[])
});

/// Creates a node by its own factory and puts the guard around it. A bare function, as the engine
/// wants: it finds the inner factory by the node's URN.
fn create_guarded(
    pipeline: PipelineContext,
    node: NodeId,
    node_config: Arc<NodeUserConfig>,
    config: &ProcessorConfig,
    capabilities: &Capabilities,
) -> Result<ProcessorWrapper<OtapPdata>, ConfigError> {
    let urn = node_config.r#type.as_str().to_owned();
    let inner = OTAP_PIPELINE_FACTORY
        .get_processor_factory_map()
        .get(urn.as_str())
        .ok_or_else(|| not_linked(&urn))?;
    let node_config = match &urn[..] {
        console::DEBUG => console::redirect(&node.name, &node_config).map_or(node_config, Arc::new),
        _ => node_config,
    };
    let wrapper = (inner.create)(pipeline, node, node_config, config, capabilities)?;
    guard::wrap(wrapper, &urn)
}

/// The same of an exporter. What it needs of the process is there before it is made: what TLS
/// computes with, and standard output for those that print records.
fn create_exporter(
    pipeline: PipelineContext,
    node: NodeId,
    node_config: Arc<NodeUserConfig>,
    config: &ExporterConfig,
    capabilities: &Capabilities,
) -> Result<ExporterWrapper<OtapPdata>, ConfigError> {
    let urn = node_config.r#type.as_str().to_owned();
    let inner = OTAP_PIPELINE_FACTORY
        .get_exporter_factory_map()
        .get(urn.as_str())
        .ok_or_else(|| not_linked(&urn))?;
    ensure_crypto_provider();
    if urn == console::EXPORTER && prints_records(&node_config.config) {
        OutputService::mark_structured_stdout();
    }
    let wrapper = (inner.create)(pipeline, node, node_config, config, capabilities)?;
    let known = catalog::find(Kind::Exporter, &urn);
    Ok(guard::exporter::wrap(wrapper, known))
}

/// The same of a receiver. It answers for nothing, so it needs no guard: its error or panic ends
/// the lane's epoch.
fn create_receiver(
    pipeline: PipelineContext,
    node: NodeId,
    node_config: Arc<NodeUserConfig>,
    config: &ReceiverConfig,
    capabilities: &Capabilities,
) -> Result<ReceiverWrapper<OtapPdata>, ConfigError> {
    let urn = node_config.r#type.as_str();
    let inner = OTAP_PIPELINE_FACTORY
        .get_receiver_factory_map()
        .get(urn)
        .ok_or_else(|| not_linked(urn))?;
    ensure_crypto_provider();
    (inner.create)(pipeline, node, node_config, config, capabilities)
}

fn not_linked(urn: &str) -> ConfigError {
    ConfigError::InvalidUserConfig {
        error: format!("node type `{urn}` is not linked in"),
    }
}

/// What the nodes of a pipeline declare of the headers that they read and write, as its context has
/// to hold it: a node does not start where its declarations are unknown.
pub(super) fn context_bindings(
    group: PipelineGroupId,
    id: PipelineId,
    pipeline: PipelineConfig,
) -> Result<Arc<CompiledContextBindings>, EngineError> {
    let pipeline = ResolvedPipelineConfig {
        pipeline_group_id: group,
        pipeline_id: id,
        pipeline,
        topic_scope: TopicScope::GLOBAL,
        policies: ResolvedPolicies::default(),
        role: ResolvedPipelineRole::Regular,
    };
    let resolved = ResolvedOtelDataflowSpec {
        engine: EngineConfig::default(),
        pipelines: vec![pipeline],
    };
    Ok(FACTORY.compile_initial_context(&resolved)?.bindings)
}
