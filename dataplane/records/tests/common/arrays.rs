//! Random arrays and record batches from a seed.

use super::Rng;
use super::types::{any_type, otap_type};
use arrow_array::types::*;
use arrow_array::*;
use arrow_buffer::{BooleanBuffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field, FieldRef, Fields, Schema, TimeUnit, UnionFields, UnionMode};
use std::collections::HashMap;
use std::sync::Arc;

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

fn nested(rng: &mut Rng, data_type: &DataType, len: usize) -> ArrayRef {
    use DataType as D;
    match data_type {
        D::Struct(fields) => Arc::new(structure(rng, fields, len)),
        D::List(_) | D::LargeList(_) | D::FixedSizeList(..) | D::ListView(_) => {
            list(rng, data_type, len)
        }
        D::Map(entries, sorted) => map(rng, entries, *sorted, len),
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

fn list(rng: &mut Rng, data_type: &DataType, len: usize) -> ArrayRef {
    use DataType as D;
    match data_type {
        D::List(item) => {
            let (offsets, child) = items(rng, item, len);
            let offsets = OffsetBuffer::from_lengths(offsets);
            let nulls = nulls(rng, len);
            Arc::new(ListArray::new(item.clone(), offsets, child, nulls))
        }
        D::LargeList(item) => {
            let (offsets, child) = items(rng, item, len);
            let offsets = OffsetBuffer::from_lengths(offsets);
            let nulls = nulls(rng, len);
            Arc::new(LargeListArray::new(item.clone(), offsets, child, nulls))
        }
        D::FixedSizeList(item, size) => {
            let child = array(rng, item.data_type(), len * *size as usize);
            let nulls = nulls(rng, len);
            let (item, size) = (item.clone(), *size);
            let list = FixedSizeListArray::try_new_with_length(item, size, child, nulls, len);
            Arc::new(list.expect("lengths fit"))
        }
        D::ListView(item) => {
            let child = array(rng, item.data_type(), 10);
            let (offsets, sizes): (Vec<i32>, Vec<i32>) = (0..len)
                .map(|_| (rng.below(6) as i32, rng.below(5) as i32))
                .unzip();
            let (offsets, sizes) = (offsets.into(), sizes.into());
            let nulls = nulls(rng, len);
            Arc::new(ListViewArray::new(
                item.clone(),
                offsets,
                sizes,
                child,
                nulls,
            ))
        }
        other => panic!("no lists of {other}"),
    }
}

/// How many items each list has, and all of them.
fn items(rng: &mut Rng, item: &Field, len: usize) -> (Vec<usize>, ArrayRef) {
    let sizes: Vec<usize> = (0..len).map(|_| rng.below(4)).collect();
    let child = array(rng, item.data_type(), sizes.iter().sum());
    (sizes, child)
}

fn map(rng: &mut Rng, entries: &FieldRef, sorted: bool, len: usize) -> ArrayRef {
    let DataType::Struct(fields) = entries.data_type() else {
        panic!("a map has entries")
    };
    let (sizes, values) = items(rng, &fields[1], len);
    let keys = StringArray::from_iter_values((0..values.len()).map(|_| rng.text()));
    let child = StructArray::new(fields.clone(), vec![Arc::new(keys), values], None);
    let offsets = OffsetBuffer::from_lengths(sizes);
    let nulls = nulls(rng, len);
    Arc::new(MapArray::new(
        entries.clone(),
        offsets,
        child,
        nulls,
        sorted,
    ))
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
