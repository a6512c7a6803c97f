//! Random types from a seed.

use super::Rng;
use arrow_schema::{DataType, Field, Fields, TimeUnit, UnionFields, UnionMode};
use std::sync::Arc;

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
