//! Arrow arrays out of a record's body, in place, with the checks of S-14 and S-21.
//!
//! The decoder walks the schema's types and takes the nodes and buffers that the metadata lists, in
//! the order that Arrow prescribes. Every length, offset, null count and dictionary key is checked
//! before an array is built, so the library's constructors have nothing left to panic about.
//! Buffers point into the slot.

mod nested;
mod text;

use crate::errors::Problem;
use crate::limits::SlotBudget;
use crate::message::{BUFFER_LEN, BatchMessage, NODE_LEN};
use crate::unchecked;
use arrow_array::types::*;
use arrow_array::*;
use arrow_buffer::{
    ArrowNativeType, BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer,
};
use arrow_schema::{ArrowError, DataType, IntervalUnit, TimeUnit};
use std::sync::Arc;
use strait_ringbuf::Trust;

/// Longest array: what a record table's `rows` can say.
const MAX_LEN: i64 = u32::MAX as i64;

/// Length and number of nulls of the next array.
#[derive(Clone, Copy)]
struct Node {
    len: usize,
    nulls: usize,
}

/// Walks one record or dictionary batch.
pub(crate) struct Decoder<'a> {
    body: Buffer,
    message: BatchMessage<'a>,
    dictionaries: std::slice::Iter<'a, Option<ArrayRef>>,
    dictionary_id: u64,
    buffers_taken: u64,
    trust: Trust,
    budget: &'a mut SlotBudget,
}

impl<'a> Decoder<'a> {
    /// `body` is 64-aligned. Arrays and bytes are counted against `budget`, which all records of a
    /// slot share.
    pub(crate) fn new(
        body: Buffer,
        message: BatchMessage<'a>,
        dictionaries: &'a [Option<ArrayRef>],
        trust: Trust,
        budget: &'a mut SlotBudget,
    ) -> Self {
        let dictionaries = dictionaries.iter();
        Self {
            body,
            message,
            dictionaries,
            dictionary_id: 0,
            buffers_taken: 0,
            trust,
            budget,
        }
    }

    /// The next array, which has to have `rows` values.
    pub(crate) fn column(&mut self, data_type: &DataType, rows: u32) -> Result<ArrayRef, Problem> {
        let array = self.array(data_type)?;
        same_length(array.len(), rows as usize)?;
        Ok(array)
    }

    /// Checks that the metadata lists nothing more than was taken.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        for (what, left, size) in [
            ("nodes", self.message.nodes.len(), NODE_LEN),
            ("buffers", self.message.buffers.len(), BUFFER_LEN),
        ] {
            if left != 0 {
                let left = (left / size) as u64;
                return Err(Problem::Count {
                    what,
                    found: left,
                    needed: 0,
                });
            }
        }
        Ok(())
    }

    fn array(&mut self, data_type: &DataType) -> Result<ArrayRef, Problem> {
        use DataType as D;
        Ok(match data_type {
            D::UInt8 => self.primitive::<UInt8Type>(None)?,
            D::UInt16 => self.primitive::<UInt16Type>(None)?,
            D::UInt32 => self.primitive::<UInt32Type>(None)?,
            D::UInt64 => self.primitive::<UInt64Type>(None)?,
            D::Int8 => self.primitive::<Int8Type>(None)?,
            D::Int16 => self.primitive::<Int16Type>(None)?,
            D::Int32 => self.primitive::<Int32Type>(None)?,
            D::Int64 => self.primitive::<Int64Type>(None)?,
            D::Float16 => self.primitive::<Float16Type>(None)?,
            D::Float32 => self.primitive::<Float32Type>(None)?,
            D::Float64 => self.primitive::<Float64Type>(None)?,
            D::Boolean => self.boolean()?,
            D::Utf8 => self.bytes::<Utf8Type>()?,
            D::Binary => self.bytes::<BinaryType>()?,
            D::LargeUtf8 => self.bytes::<LargeUtf8Type>()?,
            D::LargeBinary => self.bytes::<LargeBinaryType>()?,
            D::FixedSizeBinary(width) => self.fixed_size_binary(*width)?,
            D::Struct(fields) => Arc::new(self.structure(fields)?),
            D::Dictionary(key, _) => self.dictionary_of(key)?,
            D::List(field) => self.list::<i32>(field)?,
            D::LargeList(field) => self.list::<i64>(field)?,
            _ => self.rare(data_type)?,
        })
    }

    /// Types that telemetry records do not have.
    fn rare(&mut self, data_type: &DataType) -> Result<ArrayRef, Problem> {
        use DataType as D;
        Ok(match data_type {
            D::Null => Arc::new(NullArray::new(self.node()?.len)),
            D::Utf8View => self.view(true)?,
            D::BinaryView => self.view(false)?,
            D::FixedSizeList(field, size) => self.fixed_size_list(field, *size)?,
            D::Map(field, sorted) => self.map(field, *sorted)?,
            D::ListView(field) => self.list_view::<i32>(field)?,
            D::LargeListView(field) => self.list_view::<i64>(field)?,
            D::Union(fields, mode) => self.union(fields, *mode)?,
            D::RunEndEncoded(ends, values) => self.run_end_encoded(data_type, ends, values)?,
            D::Decimal32(..) => self.primitive::<Decimal32Type>(Some(data_type))?,
            D::Decimal64(..) => self.primitive::<Decimal64Type>(Some(data_type))?,
            D::Decimal128(..) => self.primitive::<Decimal128Type>(Some(data_type))?,
            D::Decimal256(..) => self.primitive::<Decimal256Type>(Some(data_type))?,
            _ => self.temporal(data_type)?,
        })
    }

    fn temporal(&mut self, data_type: &DataType) -> Result<ArrayRef, Problem> {
        use DataType as D;
        use TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};
        let parametric = Some(data_type);
        match data_type {
            D::Timestamp(Second, _) => self.primitive::<TimestampSecondType>(parametric),
            D::Timestamp(Millisecond, _) => self.primitive::<TimestampMillisecondType>(parametric),
            D::Timestamp(Microsecond, _) => self.primitive::<TimestampMicrosecondType>(parametric),
            D::Timestamp(Nanosecond, _) => self.primitive::<TimestampNanosecondType>(parametric),
            D::Duration(Second) => self.primitive::<DurationSecondType>(None),
            D::Duration(Millisecond) => self.primitive::<DurationMillisecondType>(None),
            D::Duration(Microsecond) => self.primitive::<DurationMicrosecondType>(None),
            D::Duration(Nanosecond) => self.primitive::<DurationNanosecondType>(None),
            D::Date32 => self.primitive::<Date32Type>(None),
            D::Date64 => self.primitive::<Date64Type>(None),
            D::Time32(Second) => self.primitive::<Time32SecondType>(None),
            D::Time32(Millisecond) => self.primitive::<Time32MillisecondType>(None),
            D::Time64(Microsecond) => self.primitive::<Time64MicrosecondType>(None),
            D::Time64(Nanosecond) => self.primitive::<Time64NanosecondType>(None),
            D::Interval(IntervalUnit::YearMonth) => self.primitive::<IntervalYearMonthType>(None),
            D::Interval(IntervalUnit::DayTime) => self.primitive::<IntervalDayTimeType>(None),
            D::Interval(IntervalUnit::MonthDayNano) => {
                self.primitive::<IntervalMonthDayNanoType>(None)
            }
            other => Err(Problem::Arrow(format!("type {other} is not supported"))),
        }
    }

    fn node(&mut self) -> Result<Node, Problem> {
        let (node, rest) =
            self.message
                .nodes
                .split_first_chunk::<NODE_LEN>()
                .ok_or(Problem::Count {
                    what: "nodes",
                    found: 0,
                    needed: 1,
                })?;
        self.message.nodes = rest;
        self.budget.node()?;
        let (len, nulls) = pair(node);
        if !(0..=MAX_LEN).contains(&len) || !(0..=len).contains(&nulls) {
            return Err(Problem::Node { len, nulls });
        }
        Ok(Node {
            len: len as usize,
            nulls: nulls as usize,
        })
    }

    fn buffer(&mut self) -> Result<Buffer, Problem> {
        let index = self.buffers_taken;
        let (entry, rest) = self
            .message
            .buffers
            .split_first_chunk::<BUFFER_LEN>()
            .ok_or(Problem::Count {
                what: "buffers",
                found: index,
                needed: index + 1,
            })?;
        self.message.buffers = rest;
        self.buffers_taken += 1;
        let (offset, len) = pair(entry);
        if len == 0 {
            return Ok(self.body.slice_with_length(0, 0));
        }
        let body = self.body.len() as u64;
        let wrong = Problem::Buffer {
            index,
            offset,
            len,
            body,
        };
        let (Ok(from), Ok(size)) = (usize::try_from(offset), usize::try_from(len)) else {
            return Err(wrong);
        };
        let fits = from
            .checked_add(size)
            .is_some_and(|end| end <= self.body.len());
        if !fits || !from.is_multiple_of(crate::slot::ALIGN) {
            return Err(wrong);
        }
        self.budget.bytes(size)?;
        Ok(self.body.slice_with_length(from, size))
    }

    /// A buffer that has to hold `len` values of `size` bytes, cut to exactly those.
    fn values(&mut self, len: usize, size: usize) -> Result<Buffer, Problem> {
        let buffer = self.buffer()?;
        let needed = len
            .checked_mul(size)
            .filter(|needed| *needed <= buffer.len());
        match needed {
            Some(needed) => Ok(buffer.slice_with_length(0, needed)),
            None => Err(short(len, len.saturating_mul(size), buffer.len())),
        }
    }

    fn scalars<T: ArrowNativeType>(&mut self, len: usize) -> Result<ScalarBuffer<T>, Problem> {
        Ok(ScalarBuffer::new(self.values(len, size_of::<T>())?, 0, len))
    }

    fn bits(&mut self, len: usize) -> Result<BooleanBuffer, Problem> {
        let buffer = self.buffer()?;
        let needed = len.div_ceil(8);
        if needed > buffer.len() {
            return Err(short(len, needed, buffer.len()));
        }
        Ok(BooleanBuffer::new(buffer, 0, len))
    }

    fn nulls(&mut self, node: Node) -> Result<Option<NullBuffer>, Problem> {
        if node.nulls == 0 {
            let _ = self.buffer()?;
            return Ok(None);
        }
        let nulls = NullBuffer::new(self.bits(node.len)?);
        if nulls.null_count() != node.nulls {
            let (stated, counted) = (node.nulls as u64, nulls.null_count() as u64);
            return Err(Problem::NullCount { stated, counted });
        }
        Ok(Some(nulls))
    }

    /// `parametric`: the type, for those whose Rust type does not say all of it.
    fn primitive<T: ArrowPrimitiveType>(
        &mut self,
        parametric: Option<&DataType>,
    ) -> Result<ArrayRef, Problem> {
        let node = self.node()?;
        let nulls = self.nulls(node)?;
        let array = PrimitiveArray::<T>::new(self.scalars(node.len)?, nulls);
        Ok(Arc::new(match parametric {
            Some(data_type) => array.with_data_type(data_type.clone()),
            None => array,
        }))
    }

    fn boolean(&mut self) -> Result<ArrayRef, Problem> {
        let node = self.node()?;
        let nulls = self.nulls(node)?;
        Ok(Arc::new(BooleanArray::new(self.bits(node.len)?, nulls)))
    }

    fn fixed_size_binary(&mut self, width: i32) -> Result<ArrayRef, Problem> {
        let node = self.node()?;
        let nulls = self.nulls(node)?;
        let size = usize::try_from(width).map_err(|e| Problem::Arrow(e.to_string()))?;
        let values = self.values(node.len, size)?;
        built(FixedSizeBinaryArray::try_new_with_len(
            width, values, nulls, node.len,
        ))
    }

    /// Offsets of `len` values; the last one has to be at most what [`check_end`] is given.
    fn offsets<O: OffsetSizeTrait>(&mut self, len: usize) -> Result<OffsetBuffer<O>, Problem> {
        if len == 0 {
            // Arrow lets an empty array leave its offsets out.
            let _ = self.buffer()?;
            return Ok(OffsetBuffer::new_empty());
        }
        let offsets = self.scalars::<O>(len + 1)?;
        let (first, last) = (offsets[0], offsets[len]);
        let pairs = offsets.iter().zip(&offsets[1..]);
        let decreasing = pairs.fold(false, |bad, (a, b)| bad | (b < a));
        if decreasing || first < O::zero() {
            let (first, last) = (first.as_usize() as i64, last.as_usize() as i64);
            return Err(Problem::Offsets {
                first,
                last,
                limit: self.body.len() as u64,
            });
        }
        Ok(unchecked::offsets(offsets))
    }

    fn dictionary_of(&mut self, key: &DataType) -> Result<ArrayRef, Problem> {
        match key {
            DataType::UInt8 => self.dictionary::<UInt8Type>(),
            DataType::UInt16 => self.dictionary::<UInt16Type>(),
            DataType::UInt32 => self.dictionary::<UInt32Type>(),
            DataType::UInt64 => self.dictionary::<UInt64Type>(),
            DataType::Int8 => self.dictionary::<Int8Type>(),
            DataType::Int16 => self.dictionary::<Int16Type>(),
            DataType::Int32 => self.dictionary::<Int32Type>(),
            DataType::Int64 => self.dictionary::<Int64Type>(),
            other => Err(Problem::Arrow(format!("dictionary keys of type {other}"))),
        }
    }

    fn dictionary<K: ArrowDictionaryKeyType>(&mut self) -> Result<ArrayRef, Problem> {
        let node = self.node()?;
        let nulls = self.nulls(node)?;
        let keys = self.scalars::<K::Native>(node.len)?;
        let id = self.dictionary_id;
        self.dictionary_id += 1;
        let values = self.dictionaries.next().and_then(Option::as_ref);
        let values = values.ok_or(Problem::NoDictionary(id))?;
        check_keys(&keys, nulls.as_ref(), values.len())?;
        let keys = PrimitiveArray::<K>::new(keys, nulls);
        Ok(Arc::new(unchecked::dictionary(keys, values.clone())))
    }
}

fn pair(bytes: &[u8; 16]) -> (i64, i64) {
    let [a0, a1, a2, a3, a4, a5, a6, a7, b @ ..] = *bytes;
    (
        i64::from_le_bytes([a0, a1, a2, a3, a4, a5, a6, a7]),
        i64::from_le_bytes(b),
    )
}

fn short(len: usize, needed: usize, found: usize) -> Problem {
    Problem::Short {
        len: len as u64,
        needed: needed as u64,
        found: found as u64,
    }
}

fn refused(error: ArrowError) -> Problem {
    Problem::Arrow(error.to_string())
}

fn built<A: Array + 'static>(array: Result<A, ArrowError>) -> Result<ArrayRef, Problem> {
    array
        .map(|array| Arc::new(array) as ArrayRef)
        .map_err(refused)
}

fn same_length(found: usize, expected: usize) -> Result<(), Problem> {
    if found == expected {
        return Ok(());
    }
    Err(Problem::Length {
        found: found as u64,
        expected: expected as u64,
    })
}

/// Checks that the last offset lies within `limit` values.
fn check_end<O: OffsetSizeTrait>(offsets: &OffsetBuffer<O>, limit: usize) -> Result<(), Problem> {
    let (first, last) = (offsets[0].as_usize(), offsets[offsets.len() - 1].as_usize());
    if last <= limit {
        return Ok(());
    }
    Err(Problem::Offsets {
        first: first as i64,
        last: last as i64,
        limit: limit as u64,
    })
}

/// Checks that each key that is not null is below `len`.
fn check_keys<N: ArrowNativeType + PartialOrd>(
    keys: &[N],
    nulls: Option<&NullBuffer>,
    len: usize,
) -> Result<(), Problem> {
    // Two folds over the native type: both become vector instructions.
    let zero = N::default();
    let max = keys
        .iter()
        .fold(zero, |max, key| if *key > max { *key } else { max });
    let min = keys
        .iter()
        .fold(zero, |min, key| if *key < min { *key } else { min });
    if min == zero && max.as_usize() < len {
        return Ok(());
    }
    for (row, key) in keys.iter().enumerate() {
        let below = *key >= zero && key.as_usize() < len;
        if !below && nulls.is_none_or(|nulls| nulls.is_valid(row)) {
            let (row, key) = (row as u64, key.to_i64().unwrap_or(i64::MAX));
            return Err(Problem::Key {
                row,
                key,
                len: len as u64,
            });
        }
    }
    Ok(())
}
