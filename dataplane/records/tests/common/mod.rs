//! Random schemas and arrays from a seed, and the way through a slot.
#![allow(dead_code, unreachable_pub, missing_docs)] // Each test uses a part of this.

pub mod refused;
pub mod vectors;

use arrow_array::builder::*;
use arrow_array::types::*;
use arrow_array::*;
use arrow_buffer::{BooleanBuffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field, Fields, Schema, TimeUnit, UnionFields, UnionMode};
use std::collections::HashMap;
use std::sync::Arc;
use strait_records::{Batch, Encoding, Error, Header, ReceivedSchemas, Signal, Slot};
use strait_records::{Variable, Writer};

/// SplitMix64: the same numbers from the same seed.
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn text(&mut self) -> String {
        let words = [
            "",
            "a",
            "GET /users",
            "äöü",
            "日本語",
            "🦀",
            "http.method",
            "value-17",
        ];
        let mut text = words[self.below(words.len())].to_owned();
        if self.chance(20) {
            text.push_str(&self.next().to_string());
        }
        text
    }

    pub fn blob(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }
}

/// Types that telemetry records use.
pub fn leaf_type(rng: &mut Rng) -> DataType {
    match rng.below(13) {
        0 => DataType::UInt8,
        1 => DataType::UInt16,
        2 => DataType::UInt32,
        3 => DataType::UInt64,
        4 => DataType::Int32,
        5 => DataType::Int64,
        6 => DataType::Float64,
        7 => DataType::Boolean,
        8 => DataType::Binary,
        9 => DataType::FixedSizeBinary([0, 8, 16][rng.below(3)]),
        10 => DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
        11 => DataType::Duration(TimeUnit::Nanosecond),
        _ => DataType::Utf8,
    }
}

/// A type of telemetry records, nested ones and dictionaries among them.
pub fn otap_type(rng: &mut Rng, depth: usize) -> DataType {
    match rng.below(if depth == 0 { 8 } else { 12 }) {
        0..=4 => leaf_type(rng),
        5..=7 => {
            let key = if rng.chance(50) {
                DataType::UInt8
            } else {
                DataType::UInt16
            };
            DataType::Dictionary(Box::new(key), Box::new(leaf_type(rng)))
        }
        8 | 9 => {
            let count = rng.below(4);
            let field = |i| Field::new(format!("f{i}"), otap_type(rng, depth - 1), true);
            DataType::Struct((0..count).map(field).collect())
        }
        _ => DataType::List(Arc::new(Field::new(
            "item",
            otap_type(rng, depth - 1),
            true,
        ))),
    }
}

/// Any type that can be written.
pub fn any_type(rng: &mut Rng, depth: usize) -> DataType {
    let item = |rng: &mut Rng| Arc::new(Field::new("item", any_type(rng, depth - 1), true));
    match rng.below(if depth == 0 { 11 } else { 19 }) {
        0..=2 => otap_type(rng, depth),
        3 => DataType::Null,
        4 => DataType::Utf8View,
        5 => DataType::BinaryView,
        6 => DataType::LargeUtf8,
        7 => DataType::Decimal128(20, 3),
        8 => DataType::Float16,
        9 => DataType::Date32,
        10 => DataType::Timestamp(TimeUnit::Second, None),
        11 => DataType::LargeList(item(rng)),
        12 => DataType::FixedSizeList(item(rng), rng.below(4) as i32),
        13 => DataType::ListView(item(rng)),
        14 => {
            let entries = Fields::from(vec![
                Field::new("keys", DataType::Utf8, false),
                Field::new("values", any_type(rng, depth - 1), true),
            ]);
            let entries = Field::new("entries", DataType::Struct(entries), false);
            DataType::Map(Arc::new(entries), rng.chance(50))
        }
        15 => union_type(rng, depth, UnionMode::Sparse),
        16 => union_type(rng, depth, UnionMode::Dense),
        17 => {
            let ends = Arc::new(Field::new("run_ends", DataType::Int32, false));
            let values = Arc::new(Field::new("values", leaf_type(rng), true));
            DataType::RunEndEncoded(ends, values)
        }
        _ => DataType::LargeBinary,
    }
}

fn union_type(rng: &mut Rng, depth: usize, mode: UnionMode) -> DataType {
    let fields = (0..2).map(|i| Field::new(format!("u{i}"), any_type(rng, depth - 1), true));
    let fields = UnionFields::try_new([3, 7], fields.collect::<Vec<_>>()).expect("two ids");
    DataType::Union(fields, mode)
}

fn nulls(rng: &mut Rng, len: usize) -> Option<NullBuffer> {
    rng.chance(50)
        .then(|| NullBuffer::from_iter((0..len).map(|_| !rng.chance(30))))
}

/// An array that is longer than asked for, then cut, half of the time.
pub fn array(rng: &mut Rng, data_type: &DataType, len: usize) -> ArrayRef {
    if !rng.chance(50) {
        return whole(rng, data_type, len);
    }
    let (before, behind) = (rng.below(20), rng.below(20));
    whole(rng, data_type, before + len + behind).slice(before, len)
}

fn whole(rng: &mut Rng, data_type: &DataType, len: usize) -> ArrayRef {
    use DataType as D;
    match data_type {
        D::UInt8 => numbers::<UInt8Type>(rng, len, |n| n as u8),
        D::UInt16 => numbers::<UInt16Type>(rng, len, |n| n as u16),
        D::UInt32 => numbers::<UInt32Type>(rng, len, |n| n as u32),
        D::UInt64 => numbers::<UInt64Type>(rng, len, |n| n),
        D::Int32 => numbers::<Int32Type>(rng, len, |n| n as i32),
        D::Int64 => numbers::<Int64Type>(rng, len, |n| n as i64),
        D::Float64 => numbers::<Float64Type>(rng, len, |n| n as f64 / 7.0),
        D::Float16 => numbers::<Float16Type>(rng, len, |n| half::f16::from_f32(n as u16 as f32)),
        D::Date32 => numbers::<Date32Type>(rng, len, |n| n as i32),
        D::Duration(_) => numbers::<DurationNanosecondType>(rng, len, |n| n as i64),
        D::Timestamp(TimeUnit::Second, _) => numbers::<TimestampSecondType>(rng, len, |n| n as i64),
        D::Timestamp(_, zone) => {
            let (values, nulls) = (values(rng, len, |n| n as i64), nulls(rng, len));
            let array = TimestampNanosecondArray::new(values, nulls);
            Arc::new(array.with_timezone_opt(zone.clone()))
        }
        D::Decimal128(_, _) => {
            let (values, nulls) = (values(rng, len, |n| n as i128), nulls(rng, len));
            Arc::new(Decimal128Array::new(values, nulls).with_data_type(data_type.clone()))
        }
        D::Boolean => {
            let bits = BooleanBuffer::from_iter((0..len).map(|_| rng.chance(50)));
            Arc::new(BooleanArray::new(bits, nulls(rng, len)))
        }
        D::Null => Arc::new(NullArray::new(len)),
        D::FixedSizeBinary(width) => {
            let bytes = rng.blob(len * *width as usize);
            let nulls = nulls(rng, len);
            Arc::new(
                FixedSizeBinaryArray::try_new_with_len(*width, bytes.into(), nulls, len)
                    .expect("lengths fit"),
            )
        }
        D::Utf8 | D::LargeUtf8 | D::Utf8View => {
            let texts = (0..len).map(|_| (!rng.chance(20)).then(|| rng.text()));
            match data_type {
                D::Utf8 => Arc::new(StringArray::from_iter(texts)),
                D::LargeUtf8 => Arc::new(LargeStringArray::from_iter(texts)),
                _ => Arc::new(StringViewArray::from_iter(texts)),
            }
        }
        D::Binary | D::LargeBinary | D::BinaryView => {
            let blobs = (0..len).map(|_| {
                let size = rng.below(20);
                (!rng.chance(20)).then(|| rng.blob(size))
            });
            match data_type {
                D::Binary => Arc::new(BinaryArray::from_iter(blobs)),
                D::LargeBinary => Arc::new(LargeBinaryArray::from_iter(blobs)),
                _ => Arc::new(BinaryViewArray::from_iter(blobs)),
            }
        }
        D::Dictionary(key, value) => match **key {
            D::UInt8 => dictionary::<UInt8Type>(rng, value, len),
            _ => dictionary::<UInt16Type>(rng, value, len),
        },
        _ => nested(rng, data_type, len),
    }
}

fn values<T: arrow_buffer::ArrowNativeType>(
    rng: &mut Rng,
    len: usize,
    number: impl Fn(u64) -> T,
) -> ScalarBuffer<T> {
    (0..len)
        .map(|_| number(rng.next()))
        .collect::<Vec<_>>()
        .into()
}

fn numbers<T: ArrowPrimitiveType>(
    rng: &mut Rng,
    len: usize,
    number: impl Fn(u64) -> T::Native,
) -> ArrayRef {
    let (values, nulls) = (values(rng, len, number), nulls(rng, len));
    Arc::new(PrimitiveArray::<T>::new(values, nulls))
}

fn dictionary<K: ArrowDictionaryKeyType>(rng: &mut Rng, value: &DataType, len: usize) -> ArrayRef {
    let count = rng.below(200) + 1;
    let entries = array(rng, value, count);
    let keys: Vec<K::Native> = (0..len)
        .map(|_| <K::Native as arrow_buffer::ArrowNativeType>::usize_as(rng.below(count)))
        .collect();
    let keys = PrimitiveArray::<K>::new(keys.into(), nulls(rng, len));
    Arc::new(DictionaryArray::new(keys, entries))
}

fn sizes(rng: &mut Rng, len: usize) -> Vec<usize> {
    (0..len).map(|_| rng.below(4)).collect()
}

fn nested(rng: &mut Rng, data_type: &DataType, len: usize) -> ArrayRef {
    use DataType as D;
    match data_type {
        D::Struct(fields) => Arc::new(structure(rng, fields, len)),
        D::List(item) => {
            let sizes = sizes(rng, len);
            let child = array(rng, item.data_type(), sizes.iter().sum());
            let offsets = OffsetBuffer::from_lengths(sizes);
            Arc::new(ListArray::new(
                item.clone(),
                offsets,
                child,
                nulls(rng, len),
            ))
        }
        D::LargeList(item) => {
            let sizes = sizes(rng, len);
            let child = array(rng, item.data_type(), sizes.iter().sum());
            let offsets = OffsetBuffer::from_lengths(sizes);
            Arc::new(LargeListArray::new(
                item.clone(),
                offsets,
                child,
                nulls(rng, len),
            ))
        }
        D::FixedSizeList(item, size) => {
            let child = array(rng, item.data_type(), len * *size as usize);
            let nulls = nulls(rng, len);
            Arc::new(
                FixedSizeListArray::try_new_with_length(item.clone(), *size, child, nulls, len)
                    .expect("lengths fit"),
            )
        }
        D::ListView(item) => {
            let child = array(rng, item.data_type(), 10);
            let (offsets, sizes): (Vec<i32>, Vec<i32>) = (0..len)
                .map(|_| (rng.below(6) as i32, rng.below(5) as i32))
                .unzip();
            let nulls = nulls(rng, len);
            Arc::new(ListViewArray::new(
                item.clone(),
                offsets.into(),
                sizes.into(),
                child,
                nulls,
            ))
        }
        D::Map(entries, sorted) => {
            let D::Struct(fields) = entries.data_type() else {
                panic!("a map has entries")
            };
            let sizes = sizes(rng, len);
            let count = sizes.iter().sum();
            let keys: ArrayRef = Arc::new(StringArray::from_iter_values(
                (0..count).map(|_| rng.text()),
            ));
            let child = StructArray::new(
                fields.clone(),
                vec![keys, array(rng, fields[1].data_type(), count)],
                None,
            );
            let offsets = OffsetBuffer::from_lengths(sizes);
            Arc::new(MapArray::new(
                entries.clone(),
                offsets,
                child,
                nulls(rng, len),
                *sorted,
            ))
        }
        D::Union(fields, mode) => union(rng, fields, *mode, len),
        D::RunEndEncoded(_, values) => {
            let runs = if len == 0 {
                0
            } else {
                rng.below(len.min(5)) + 1
            };
            let ends: Vec<i32> = (1..=runs).map(|run| (run * len / runs) as i32).collect();
            let values = array(rng, values.data_type(), runs);
            let array = RunArray::<Int32Type>::try_new(&Int32Array::from(ends), &values);
            Arc::new(array.expect("ends grow"))
        }
        other => panic!("no arrays of {other}"),
    }
}

fn structure(rng: &mut Rng, fields: &Fields, len: usize) -> StructArray {
    let columns = fields
        .iter()
        .map(|f| array(rng, f.data_type(), len))
        .collect();
    let nulls = nulls(rng, len);
    StructArray::try_new_with_length(fields.clone(), columns, nulls, len).expect("lengths fit")
}

fn union(rng: &mut Rng, fields: &UnionFields, mode: UnionMode, len: usize) -> ArrayRef {
    let ids: Vec<i8> = (0..len)
        .map(|_| if rng.chance(50) { 3 } else { 7 })
        .collect();
    let child_len = if mode == UnionMode::Dense {
        len + 3
    } else {
        len
    };
    let children = fields
        .iter()
        .map(|(_, f)| array(rng, f.data_type(), child_len))
        .collect();
    let offsets = (mode == UnionMode::Dense).then(|| {
        (0..len)
            .map(|_| rng.below(child_len) as i32)
            .collect::<Vec<_>>()
            .into()
    });
    let array = UnionArray::try_new(fields.clone(), ids.into(), offsets, children);
    Arc::new(array.expect("ids and offsets fit"))
}

/// A record batch of random columns.
pub fn batch(rng: &mut Rng, any: bool) -> RecordBatch {
    let rows = [0, 1, 7, 8, 9, 64, 65, 200][rng.below(8)];
    let columns = rng.below(6);
    let mut fields = Vec::new();
    let mut arrays = Vec::new();
    for i in 0..columns {
        let data_type = if any {
            any_type(rng, 2)
        } else {
            otap_type(rng, 2)
        };
        let mut field = Field::new(format!("c{i}"), data_type.clone(), true);
        if rng.chance(20) {
            let plain = ("encoding".to_owned(), "plain".to_owned());
            field = field.with_metadata(HashMap::from([plain]));
        }
        arrays.push(array(rng, &data_type, rows));
        fields.push(field);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
        .expect("columns fit the schema")
}

/// Four record batches like those of a real logs batch.
pub fn logs(rows: usize) -> Vec<(u16, RecordBatch)> {
    let id = |name: &str, values: Vec<u16>| {
        let plain = ("encoding".to_owned(), "plain".to_owned());
        let field = Field::new(name, DataType::UInt16, false).with_metadata(HashMap::from([plain]));
        (field, Arc::new(UInt16Array::from(values)) as ArrayRef)
    };
    let mut severity = StringDictionaryBuilder::<UInt8Type>::new();
    let mut body = StringBuilder::new();
    for i in 0..rows {
        severity.append_value(["INFO", "WARN", "ERROR"][i % 3]);
        body.append_value(format!(
            "GET /api/v1/users/{i}/orders?limit=50 200 OK in 12ms"
        ));
    }
    let column =
        |name: &str, array: ArrayRef| (Field::new(name, array.data_type().clone(), true), array);
    let time =
        TimestampNanosecondArray::from_iter_values((0..rows).map(|i| 1_700_000_000 + i as i64));
    let resource = StructArray::from(vec![{
        let (field, array) = id("id", (0..rows).map(|i| (i / 500) as u16).collect());
        (Arc::new(field), array)
    }]);
    let body: ArrayRef = Arc::new(body.finish());
    let types: ArrayRef = Arc::new(UInt8Array::from(vec![1; rows]));
    let body = StructArray::from(vec![
        (Arc::new(Field::new("type", DataType::UInt8, true)), types),
        (Arc::new(Field::new("str", DataType::Utf8, true)), body),
    ]);
    let root = make(vec![
        id("id", (0..rows).map(|i| i as u16).collect()),
        column("resource", Arc::new(resource)),
        column("time_unix_nano", Arc::new(time.with_timezone("UTC"))),
        column("severity_text", Arc::new(severity.finish())),
        column("body", Arc::new(body)),
    ]);
    let keys = [
        "http.method",
        "http.status_code",
        "k8s.pod.name",
        "net.peer.ip",
        "user.id",
    ];
    let attributes = |rows: usize, per: usize| {
        let mut key = StringDictionaryBuilder::<UInt8Type>::new();
        let mut text = StringDictionaryBuilder::<UInt16Type>::new();
        for i in 0..rows {
            key.append_value(keys[i % 5]);
            match i % 5 {
                1 => text.append_null(),
                _ => text.append_value(format!("value-{}-{}", i % 5, i % 200)),
            }
        }
        let int = Int64Array::from_iter((0..rows).map(|i| (i % 5 == 1).then_some(200 + i as i64)));
        let types = UInt8Array::from_iter_values((0..rows).map(|i| if i % 5 == 1 { 2 } else { 1 }));
        make(vec![
            id("parent_id", (0..rows).map(|i| (i / per) as u16).collect()),
            column("key", Arc::new(key.finish())),
            column("type", Arc::new(types)),
            column("str", Arc::new(text.finish())),
            column("int", Arc::new(int)),
        ])
    };
    vec![
        (30, root),
        (31, attributes(rows * 5, 5)),
        (1, attributes(10, 5)),
        (2, attributes(4, 2)),
    ]
}

fn make(columns: Vec<(Field, ArrayRef)>) -> RecordBatch {
    let (fields, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("columns fit the schema")
}

/// Writes batches and publishes what is due; the slot and the reader's schemas.
pub fn written(
    writer: &mut Writer,
    schemas: &mut ReceivedSchemas,
    encoding: Encoding,
    batches: &[(u16, RecordBatch)],
) -> Slot {
    let rows = batches.iter().map(|(_, b)| b.num_rows() as u32).sum();
    let header = Header::new(Signal::Logs, encoding, rows);
    let plan = writer
        .plan(header, Variable::new(), batches)
        .expect("can be written");
    let due: Vec<u32> = writer.schemas().unpublished().map(|s| s.id()).collect();
    for schema in writer.schemas().unpublished() {
        schemas.publish(schema.preamble()).expect("a good preamble");
    }
    for id in due {
        writer.schemas_mut().mark_published(id);
    }
    let mut slot = vec![0xA5; plan.len()];
    assert_eq!(plan.write(&mut slot), Ok(plan.len()));
    Slot::copy_of(&slot)
}

/// Reads a slot of anybody's.
pub fn read(slot: &Slot, schemas: &ReceivedSchemas) -> Result<Vec<(u16, RecordBatch)>, Error> {
    Batch::new(slot.clone())?.records(schemas)
}

/// Reads a slot as one of a trusted link.
#[allow(unsafe_code, dead_code)]
pub fn read_trusted(
    slot: &Slot,
    schemas: &ReceivedSchemas,
) -> Result<Vec<(u16, RecordBatch)>, Error> {
    // SAFETY: the tests write UTF-8, or use nothing of what they read but its layout.
    let batch = unsafe { Batch::trusted(slot.clone()) };
    batch?.records(schemas)
}
