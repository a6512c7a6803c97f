//! The messages of OTLP, as far as their sizes need it: what the Collector's pdata would have of a
//! message in bytes once it has read it.
//!
//! That is not what came: pdata leaves out what has protobuf's default, as any writer does, but
//! always writes the messages and ids that it has as values (resource, scope, status, a value, an
//! id of a trace), and never what it does not know. `tests/native` holds it against pdata.
//!
//! Whoever merges messages merges their bytes, so a walk through all of them is also the check that
//! one that is broken does not spoil the others.

use crate::sending::wire::{Broken, Value, fields, length_of, varint};
use strait_component::Signal;

/// How deep values may lie in each other.
const DEPTH: usize = 500;

/// A message: its fields, by their numbers.
pub(super) struct Message(&'static [(u64, Kind)]);

/// What a field is, and when pdata writes it.
enum Kind {
    /// A number, unless it is 0.
    Number,
    /// 8 bytes, unless they are 0.
    Eight,
    /// A floating point number, unless it is 0 of either sign.
    Double,
    /// 4 bytes, unless they are 0.
    Four,
    /// Text or bytes, unless there is none.
    Text,
    /// As above, whatever it is: one of several, or optional.
    SomeNumber,
    SomeEight,
    SomeText,
    /// Always; zeros are none.
    Id,
    /// Numbers or 8 bytes each, as they are.
    Packed,
    /// Numbers, as short as they go.
    PackedNumbers,
    /// As often as it is there.
    Each(&'static Message),
    /// Always.
    One(&'static Message),
}

use Kind::{
    Double, Each, Eight, Four, Id, Number, One, Packed, PackedNumbers, SomeEight, SomeNumber,
    SomeText, Text,
};

static ANY: Message = Message(&[
    (1, SomeText),
    (2, SomeNumber),
    (3, SomeNumber),
    (4, SomeEight),
    (5, Each(&ARRAY)),
    (6, Each(&PAIRS)),
    (7, SomeText),
    (8, SomeNumber),
]);
static ARRAY: Message = Message(&[(1, Each(&ANY))]);
static PAIRS: Message = Message(&[(1, Each(&PAIR))]);
static PAIR: Message = Message(&[(1, Text), (2, One(&ANY)), (3, Number)]);
static ENTITY: Message = Message(&[(1, Text), (2, Text), (3, SomeText), (4, SomeText)]);
static RESOURCE: Message = Message(&[(1, Each(&PAIR)), (2, Number), (3, Each(&ENTITY))]);
static SCOPE: Message = Message(&[(1, Text), (2, Text), (3, Each(&PAIR)), (4, Number)]);

static LOG: Message = Message(&[
    (1, Eight),
    (2, Number),
    (3, Text),
    (5, One(&ANY)),
    (6, Each(&PAIR)),
    (7, Number),
    (8, Four),
    (9, Id),
    (10, Id),
    (11, Eight),
    (12, Text),
]);

static SPAN: Message = Message(&[
    (1, Id),
    (2, Id),
    (3, Text),
    (4, Id),
    (5, Text),
    (6, Number),
    (7, Eight),
    (8, Eight),
    (9, Each(&PAIR)),
    (10, Number),
    (11, Each(&EVENT)),
    (12, Number),
    (13, Each(&LINK)),
    (14, Number),
    (15, One(&STATUS)),
    (16, Four),
]);
static EVENT: Message = Message(&[(1, Eight), (2, Text), (3, Each(&PAIR)), (4, Number)]);
static LINK: Message = Message(&[
    (1, Id),
    (2, Id),
    (3, Text),
    (4, Each(&PAIR)),
    (5, Number),
    (6, Four),
]);
static STATUS: Message = Message(&[(2, Text), (3, Number)]);

static METRIC: Message = Message(&[
    (1, Text),
    (2, Text),
    (3, Text),
    (5, Each(&GAUGE)),
    (7, Each(&SUM)),
    (9, Each(&HISTOGRAM)),
    (10, Each(&EXPONENTIAL)),
    (11, Each(&SUMMARY)),
    (12, Each(&PAIR)),
]);
static GAUGE: Message = Message(&[(1, Each(&POINT))]);
static SUM: Message = Message(&[(1, Each(&POINT)), (2, Number), (3, Number)]);
static HISTOGRAM: Message = Message(&[(1, Each(&HISTOGRAM_POINT)), (2, Number)]);
static EXPONENTIAL: Message = Message(&[(1, Each(&EXPONENTIAL_POINT)), (2, Number)]);
static SUMMARY: Message = Message(&[(1, Each(&SUMMARY_POINT))]);
static POINT: Message = Message(&[
    (2, Eight),
    (3, Eight),
    (4, SomeEight),
    (5, Each(&EXEMPLAR)),
    (6, SomeEight),
    (7, Each(&PAIR)),
    (8, Number),
]);
static HISTOGRAM_POINT: Message = Message(&[
    (2, Eight),
    (3, Eight),
    (4, Eight),
    (5, SomeEight),
    (6, Packed),
    (7, Packed),
    (8, Each(&EXEMPLAR)),
    (9, Each(&PAIR)),
    (10, Number),
    (11, SomeEight),
    (12, SomeEight),
]);
static EXPONENTIAL_POINT: Message = Message(&[
    (1, Each(&PAIR)),
    (2, Eight),
    (3, Eight),
    (4, Eight),
    (5, SomeEight),
    (6, Number),
    (7, Eight),
    (8, One(&BUCKETS)),
    (9, One(&BUCKETS)),
    (10, Number),
    (11, Each(&EXEMPLAR)),
    (12, SomeEight),
    (13, SomeEight),
    (14, Double),
]);
static BUCKETS: Message = Message(&[(1, Number), (2, PackedNumbers)]);
static SUMMARY_POINT: Message = Message(&[
    (2, Eight),
    (3, Eight),
    (4, Eight),
    (5, Double),
    (6, Each(&QUANTILE)),
    (7, Each(&PAIR)),
    (8, Number),
]);
static QUANTILE: Message = Message(&[(1, Double), (2, Double)]);
static EXEMPLAR: Message = Message(&[
    (2, Eight),
    (3, SomeEight),
    (4, Id),
    (5, Id),
    (6, SomeEight),
    (7, Each(&PAIR)),
]);

macro_rules! requests {
    ($($request:ident: $resource:ident > $scope:ident > $item:ident;)*) => {
        $(
            static $request: Message = Message(&[(1, Each(&$resource))]);
            static $resource: Message =
                Message(&[(1, One(&RESOURCE)), (2, Each(&$scope)), (3, Text)]);
            static $scope: Message = Message(&[(1, One(&SCOPE)), (2, Each(&$item)), (3, Text)]);
        )*
    };
}

requests! {
    LOGS: RESOURCE_LOGS > SCOPE_LOGS > LOG;
    TRACES: RESOURCE_SPANS > SCOPE_SPANS > SPAN;
    METRICS: RESOURCE_METRICS > SCOPE_METRICS > METRIC;
}

impl Message {
    /// What a batch of this signal is.
    pub(super) fn request(signal: Signal) -> &'static Self {
        match signal {
            Signal::Logs => &LOGS,
            Signal::Traces => &TRACES,
            Signal::Metrics => &METRICS,
        }
    }

    /// Whether it is a metric, which holds its items one deeper.
    pub(super) fn is_metric(&self) -> bool {
        std::ptr::eq(self, &raw const METRIC)
    }

    /// What the field of this number is; `None` where it is no message, or is not known.
    pub(super) fn at(&self, number: u64) -> Option<&'static Self> {
        match self.kind(number)? {
            Each(message) | One(message) => Some(message),
            _ => None,
        }
    }

    fn kind(&self, number: u64) -> Option<&'static Kind> {
        let found = self.0.iter().find(|(field, _)| *field == number)?;
        Some(&found.1)
    }

    /// How many bytes pdata would have of this message, but for the fields that `but` holds for.
    pub(super) fn size(&self, bytes: &[u8], but: impl Fn(u64) -> bool) -> Result<u64, Broken> {
        self.size_at(bytes, but, 0)
    }

    fn size_at(
        &self,
        bytes: &[u8],
        but: impl Fn(u64) -> bool,
        depth: usize,
    ) -> Result<u64, Broken> {
        if depth > DEPTH {
            return Err(Broken);
        }
        let (mut size, mut seen) = (0, 0u32);
        for field in fields(bytes) {
            let field = field?;
            let Some(kind) = self.kind(field.number) else {
                continue;
            };
            seen |= 1 << field.number;
            if but(field.number) {
                continue;
            }
            if let Some(content) = kind.size(field.value, depth)? {
                size += length_of(field.number << 3) + content;
            }
        }
        for (number, kind) in self.0 {
            if matches!(kind, Id | One(_)) && seen & 1 << number == 0 && !but(*number) {
                size += length_of(number << 3) + 1 + kind.least();
            }
        }
        Ok(size)
    }
}

impl Kind {
    /// How many bytes the content of a message has that is always there, where nothing is said.
    fn least(&self) -> u64 {
        match self {
            One(message) => {
                let always = message
                    .0
                    .iter()
                    .filter(|(_, kind)| matches!(kind, Id | One(_)));
                always
                    .map(|(number, kind)| length_of(number << 3) + 1 + kind.least())
                    .sum()
            }
            _ => 0,
        }
    }

    /// How many bytes its content has; `None`: pdata does not write it.
    fn size(&self, value: Value<'_>, depth: usize) -> Result<Option<u64>, Broken> {
        let long = |length: u64| length_of(length) + length;
        Ok(match (self, value) {
            (Number, Value::Number(0)) | (Eight, Value::Eight(0)) | (Four, Value::Four(0)) => None,
            (Double, Value::Eight(bits)) => (bits << 1 != 0).then_some(8),
            (Number | SomeNumber, Value::Number(number)) => Some(length_of(number)),
            (Eight | SomeEight, Value::Eight(_)) => Some(8),
            (Four, Value::Four(_)) => Some(4),
            (Text, Value::Bytes([])) | (Packed | PackedNumbers, Value::Bytes([])) => None,
            (Text | SomeText | Packed, Value::Bytes(text)) => Some(long(text.len() as u64)),
            (Id, Value::Bytes(id)) => {
                let some = id.iter().any(|byte| *byte != 0);
                Some(long(if some { id.len() as u64 } else { 0 }))
            }
            (PackedNumbers, Value::Bytes(mut numbers)) => {
                let mut length = 0;
                while !numbers.is_empty() {
                    length += length_of(varint(&mut numbers).ok_or(Broken)?);
                }
                Some(long(length))
            }
            (Each(message) | One(message), Value::Bytes(bytes)) => {
                Some(long(message.size_at(bytes, |_| false, depth + 1)?))
            }
            (Packed, Value::Eight(_)) => Some(8),
            (PackedNumbers, Value::Number(number)) => Some(length_of(number)),
            _ => return Err(Broken),
        })
    }
}
