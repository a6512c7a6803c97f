//! The pipeline factory of Strait: the engine's own processors, each behind a [`guard`], and the
//! nodes that are ours.
//!
//! Registrations of the engine come through link-time slices. A plain static library links them
//! completely only by luck, so [`check_registrations`] compares what is there with the table.
//!
//! [`guard`]: crate::guard

use crate::log_node::LogNode;
use crate::nodes::included;
use crate::{attribute, log_filter};
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
use otel_arrow_dfe_engine::config::ProcessorConfig;
use otel_arrow_dfe_engine::context::PipelineContext;
use otel_arrow_dfe_engine::context_declaration::CompiledContextBindings;
use otel_arrow_dfe_engine::error::Error as EngineError;
use otel_arrow_dfe_engine::local::processor::Processor;
use otel_arrow_dfe_engine::node::NodeId;
use otel_arrow_dfe_engine::processor::ProcessorWrapper;
use otel_arrow_dfe_engine::{PipelineFactory, ProcessorFactory};
use otel_arrow_dfe_otap::OTAP_PIPELINE_FACTORY;
use otel_arrow_dfe_otap::pdata::OtapPdata;
use serde_json::Value;
use std::sync::{Arc, LazyLock};

// Without a reference rustc leaves the whole crate, and its registrations, out.
use otel_arrow_dfe_core_nodes as _;

/// The factory that lanes build from: the linked processors (guarded), the adapter of the SDK, and
/// the two ends. It lives as long as the process, because the engine keeps references to it.
pub(crate) static FACTORY: LazyLock<PipelineFactory<OtapPdata>> = LazyLock::new(|| {
    // Every node that is linked in; which of them users may name is the table's affair.
    let mut processors: Vec<ProcessorFactory<OtapPdata>> = OTAP_PIPELINE_FACTORY
        .get_processor_factory_map()
        .values()
        .map(|inner| ProcessorFactory {
            create: create_guarded,
            ..inner.clone()
        })
        .collect();
    processors.push(crate::adapter::FACTORY);
    PipelineFactory::new(
        Box::leak(Box::new([crate::receiver::FACTORY])),
        processors.leak(),
        Box::leak(Box::new([crate::exporter::FACTORY])),
        &[],
    )
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
        .ok_or_else(|| ConfigError::InvalidUserConfig {
            error: format!("node type `{urn}` is not linked in"),
        })?;
    let wrapper = (inner.create)(pipeline, node, node_config, config, capabilities)?;
    crate::guard::wrap(wrapper, &urn)
}

/// The node that takes the place of one of the engine's that loses data; any other stays.
pub(crate) fn substitute(
    urn: &str,
    name: &str,
    config: &Value,
    inner: Box<dyn Processor<OtapPdata>>,
) -> Result<Box<dyn Processor<OtapPdata>>, ConfigError> {
    let name = name.to_owned();
    Ok(match urn {
        log_filter::URN => Box::new(LogNode::<log_filter::LogFilter>::new(name, config, inner)?),
        attribute::URN => Box::new(LogNode::<attribute::Attributes>::new(name, config, inner)?),
        _ => inner,
    })
}

/// What the nodes of a pipeline declare of the headers that they read and write, as its context has
/// to hold it: a node does not start where its declarations are unknown.
pub(crate) fn context_bindings(
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

/// Asks the engine's own static check of a node's configuration.
pub(crate) fn validate_node(urn: &str, config: &Value) -> Result<(), String> {
    let Some(factory) = OTAP_PIPELINE_FACTORY.get_processor_factory_map().get(urn) else {
        return Err(format!(
            "node type `{urn}` is not linked in; linked: {}",
            linked().join(", ")
        ));
    };
    (factory.validate_config)(config).map_err(|error| match error {
        ConfigError::InvalidUserConfig { error } => error,
        other => other.to_string(),
    })
}

/// Names of the processors that are really linked in, sorted.
pub(crate) fn linked() -> Vec<&'static str> {
    let mut names: Vec<_> = OTAP_PIPELINE_FACTORY
        .get_processor_factory_map()
        .keys()
        .copied()
        .collect();
    names.sort_unstable();
    names
}

/// Checks that every node that was compiled in is linked in.
///
/// # Errors
///
/// The URNs that are missing: the native object was linked without their registrations.
pub fn check_registrations() -> Result<(), Vec<&'static str>> {
    let map = OTAP_PIPELINE_FACTORY.get_processor_factory_map();
    let missing: Vec<_> = included()
        .map(|node| node.urn)
        .filter(|urn| !map.contains_key(urn))
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(missing)
    }
}
