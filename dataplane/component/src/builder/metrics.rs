//! Making metrics from nothing.

use super::otlp::{self, InScope};
use crate::metric::Metric;
use crate::record::{Resource, Scope};
use crate::{Batch, Signal};

/// Builds a batch of metrics: resources, scopes within them, metrics within these. Nothing is left
/// out or changed: what it is given is what a consumer reads.
///
/// ```
/// use strait_component::{
///     HistogramPoint, Metric, MetricData, MetricsBuilder, NumberPoint, Resource, Scope,
///     Temporality,
/// };
///
/// let mut metrics = MetricsBuilder::new();
/// metrics.resource(Resource::new([("service.name", "shop")]));
/// metrics.scope(Scope::new("access"));
/// let open = NumberPoint::new(12).with("pool", "a");
/// metrics.push(Metric::new("connections", MetricData::Gauge(vec![open])));
/// let point = HistogramPoint {
///     count: 3,
///     sum: Some(1.2),
///     explicit_bounds: vec![0.1, 1.0],
///     bucket_counts: vec![1, 2, 0],
///     ..HistogramPoint::default()
/// };
/// let points = vec![point.with("route", "/")];
/// let temporality = Temporality::Delta;
/// metrics.push(Metric::new("duration", MetricData::Histogram { points, temporality }));
/// let batch = metrics.finish();
/// assert_eq!(batch.items(), 2);
/// ```
#[derive(Debug, Default)]
pub struct MetricsBuilder {
    resources: Vec<(Resource, Vec<InScope>)>,
}

impl MetricsBuilder {
    /// A builder of a batch that has nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a resource, which the metrics that follow have. Without one they have a resource
    /// without attributes.
    pub fn resource(&mut self, resource: Resource) -> &mut Self {
        self.resources.push((resource, Vec::new()));
        self
    }

    /// Begins a scope in the resource that was begun last.
    pub fn scope(&mut self, scope: Scope) -> &mut Self {
        self.scopes().push((scope, Vec::new()));
        self
    }

    /// Adds a metric to the resource and scope that were begun last.
    pub fn push(&mut self, metric: Metric) -> &mut Self {
        let scopes = self.scopes();
        if scopes.is_empty() {
            scopes.push(InScope::default());
        }
        if let Some((_, metrics)) = scopes.last_mut() {
            metrics.push(metric);
        }
        self
    }

    /// The scopes of the resource that was begun last.
    fn scopes(&mut self) -> &mut Vec<InScope> {
        if self.resources.is_empty() {
            self.resources.push(Default::default());
        }
        let last = self.resources.len() - 1;
        &mut self.resources[last].1
    }

    /// The batch. Resources and scopes without metrics are left out.
    pub fn finish(mut self) -> Batch {
        for (_, scopes) in &mut self.resources {
            scopes.retain(|(_, metrics)| !metrics.is_empty());
        }
        self.resources.retain(|(_, scopes)| !scopes.is_empty());
        Batch::from_otlp(Signal::Metrics, otlp::request(&self.resources))
    }
}
