//! From the messages of `opentelemetry-proto` to the SDK's types. What the SDK cannot say must not
//! be there.

use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{
    self as otlp, exemplar, exponential_histogram_data_point, metric, number_data_point,
};
use strait_component::{
    Any, Buckets, Exemplar, ExponentialHistogramPoint, HistogramPoint, Metric, MetricData, Number,
    NumberPoint, Pairs, Quantile, Resource, Scope, SummaryPoint, Temporality,
};

type Scopes = Vec<(Scope, Vec<Metric>)>;

pub(crate) fn resource(from: otlp::ResourceMetrics) -> (Resource, Scopes) {
    let inner = from.resource.expect("a resource");
    let resource = Resource {
        attributes: pairs(inner.attributes),
        dropped_attributes_count: inner.dropped_attributes_count,
        schema_url: from.schema_url,
    };
    (resource, list(from.scope_metrics, scope))
}

fn list<F, T>(from: Vec<F>, each: fn(F) -> T) -> Vec<T> {
    from.into_iter().map(each).collect()
}

fn scope(from: otlp::ScopeMetrics) -> (Scope, Vec<Metric>) {
    let inner = from.scope.expect("a scope");
    let scope = Scope {
        name: inner.name,
        version: inner.version,
        attributes: pairs(inner.attributes),
        dropped_attributes_count: inner.dropped_attributes_count,
        schema_url: from.schema_url,
    };
    (scope, list(from.metrics, metric))
}

fn metric(from: otlp::Metric) -> Metric {
    let data = match from.data.expect("data") {
        metric::Data::Gauge(gauge) => MetricData::Gauge(list(gauge.data_points, number_point)),
        metric::Data::Sum(sum) => MetricData::Sum {
            points: list(sum.data_points, number_point),
            temporality: temporality(sum.aggregation_temporality),
            monotonic: sum.is_monotonic,
        },
        metric::Data::Histogram(histogram) => MetricData::Histogram {
            points: list(histogram.data_points, histogram_point),
            temporality: temporality(histogram.aggregation_temporality),
        },
        metric::Data::ExponentialHistogram(histogram) => MetricData::ExponentialHistogram {
            points: list(histogram.data_points, exponential_point),
            temporality: temporality(histogram.aggregation_temporality),
        },
        metric::Data::Summary(summary) => {
            MetricData::Summary(list(summary.data_points, summary_point))
        }
    };
    Metric {
        name: from.name,
        description: from.description,
        unit: from.unit,
        metadata: pairs(from.metadata),
        data,
    }
}

fn temporality(number: i32) -> Temporality {
    let all = [
        Temporality::Unspecified,
        Temporality::Delta,
        Temporality::Cumulative,
    ];
    all[usize::try_from(number).expect("one that OTLP has")]
}

fn number_point(from: otlp::NumberDataPoint) -> NumberPoint {
    NumberPoint {
        attributes: pairs(from.attributes),
        start_time_unix_nano: from.start_time_unix_nano,
        time_unix_nano: from.time_unix_nano,
        value: match from.value.expect("a value") {
            number_data_point::Value::AsInt(number) => Number::Int(number),
            number_data_point::Value::AsDouble(number) => Number::Double(number),
        },
        exemplars: list(from.exemplars, exemplar),
        flags: from.flags,
    }
}

fn histogram_point(from: otlp::HistogramDataPoint) -> HistogramPoint {
    HistogramPoint {
        attributes: pairs(from.attributes),
        start_time_unix_nano: from.start_time_unix_nano,
        time_unix_nano: from.time_unix_nano,
        count: from.count,
        sum: from.sum,
        min: from.min,
        max: from.max,
        bucket_counts: from.bucket_counts,
        explicit_bounds: from.explicit_bounds,
        exemplars: list(from.exemplars, exemplar),
        flags: from.flags,
    }
}

fn exponential_point(from: otlp::ExponentialHistogramDataPoint) -> ExponentialHistogramPoint {
    ExponentialHistogramPoint {
        attributes: pairs(from.attributes),
        start_time_unix_nano: from.start_time_unix_nano,
        time_unix_nano: from.time_unix_nano,
        count: from.count,
        sum: from.sum,
        min: from.min,
        max: from.max,
        scale: from.scale,
        zero_count: from.zero_count,
        zero_threshold: from.zero_threshold,
        positive: buckets(from.positive),
        negative: buckets(from.negative),
        exemplars: list(from.exemplars, exemplar),
        flags: from.flags,
    }
}

fn buckets(from: Option<exponential_histogram_data_point::Buckets>) -> Buckets {
    let from = from.expect("buckets");
    Buckets {
        offset: from.offset,
        counts: from.bucket_counts,
    }
}

fn summary_point(from: otlp::SummaryDataPoint) -> SummaryPoint {
    SummaryPoint {
        attributes: pairs(from.attributes),
        start_time_unix_nano: from.start_time_unix_nano,
        time_unix_nano: from.time_unix_nano,
        count: from.count,
        sum: from.sum,
        quantiles: list(from.quantile_values, |of| Quantile {
            quantile: of.quantile,
            value: of.value,
        }),
        flags: from.flags,
    }
}

fn exemplar(from: otlp::Exemplar) -> Exemplar {
    Exemplar {
        filtered_attributes: pairs(from.filtered_attributes),
        time_unix_nano: from.time_unix_nano,
        value: match from.value.expect("a value") {
            exemplar::Value::AsInt(number) => Number::Int(number),
            exemplar::Value::AsDouble(number) => Number::Double(number),
        },
        trace_id: id(from.trace_id),
        span_id: id(from.span_id),
    }
}

fn id<const N: usize>(from: Vec<u8>) -> [u8; N] {
    match from.is_empty() {
        true => [0; N],
        false => from.try_into().expect("an id of its length"),
    }
}

fn pairs(from: Vec<KeyValue>) -> Pairs {
    list(from, |pair| (pair.key, any(pair.value.expect("a value"))))
}

fn any(from: AnyValue) -> Any {
    match from.value {
        None => Any::Empty,
        Some(any_value::Value::StringValue(text)) => Any::Str(text),
        Some(any_value::Value::BoolValue(flag)) => Any::Bool(flag),
        Some(any_value::Value::IntValue(number)) => Any::Int(number),
        Some(any_value::Value::DoubleValue(number)) => Any::Double(number),
        Some(any_value::Value::BytesValue(bytes)) => Any::Bytes(bytes),
        Some(any_value::Value::ArrayValue(items)) => Any::Slice(list(items.values, any)),
        Some(any_value::Value::KvlistValue(entries)) => Any::Map(pairs(entries.values)),
        Some(other) => panic!("{other:?} is for profiles"),
    }
}
