//! For the tests of components: batches from samples, and samples from batches, and instances of
//! each kind that run without a Collector.
//!
//! ```
//! use strait_component::Keys;
//! use strait_component::testing::{self, Any, Sample};
//!
//! let mut batch = testing::batch(&[Sample::new("one fish").with("food", "fish")]);
//! batch.edit_bodies(|text| text.replace("fish", "bird").into())?;
//! assert_eq!(testing::samples(&batch), [Sample::new("one bird").with("food", "fish")]);
//! # Ok::<_, strait_component::BatchError>(())
//! ```

mod collector;
mod kinds;

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::{GenericByteDictionaryBuilder, PrimitiveDictionaryBuilder};
use arrow_array::types::{
    ArrowDictionaryKeyType, ArrowPrimitiveType, BinaryType, ByteArrayType, Int32Type, Int64Type,
    UInt8Type, UInt16Type, Utf8Type,
};
use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, GenericByteArray, PrimitiveArray, RecordBatch,
    StructArray, UInt8Array, UInt16Array,
};
use arrow_schema::{Field, Fields, Schema};

pub use collector::Collector;
pub use kinds::{block_on, consume, context, flush, host, receive};

pub use crate::Any;
use crate::any::cbor;
use crate::value::code;
use crate::{AttributeTable, Batch, Payload, Value};

/// A log record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// The severity's number; 0 is written as null.
    pub severity_number: i32,
    /// The body.
    pub body: Any,
    /// The log's attributes.
    pub attributes: Vec<(String, Any)>,
    /// The attributes of its resource. Logs with equal ones share a resource.
    pub resource: Vec<(String, Any)>,
}

impl Sample {
    /// A record with this body.
    pub fn new(body: impl Into<Any>) -> Self {
        Self {
            body: body.into(),
            ..Self::default()
        }
    }

    /// The record with one attribute more.
    pub fn with(mut self, key: &str, value: impl Into<Any>) -> Self {
        self.attributes.push((key.to_owned(), value.into()));
        self
    }
}

/// How a column's values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// One after the other.
    Plain,
    /// Behind a dictionary with 8-bit keys: at most 256 different values.
    Dictionary8,
    /// Behind a dictionary with 16-bit keys: at most 65,536 different values.
    Dictionary16,
}

/// A batch of these records, its columns plain.
///
/// # Panics
///
/// As [`batch_encoded`].
pub fn batch(samples: &[Sample]) -> Batch {
    batch_encoded(samples, |_| Encoding::Plain)
}

/// A batch of these records. `encoding` chooses how a column is written, by its
/// name (`str` of the body is `body.str`). Columns without a value are absent.
///
/// # Panics
///
/// The samples do not fit: too many records, or too many values for a dictionary.
pub fn batch_encoded(samples: &[Sample], encoding: impl Fn(&str) -> Encoding) -> Batch {
    let mut resources: Vec<&[(String, Any)]> = Vec::new();
    let resource_ids: Vec<u16> = samples
        .iter()
        .map(|sample| {
            let known = resources.iter().position(|r| *r == sample.resource);
            id(known.unwrap_or_else(|| {
                resources.push(&sample.resource);
                resources.len() - 1
            }))
        })
        .collect();

    let bodies: Vec<&Any> = samples.iter().map(|sample| &sample.body).collect();
    let severities = samples
        .iter()
        .map(|s| (s.severity_number != 0).then_some(s.severity_number));
    let ids: UInt16Array = (0..samples.len()).map(|row| Some(id(row))).collect();
    let resource_id: ArrayRef = Arc::new(UInt16Array::from(resource_ids));
    let body = strukt(values(&bodies, |name| encoding(&format!("body.{name}"))));
    let resource = strukt(vec![("id", Some(resource_id))]);
    let logs = table(vec![
        ("id", Some(Arc::new(ids))),
        ("resource", Some(resource)),
        (
            "severity_number",
            numbers::<Int32Type>(severities.collect(), encoding("severity_number")),
        ),
        ("body", Some(body)),
    ]);

    let of_logs = samples.iter().map(|sample| sample.attributes.as_slice());
    let mut tables = vec![(Payload::Logs, logs)];
    tables.extend(attributes(of_logs, &encoding).map(|t| (Payload::LogAttributes, t)));
    let of_resources = attributes(resources.iter().copied(), &encoding);
    tables.extend(of_resources.map(|t| (Payload::ResourceAttributes, t)));
    Batch::from_tables(tables).expect("samples make tables of the right types")
}

/// The records of a batch.
///
/// # Panics
///
/// A nested value is not one that the engine or [`batch`] writes.
pub fn samples(batch: &Batch) -> Vec<Sample> {
    let of = |table| {
        let mut by_parent: HashMap<u16, Vec<(String, Any)>> = HashMap::new();
        for a in batch.attributes(table).iter() {
            by_parent
                .entry(a.parent)
                .or_default()
                .push((a.key.to_owned(), any(a.value)));
        }
        by_parent
    };
    let (attributes, resources) = (of(AttributeTable::Log), of(AttributeTable::Resource));
    let find = |map: &HashMap<_, Vec<_>>, id: Option<u16>| {
        id.and_then(|id| map.get(&id)).cloned().unwrap_or_default()
    };
    let logs = batch.logs();
    let sample = |log: crate::Log<'_>| Sample {
        severity_number: log.severity_number(),
        body: any(log.body()),
        attributes: find(&attributes, log.id()),
        resource: find(&resources, log.resource_id()),
    };
    logs.iter().map(sample).collect()
}

fn any(value: Value<'_>) -> Any {
    value.to_any().expect("a value that the engine writes")
}

fn id(number: usize) -> u16 {
    u16::try_from(number).expect("at most 65,536 samples")
}

type Columns = Vec<(&'static str, Option<ArrayRef>)>;

fn attributes<'a>(
    of: impl Iterator<Item = &'a [(String, Any)]>,
    encoding: &impl Fn(&str) -> Encoding,
) -> Option<RecordBatch> {
    let rows: Vec<(usize, &(String, Any))> = of
        .enumerate()
        .flat_map(|(parent, list)| list.iter().map(move |a| (parent, a)))
        .collect();
    if rows.is_empty() {
        return None;
    }
    let parents: UInt16Array = rows.iter().map(|(parent, _)| Some(id(*parent))).collect();
    let keys = rows
        .iter()
        .map(|(_, (key, _))| Some(key.as_str()))
        .collect();
    let any: Vec<&Any> = rows.iter().map(|(_, (_, value))| value).collect();
    let mut columns: Columns = vec![
        ("parent_id", Some(Arc::new(parents))),
        ("key", bytes::<Utf8Type>(keys, encoding("key"))),
    ];
    columns.extend(values(&any, encoding));
    Some(table(columns))
}

/// The columns of values.
fn values(any: &[&Any], encoding: impl Fn(&str) -> Encoding) -> Columns {
    let kinds: UInt8Array = any.iter().map(|any| Some(kind(any))).collect();
    let doubles = any.iter().map(|any| {
        if let Any::Double(n) = any {
            Some(*n)
        } else {
            None
        }
    });
    let doubles: Float64Array = doubles.collect();
    let flags = any.iter().map(|any| {
        if let Any::Bool(b) = any {
            Some(*b)
        } else {
            None
        }
    });
    let flags: BooleanArray = flags.collect();
    let texts = any.iter().map(|any| {
        if let Any::Str(s) = any {
            Some(s.as_str())
        } else {
            None
        }
    });
    let ints = any.iter().map(|any| {
        if let Any::Int(n) = any {
            Some(*n)
        } else {
            None
        }
    });
    let raw = any.iter().map(|any| {
        if let Any::Bytes(b) = any {
            Some(b.as_slice())
        } else {
            None
        }
    });
    let nested: Vec<Option<Vec<u8>>> = any
        .iter()
        .map(|any| {
            matches!(any, Any::Map(_) | Any::Slice(_)).then(|| {
                let mut bytes = Vec::new();
                cbor::encode(any, &mut bytes);
                bytes
            })
        })
        .collect();
    let nested = nested.iter().map(Option::as_deref).collect();
    vec![
        ("type", Some(Arc::new(kinds))),
        ("str", bytes::<Utf8Type>(texts.collect(), encoding("str"))),
        ("int", numbers::<Int64Type>(ints.collect(), encoding("int"))),
        ("double", present(doubles)),
        ("bool", present(flags)),
        (
            "bytes",
            bytes::<BinaryType>(raw.collect(), encoding("bytes")),
        ),
        ("ser", bytes::<BinaryType>(nested, encoding("ser"))),
    ]
}

fn kind(any: &Any) -> u8 {
    match any {
        Any::Empty => 0,
        Any::Str(_) => code::STR,
        Any::Int(_) => code::INT,
        Any::Double(_) => code::DOUBLE,
        Any::Bool(_) => code::BOOL,
        Any::Map(_) => code::MAP,
        Any::Slice(_) => code::SLICE,
        Any::Bytes(_) => code::BYTES,
    }
}

fn present(array: impl arrow_array::Array + 'static) -> Option<ArrayRef> {
    (array.null_count() < array.len()).then(|| Arc::new(array) as ArrayRef)
}

fn bytes<T>(values: Vec<Option<&T::Native>>, encoding: Encoding) -> Option<ArrayRef>
where
    T: ByteArrayType,
    for<'a> GenericByteArray<T>: FromIterator<Option<&'a T::Native>>,
{
    fn dictionary<K, T>(values: Vec<Option<&T::Native>>) -> Option<ArrayRef>
    where
        K: ArrowDictionaryKeyType,
        T: ByteArrayType,
    {
        let mut builder = GenericByteDictionaryBuilder::<K, T>::new();
        for value in values {
            match value {
                Some(value) => drop(builder.append(value).expect("the keys reach")),
                None => builder.append_null(),
            }
        }
        present(builder.finish())
    }
    match encoding {
        Encoding::Plain => present(GenericByteArray::<T>::from_iter(values)),
        Encoding::Dictionary8 => dictionary::<UInt8Type, T>(values),
        Encoding::Dictionary16 => dictionary::<UInt16Type, T>(values),
    }
}

fn numbers<T: ArrowPrimitiveType>(
    values: Vec<Option<T::Native>>,
    encoding: Encoding,
) -> Option<ArrayRef> {
    fn dictionary<K: ArrowDictionaryKeyType, T: ArrowPrimitiveType>(
        values: Vec<Option<T::Native>>,
    ) -> Option<ArrayRef> {
        let mut builder = PrimitiveDictionaryBuilder::<K, T>::new();
        for value in values {
            match value {
                Some(value) => drop(builder.append(value).expect("the keys reach")),
                None => builder.append_null(),
            }
        }
        present(builder.finish())
    }
    match encoding {
        Encoding::Plain => present(PrimitiveArray::<T>::from_iter(values)),
        Encoding::Dictionary8 => dictionary::<UInt8Type, T>(values),
        Encoding::Dictionary16 => dictionary::<UInt16Type, T>(values),
    }
}

/// The fields and arrays of the columns that are there; ids are marked as plain.
fn columns(columns: Columns) -> (Fields, Vec<ArrayRef>) {
    let there = columns
        .into_iter()
        .filter_map(|(name, array)| Some((name, array?)));
    let (fields, arrays): (Vec<Field>, _) = there
        .map(|(name, array)| {
            let field = Field::new(name, array.data_type().clone(), true);
            let is_id = name == "id" || name == "parent_id";
            let metadata = is_id.then(|| ("encoding".to_owned(), "plain".to_owned()));
            (field.with_metadata(metadata.into_iter().collect()), array)
        })
        .unzip();
    (fields.into(), arrays)
}

fn strukt(of: Columns) -> ArrayRef {
    let (fields, arrays) = columns(of);
    Arc::new(StructArray::new(fields, arrays, None))
}

fn table(of: Columns) -> RecordBatch {
    let (fields, arrays) = columns(of);
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("columns of one length")
}
