//! Metrics in the bytes of OTLP: protobuf, with the numbers of `opentelemetry/proto/metrics/v1`.
//!
//! It writes and never reads, so it is a function for each message and no type beside those that
//! authors fill in; generated messages would be a second set of these, and a step between the two.
//! `tests/metrics.rs` has the crate `opentelemetry-proto` read what it writes.

use crate::metric::{
    Buckets, Exemplar, ExponentialHistogramPoint, HistogramPoint, Metric, MetricData, Number,
    NumberPoint, SummaryPoint, Temporality,
};
use crate::record::{Resource, Scope};
use crate::{Any, Pairs};

/// A scope, and the metrics within it.
pub(super) type InScope = (Scope, Vec<Metric>);

/// An `ExportMetricsServiceRequest`.
pub(super) fn request(resources: &[(Resource, Vec<InScope>)]) -> Vec<u8> {
    let mut out = Message::default();
    for (resource, scopes) in resources {
        out.message(1, |out| {
            out.message(1, |out| {
                out.attributes(1, &resource.attributes);
                out.uint(2, resource.dropped_attributes_count.into());
            });
            scopes
                .iter()
                .for_each(|scope| out.message(2, |out| out.scope(scope)));
            out.bytes(3, resource.schema_url.as_bytes());
        });
    }
    out.0
}

const VARINT: u64 = 0;
const FIXED: u64 = 1;
const LENGTH: u64 = 2;

/// A message that is being written. Scalars, texts and lists with protobuf's default are left out,
/// as they are by any writer of it; the functions `some_*` write those where that has a meaning.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        self.0.push(number.to_le_bytes()[0]);
    }

    fn key(&mut self, field: u64, form: u64) {
        self.varint(field << 3 | form);
    }

    fn some_uint(&mut self, field: u64, number: u64) {
        self.key(field, VARINT);
        self.varint(number);
    }

    fn uint(&mut self, field: u64, number: u64) {
        if number != 0 {
            self.some_uint(field, number);
        }
    }

    /// A signed number whose small negative values are short too.
    fn sint(&mut self, field: u64, number: i32) {
        let zigzag = (number << 1) ^ (number >> 31);
        self.uint(field, zigzag.cast_unsigned().into());
    }

    fn some_fixed(&mut self, field: u64, number: u64) {
        self.key(field, FIXED);
        self.0.extend(number.to_le_bytes());
    }

    fn fixed(&mut self, field: u64, number: u64) {
        if number != 0 {
            self.some_fixed(field, number);
        }
    }

    /// Negative zero is not the default.
    fn double(&mut self, field: u64, number: f64) {
        self.fixed(field, number.to_bits());
    }

    fn some_double(&mut self, field: u64, number: Option<f64>) {
        if let Some(number) = number {
            self.some_fixed(field, number.to_bits());
        }
    }

    fn some_bytes(&mut self, field: u64, bytes: &[u8]) {
        self.key(field, LENGTH);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn bytes(&mut self, field: u64, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.some_bytes(field, bytes);
        }
    }

    /// An id; zeros are none.
    fn id(&mut self, field: u64, id: &[u8]) {
        if id.iter().any(|byte| *byte != 0) {
            self.some_bytes(field, id);
        }
    }

    /// A message within this one. Its length is put in front of it when it is known.
    fn message(&mut self, field: u64, write: impl FnOnce(&mut Self)) {
        self.key(field, LENGTH);
        let start = self.0.len();
        write(self);
        let mut length = Self::default();
        length.varint((self.0.len() - start) as u64);
        self.0.splice(start..start, length.0);
    }

    /// Numbers without keys between them; none leave nothing.
    fn packed<T: Copy>(&mut self, field: u64, numbers: &[T], write: fn(&mut Self, T)) {
        if !numbers.is_empty() {
            self.message(field, |out| {
                numbers.iter().for_each(|number| write(out, *number));
            });
        }
    }

    fn attributes(&mut self, field: u64, attributes: &Pairs) {
        for (key, value) in attributes {
            self.message(field, |out| {
                out.bytes(1, key.as_bytes());
                out.message(2, |out| out.any(value));
            });
        }
    }

    /// An `AnyValue`.
    fn any(&mut self, value: &Any) {
        match value {
            Any::Empty => {}
            Any::Str(text) => self.some_bytes(1, text.as_bytes()),
            Any::Bool(flag) => self.some_uint(2, u64::from(*flag)),
            Any::Int(number) => self.some_uint(3, number.cast_unsigned()),
            Any::Double(number) => self.some_fixed(4, number.to_bits()),
            Any::Slice(items) => self.message(5, |out| {
                items
                    .iter()
                    .for_each(|item| out.message(1, |out| out.any(item)));
            }),
            Any::Map(entries) => self.message(6, |out| out.attributes(1, entries)),
            Any::Bytes(bytes) => self.some_bytes(7, bytes),
        }
    }

    fn scope(&mut self, (scope, metrics): &InScope) {
        self.message(1, |out| {
            out.bytes(1, scope.name.as_bytes());
            out.bytes(2, scope.version.as_bytes());
            out.attributes(3, &scope.attributes);
            out.uint(4, scope.dropped_attributes_count.into());
        });
        for metric in metrics {
            self.message(2, |out| out.metric(metric));
        }
        self.bytes(3, scope.schema_url.as_bytes());
    }

    fn metric(&mut self, metric: &Metric) {
        self.bytes(1, metric.name.as_bytes());
        self.bytes(2, metric.description.as_bytes());
        self.bytes(3, metric.unit.as_bytes());
        match &metric.data {
            MetricData::Gauge(points) => {
                self.message(5, |out| out.points(points, Self::number_point));
            }
            MetricData::Sum {
                points,
                temporality,
                monotonic,
            } => self.message(7, |out| {
                out.points(points, Self::number_point);
                out.temporality(*temporality);
                out.uint(3, u64::from(*monotonic));
            }),
            MetricData::Histogram {
                points,
                temporality,
            } => self.message(9, |out| {
                out.points(points, Self::histogram_point);
                out.temporality(*temporality);
            }),
            MetricData::ExponentialHistogram {
                points,
                temporality,
            } => self.message(10, |out| {
                out.points(points, Self::exponential_point);
                out.temporality(*temporality);
            }),
            MetricData::Summary(points) => {
                self.message(11, |out| out.points(points, Self::summary_point));
            }
        }
        self.attributes(12, &metric.metadata);
    }

    fn points<P>(&mut self, points: &[P], write: fn(&mut Self, &P)) {
        for point in points {
            self.message(1, |out| write(out, point));
        }
    }

    fn temporality(&mut self, temporality: Temporality) {
        self.uint(2, temporality as u64);
    }

    /// When a data point began and was taken: the same fields in each kind.
    fn times(&mut self, start: u64, time: u64) {
        self.fixed(2, start);
        self.fixed(3, time);
    }

    fn number_point(&mut self, point: &NumberPoint) {
        self.times(point.start_time_unix_nano, point.time_unix_nano);
        self.number(4, point.value);
        self.exemplars(5, &point.exemplars);
        self.attributes(7, &point.attributes);
        self.uint(8, point.flags.into());
    }

    fn histogram_point(&mut self, point: &HistogramPoint) {
        self.times(point.start_time_unix_nano, point.time_unix_nano);
        self.fixed(4, point.count);
        self.some_double(5, point.sum);
        self.packed(6, &point.bucket_counts, |out, count| {
            out.0.extend(count.to_le_bytes());
        });
        self.packed(7, &point.explicit_bounds, |out, bound| {
            out.0.extend(bound.to_le_bytes());
        });
        self.exemplars(8, &point.exemplars);
        self.attributes(9, &point.attributes);
        self.uint(10, point.flags.into());
        self.some_double(11, point.min);
        self.some_double(12, point.max);
    }

    fn exponential_point(&mut self, point: &ExponentialHistogramPoint) {
        self.attributes(1, &point.attributes);
        self.times(point.start_time_unix_nano, point.time_unix_nano);
        self.fixed(4, point.count);
        self.some_double(5, point.sum);
        self.sint(6, point.scale);
        self.fixed(7, point.zero_count);
        self.buckets(8, &point.positive);
        self.buckets(9, &point.negative);
        self.uint(10, point.flags.into());
        self.exemplars(11, &point.exemplars);
        self.some_double(12, point.min);
        self.some_double(13, point.max);
        self.double(14, point.zero_threshold);
    }

    fn buckets(&mut self, field: u64, buckets: &Buckets) {
        self.message(field, |out| {
            out.sint(1, buckets.offset);
            out.packed(2, &buckets.counts, Self::varint);
        });
    }

    fn summary_point(&mut self, point: &SummaryPoint) {
        self.times(point.start_time_unix_nano, point.time_unix_nano);
        self.fixed(4, point.count);
        self.double(5, point.sum);
        for quantile in &point.quantiles {
            self.message(6, |out| {
                out.double(1, quantile.quantile);
                out.double(2, quantile.value);
            });
        }
        self.attributes(7, &point.attributes);
        self.uint(8, point.flags.into());
    }

    fn exemplars(&mut self, field: u64, exemplars: &[Exemplar]) {
        for exemplar in exemplars {
            self.message(field, |out| {
                out.fixed(2, exemplar.time_unix_nano);
                out.number(3, exemplar.value);
                out.id(4, &exemplar.span_id);
                out.id(5, &exemplar.trace_id);
                out.attributes(7, &exemplar.filtered_attributes);
            });
        }
    }

    /// A value, of one field where it is a double, and of field 6 where it is an integer.
    fn number(&mut self, as_double: u64, number: Number) {
        match number {
            Number::Int(number) => self.some_fixed(6, number.cast_unsigned()),
            Number::Double(number) => self.some_fixed(as_double, number.to_bits()),
        }
    }
}
