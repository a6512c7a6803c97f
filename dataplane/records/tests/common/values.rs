//! Arrow's values as the descriptions of vectors show them.

use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use serde_json::{Map, Value as Json, json};

/// A record batch with its payload type.
pub fn batch_json((payload, batch): &(u16, RecordBatch)) -> Json {
    let mut columns = Map::new();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let values = (0..batch.num_rows()).map(|row| value(column, row));
        columns.insert(field.name().clone(), values.collect());
    }
    json!({"payload": payload, "rows": batch.num_rows(), "columns": columns})
}

fn value(array: &dyn Array, row: usize) -> Json {
    use DataType as D;
    macro_rules! number {
        ($of:ty) => {
            array.as_primitive::<$of>().value(row).to_string().into()
        };
    }
    if array.is_null(row) {
        return Json::Null;
    }
    match array.data_type() {
        D::Boolean => array.as_boolean().value(row).to_string().into(),
        D::Utf8 => array.as_string::<i32>().value(row).into(),
        D::Binary => hex(array.as_binary::<i32>().value(row)).into(),
        D::FixedSizeBinary(_) => hex(array.as_fixed_size_binary().value(row)).into(),
        D::Float64 => {
            let double = array.as_primitive::<Float64Type>().value(row);
            format!("{:016x}", double.to_bits()).into()
        }
        D::UInt8 => number!(UInt8Type),
        D::UInt16 => number!(UInt16Type),
        D::UInt32 => number!(UInt32Type),
        D::UInt64 => number!(UInt64Type),
        D::Int32 => number!(Int32Type),
        D::Int64 => number!(Int64Type),
        D::Timestamp(TimeUnit::Nanosecond, _) => number!(TimestampNanosecondType),
        D::Duration(TimeUnit::Nanosecond) => number!(DurationNanosecondType),
        D::Dictionary(_, _) => {
            let dictionary = array.as_any_dictionary();
            value(dictionary.values(), dictionary.normalized_keys()[row])
        }
        D::Struct(fields) => {
            let columns = fields.iter().zip(array.as_struct().columns());
            let pairs = columns.map(|(f, c)| (f.name().clone(), value(c, row)));
            Json::Object(pairs.collect())
        }
        D::List(_) => {
            let list = array.as_list::<i32>().value(row);
            (0..list.len()).map(|i| value(&list, i)).collect()
        }
        other => panic!("telemetry has no {other}"),
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn unhex(text: &str) -> Vec<u8> {
    let digits = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex digits");
    (0..text.len()).step_by(2).map(digits).collect()
}
