//! Metrics to be written, as OTLP defines them. What is not set has OTLP's default: zero, empty, or
//! none.

use crate::{Any, Pairs};

/// A metric: a name, and its data points.
///
/// ```
/// use strait_component::{Metric, MetricData, NumberPoint, Temporality};
///
/// let points = vec![NumberPoint::new(7).with("severity", "info")];
/// let temporality = Temporality::Delta;
/// let metric = Metric {
///     unit: "{log}".into(),
///     ..Metric::new("log.count", MetricData::Sum { points, temporality, monotonic: true })
/// };
/// assert_eq!(metric.name, "log.count");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// The name.
    pub name: String,
    /// What is measured, in words.
    pub description: String,
    /// The unit, in UCUM: `By`, `s`, `{log}`.
    pub unit: String,
    /// What else is to be said of it.
    pub metadata: Pairs,
    /// Its data points.
    pub data: MetricData,
}

impl Metric {
    /// A metric of this name.
    pub fn new(name: impl Into<String>, data: MetricData) -> Self {
        Self {
            name: name.into(),
            description: String::new(),
            unit: String::new(),
            metadata: Pairs::new(),
            data,
        }
    }
}

/// The data points of a metric, by its kind.
#[derive(Clone, Debug, PartialEq)]
pub enum MetricData {
    /// Values as they are now.
    Gauge(Vec<NumberPoint>),
    /// Sums of what was counted.
    Sum {
        /// The data points.
        points: Vec<NumberPoint>,
        /// What the sums are of.
        temporality: Temporality,
        /// Whether what is counted never takes away.
        monotonic: bool,
    },
    /// How often values fell between given bounds.
    Histogram {
        /// The data points.
        points: Vec<HistogramPoint>,
        /// What they are of.
        temporality: Temporality,
    },
    /// How often values fell between bounds that grow by a factor.
    ExponentialHistogram {
        /// The data points.
        points: Vec<ExponentialHistogramPoint>,
        /// What they are of.
        temporality: Temporality,
    },
    /// Quantiles that were computed elsewhere.
    Summary(Vec<SummaryPoint>),
}

/// From when on a data point counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Temporality {
    /// Not said, which consumers refuse or guess.
    #[default]
    Unspecified = 0,
    /// From the data point before: what came since.
    Delta = 1,
    /// From a start that stays.
    Cumulative = 2,
}

/// A number of either type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// An integer.
    Int(i64),
    /// A floating point number.
    Double(f64),
}

impl Default for Number {
    fn default() -> Self {
        Self::Int(0)
    }
}

impl From<i64> for Number {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<f64> for Number {
    fn from(number: f64) -> Self {
        Self::Double(number)
    }
}

/// A data point of a gauge or a sum.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NumberPoint {
    /// What tells it from the metric's other data points.
    pub attributes: Pairs,
    /// From when on it counts, in nanoseconds since 1970 (UTC).
    pub start_time_unix_nano: u64,
    /// When it was taken, in nanoseconds since 1970 (UTC).
    pub time_unix_nano: u64,
    /// The value.
    pub value: Number,
    /// Examples of what was measured.
    pub exemplars: Vec<Exemplar>,
    /// The flags.
    pub flags: u32,
}

impl NumberPoint {
    /// A data point of this value.
    pub fn new(value: impl Into<Number>) -> Self {
        Self {
            value: value.into(),
            ..Self::default()
        }
    }
}

/// A data point of a histogram.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistogramPoint {
    /// What tells it from the metric's other data points.
    pub attributes: Pairs,
    /// From when on it counts, in nanoseconds since 1970 (UTC).
    pub start_time_unix_nano: u64,
    /// When it was taken, in nanoseconds since 1970 (UTC).
    pub time_unix_nano: u64,
    /// How many values there were.
    pub count: u64,
    /// Their sum.
    pub sum: Option<f64>,
    /// The least of them.
    pub min: Option<f64>,
    /// The greatest of them.
    pub max: Option<f64>,
    /// How many of them fell into each bucket: one more than there are bounds, or none at all.
    pub bucket_counts: Vec<u64>,
    /// The bounds between the buckets, each of which belongs to the bucket below it; ascending.
    pub explicit_bounds: Vec<f64>,
    /// Examples of what was measured.
    pub exemplars: Vec<Exemplar>,
    /// The flags.
    pub flags: u32,
}

/// A data point of an exponential histogram, whose bounds are powers of `2^(2^-scale)`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExponentialHistogramPoint {
    /// What tells it from the metric's other data points.
    pub attributes: Pairs,
    /// From when on it counts, in nanoseconds since 1970 (UTC).
    pub start_time_unix_nano: u64,
    /// When it was taken, in nanoseconds since 1970 (UTC).
    pub time_unix_nano: u64,
    /// How many values there were.
    pub count: u64,
    /// Their sum.
    pub sum: Option<f64>,
    /// The least of them.
    pub min: Option<f64>,
    /// The greatest of them.
    pub max: Option<f64>,
    /// How fine the buckets are.
    pub scale: i32,
    /// How many values were zero, or nearer to it than `zero_threshold`.
    pub zero_count: u64,
    /// Up to where a value counts as zero.
    pub zero_threshold: f64,
    /// The buckets of values above zero.
    pub positive: Buckets,
    /// The buckets of values below zero.
    pub negative: Buckets,
    /// Examples of what was measured.
    pub exemplars: Vec<Exemplar>,
    /// The flags.
    pub flags: u32,
}

/// Buckets of an exponential histogram, one behind the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Buckets {
    /// The index of the first one.
    pub offset: i32,
    /// How many values fell into each.
    pub counts: Vec<u64>,
}

/// A data point of a summary.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SummaryPoint {
    /// What tells it from the metric's other data points.
    pub attributes: Pairs,
    /// From when on it counts, in nanoseconds since 1970 (UTC).
    pub start_time_unix_nano: u64,
    /// When it was taken, in nanoseconds since 1970 (UTC).
    pub time_unix_nano: u64,
    /// How many values there were.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// Quantiles of them, ascending.
    pub quantiles: Vec<Quantile>,
    /// The flags.
    pub flags: u32,
}

/// A value that a part of all values does not exceed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quantile {
    /// The part: 0 to 1.
    pub quantile: f64,
    /// The value.
    pub value: f64,
}

/// One value that was measured, with the span that it was measured in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exemplar {
    /// Attributes of the measurement that those of the data point do not have.
    pub filtered_attributes: Pairs,
    /// When it was measured, in nanoseconds since 1970 (UTC).
    pub time_unix_nano: u64,
    /// The value.
    pub value: Number,
    /// The trace id; zeros are none.
    pub trace_id: [u8; 16],
    /// The span id; zeros are none.
    pub span_id: [u8; 8],
}

macro_rules! with {
    ($($point:ty),*) => {
        $(impl $point {
            /// The data point with one attribute more.
            pub fn with(mut self, key: impl Into<String>, value: impl Into<Any>) -> Self {
                self.attributes.push((key.into(), value.into()));
                self
            }
        })*
    };
}

with!(
    NumberPoint,
    HistogramPoint,
    ExponentialHistogramPoint,
    SummaryPoint
);
