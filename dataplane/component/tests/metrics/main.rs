//! Metrics that are made from nothing, as another reader of OTLP sees them: the crate
//! `opentelemetry-proto`.

#[path = "../draw/mod.rs"]
#[allow(dead_code)] // Half of it is for tables.
mod draw;
mod read;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use proptest::prelude::*;
use prost::Message;
use strait_component::{
    Batch, Buckets, Exemplar, ExponentialHistogramPoint, HistogramPoint, Metric, MetricData,
    MetricsBuilder, Number, NumberPoint, Quantile, Resource, Scope, Signal, SummaryPoint,
    Temporality,
};

/// Resources, scopes within them, metrics within these.
pub(crate) type Metrics = Vec<(Resource, Vec<(Scope, Vec<Metric>)>)>;

fn built(metrics: &Metrics) -> Batch {
    let mut builder = MetricsBuilder::new();
    for (resource, scopes) in metrics {
        builder.resource(resource.clone());
        for (scope, metrics) in scopes {
            builder.scope(scope.clone());
            for metric in metrics {
                builder.push(metric.clone());
            }
        }
    }
    builder.finish()
}

fn decoded(batch: &Batch) -> Metrics {
    assert_eq!(batch.signal(), Signal::Metrics);
    let bytes = batch.otlp().expect("metrics are OTLP").clone();
    let request = ExportMetricsServiceRequest::decode(bytes).expect("OTLP");
    request
        .resource_metrics
        .into_iter()
        .map(read::resource)
        .collect()
}

/// Numbers of all sizes, those at the ends among them.
fn whole() -> impl Strategy<Value = u64> {
    prop_oneof![
        Just(0),
        0..300_u64,
        any::<u64>(),
        Just(u64::MAX),
        Just(1 << 63)
    ]
}

fn double() -> impl Strategy<Value = f64> {
    let special = prop::sample::select(vec![
        0.0,
        -0.0,
        f64::INFINITY,
        f64::MIN_POSITIVE,
        f64::EPSILON,
    ]);
    prop_oneof![special, -1e9..1e9, prop::num::f64::NORMAL]
}

fn number() -> impl Strategy<Value = Number> {
    prop_oneof![
        prop_oneof![Just(0), Just(i64::MIN), any::<i64>()].prop_map(Number::Int),
        double().prop_map(Number::Double),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-z.]{1,12}", "\\PC{0,20}"]
}

prop_compose! {
    fn exemplar()(
        filtered_attributes in draw::attributes(),
        time_unix_nano in whole(),
        value in number(),
        trace_id: [u8; 16],
        span_id: [u8; 8],
        traced: bool,
    ) -> Exemplar {
        let (trace_id, span_id) = if traced { (trace_id, span_id) } else { Default::default() };
        Exemplar { filtered_attributes, time_unix_nano, value, trace_id, span_id }
    }
}

fn exemplars() -> impl Strategy<Value = Vec<Exemplar>> {
    prop::collection::vec(exemplar(), 0..3)
}

prop_compose! {
    fn number_point()(
        attributes in draw::attributes(),
        (start_time_unix_nano, time_unix_nano) in (whole(), whole()),
        value in number(),
        exemplars in exemplars(),
        flags: u32,
    ) -> NumberPoint {
        NumberPoint { attributes, start_time_unix_nano, time_unix_nano, value, exemplars, flags }
    }
}

prop_compose! {
    fn histogram_point()(
        attributes in draw::attributes(),
        (start_time_unix_nano, time_unix_nano, count) in (whole(), whole(), whole()),
        (sum, min, max) in prop::option::of(double()).prop_flat_map(|sum| {
            (Just(sum), prop::option::of(double()), prop::option::of(double()))
        }),
        bucket_counts in prop::collection::vec(whole(), 0..4),
        explicit_bounds in prop::collection::vec(double(), 0..3),
        exemplars in exemplars(),
        flags: u32,
    ) -> HistogramPoint {
        HistogramPoint {
            attributes, start_time_unix_nano, time_unix_nano, count, sum, min, max, bucket_counts,
            explicit_bounds, exemplars, flags,
        }
    }
}

fn buckets() -> impl Strategy<Value = Buckets> {
    let counts = prop::collection::vec(whole(), 0..4);
    (any::<i32>(), counts).prop_map(|(offset, counts)| Buckets { offset, counts })
}

prop_compose! {
    fn exponential_point()(
        like in histogram_point(),
        scale in prop_oneof![Just(0), -10..20, Just(i32::MIN), Just(i32::MAX)],
        zero_count in whole(),
        zero_threshold in double(),
        (positive, negative) in (buckets(), buckets()),
    ) -> ExponentialHistogramPoint {
        ExponentialHistogramPoint {
            attributes: like.attributes,
            start_time_unix_nano: like.start_time_unix_nano,
            time_unix_nano: like.time_unix_nano,
            count: like.count,
            sum: like.sum,
            min: like.min,
            max: like.max,
            exemplars: like.exemplars,
            flags: like.flags,
            scale, zero_count, zero_threshold, positive, negative,
        }
    }
}

prop_compose! {
    fn summary_point()(
        attributes in draw::attributes(),
        (start_time_unix_nano, time_unix_nano, count) in (whole(), whole(), whole()),
        sum in double(),
        quantiles in prop::collection::vec((double(), double()), 0..3),
        flags: u32,
    ) -> SummaryPoint {
        let quantile = |(quantile, value)| Quantile { quantile, value };
        let quantiles = quantiles.into_iter().map(quantile).collect();
        SummaryPoint {
            attributes, start_time_unix_nano, time_unix_nano, count, sum, quantiles, flags,
        }
    }
}

fn temporality() -> impl Strategy<Value = Temporality> {
    prop::sample::select(vec![
        Temporality::Unspecified,
        Temporality::Delta,
        Temporality::Cumulative,
    ])
}

fn data() -> impl Strategy<Value = MetricData> {
    use prop::collection::vec;
    prop_oneof![
        vec(number_point(), 0..3).prop_map(MetricData::Gauge),
        (vec(number_point(), 0..3), temporality(), any::<bool>()).prop_map(
            |(points, temporality, monotonic)| MetricData::Sum {
                points,
                temporality,
                monotonic
            }
        ),
        (vec(histogram_point(), 0..3), temporality()).prop_map(|(points, temporality)| {
            MetricData::Histogram {
                points,
                temporality,
            }
        }),
        (vec(exponential_point(), 0..3), temporality()).prop_map(|(points, temporality)| {
            MetricData::ExponentialHistogram {
                points,
                temporality,
            }
        }),
        vec(summary_point(), 0..3).prop_map(MetricData::Summary),
    ]
}

prop_compose! {
    fn metric()(
        (name, description, unit) in (text(), text(), text()),
        metadata in draw::attributes(),
        data in data(),
    ) -> Metric {
        Metric { name, description, unit, metadata, data }
    }
}

prop_compose! {
    fn scope()(
        (name, version, schema_url) in (text(), text(), text()),
        attributes in draw::attributes(),
        dropped_attributes_count: u32,
    ) -> Scope {
        Scope { name, version, attributes, dropped_attributes_count, schema_url }
    }
}

prop_compose! {
    fn resource()(
        attributes in draw::attributes(),
        dropped_attributes_count: u32,
        schema_url in text(),
    ) -> Resource {
        Resource { attributes, dropped_attributes_count, schema_url }
    }
}

fn metrics() -> impl Strategy<Value = Metrics> {
    use prop::collection::vec;
    let scopes = vec((scope(), vec(metric(), 0..4)), 0..3);
    vec((resource(), scopes), 0..3)
}

fn points(metrics: &Metrics) -> usize {
    let scopes = metrics.iter().flat_map(|(_, scopes)| scopes);
    let metrics = scopes.flat_map(|(_, metrics)| metrics);
    metrics
        .map(|metric| match &metric.data {
            MetricData::Gauge(points) | MetricData::Sum { points, .. } => points.len(),
            MetricData::Histogram { points, .. } => points.len(),
            MetricData::ExponentialHistogram { points, .. } => points.len(),
            MetricData::Summary(points) => points.len(),
        })
        .sum()
}

proptest! {
    // Guarantees: another reader of OTLP sees what was given, of every kind and every value's
    // type; only scopes and resources that have no metric are left out.
    #[test]
    fn what_is_built_is_what_is_read(drawn in metrics()) {
        let batch = built(&drawn);
        prop_assert_eq!(batch.items(), points(&drawn));
        let mut expected = drawn;
        for (_, scopes) in &mut expected {
            scopes.retain(|(_, metrics)| !metrics.is_empty());
        }
        expected.retain(|(_, scopes)| !scopes.is_empty());
        // As text, which tells -0.0 from 0.0.
        prop_assert_eq!(format!("{:#?}", decoded(&batch)), format!("{expected:#?}"));
    }
}

// Guarantees: metrics without a resource and a scope are in an empty one of each; nothing is an
// empty request.
#[test]
fn a_place_is_made_where_none_was_begun() {
    let metric = Metric::new("up", MetricData::Gauge(vec![NumberPoint::new(1)]));
    let mut builder = MetricsBuilder::new();
    builder.push(metric.clone());
    let place = (Resource::default(), vec![(Scope::default(), vec![metric])]);
    assert_eq!(decoded(&builder.finish()), [place]);
    assert_eq!(decoded(&MetricsBuilder::new().finish()), []);
}
