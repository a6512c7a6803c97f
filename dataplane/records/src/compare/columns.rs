//! Columns read by row, whatever their encoding.

use super::NotExpressible;
use crate::difference::Value;
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_schema::DataType;

/// Row to index of the value.
#[derive(Debug, Clone, Copy)]
enum Index<'a> {
    Row,
    U8(&'a [u8]),
    U16(&'a [u16]),
}

/// A column with values of `V`, plain or behind a dictionary.
#[derive(Debug, Clone, Copy)]
struct Indexed<'a, V> {
    index: Index<'a>,
    nulls: Option<&'a NullBuffer>,
    value_nulls: Option<&'a NullBuffer>,
    values: V,
}

impl<'a, V: Copy> Indexed<'a, V> {
    fn new(
        name: &str,
        array: &'a ArrayRef,
        values: impl Fn(&'a dyn Array) -> Option<V>,
    ) -> Result<Self, NotExpressible> {
        let (index, behind): (_, &'a dyn Array) = match array.data_type() {
            DataType::Dictionary(key, _) => {
                let dictionary = array.as_any_dictionary();
                let index = match **key {
                    DataType::UInt8 => {
                        Index::U8(dictionary.keys().as_primitive::<UInt8Type>().values())
                    }
                    DataType::UInt16 => {
                        Index::U16(dictionary.keys().as_primitive::<UInt16Type>().values())
                    }
                    _ => return Err(wrong_type(name, array)),
                };
                (index, dictionary.values().as_ref())
            }
            _ => (Index::Row, array.as_ref()),
        };
        let values = values(behind).ok_or_else(|| wrong_type(name, array))?;
        let value_nulls = match index {
            Index::Row => None,
            _ => behind.nulls(),
        };
        Ok(Self {
            index,
            nulls: array.nulls(),
            value_nulls,
            values,
        })
    }

    /// Index of a row's value; `None` if it is null.
    fn at(&self, row: usize) -> Option<usize> {
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) {
            return None;
        }
        let index = match self.index {
            Index::Row => row,
            Index::U8(keys) => keys[row].into(),
            Index::U16(keys) => keys[row].into(),
        };
        self.value_nulls
            .is_none_or(|nulls| nulls.is_valid(index))
            .then_some(index)
    }
}

fn wrong_type(name: &str, array: &ArrayRef) -> NotExpressible {
    NotExpressible::new(format!("column `{name}` has type {}", array.data_type()))
}

/// Offsets and bytes of strings or binary values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Texts<'a> {
    offsets: &'a [i32],
    bytes: &'a [u8],
}

impl<'a> Texts<'a> {
    fn value(&self, index: usize) -> &'a [u8] {
        &self.bytes[self.offsets[index] as usize..self.offsets[index + 1] as usize]
    }
}

fn text_values(array: &dyn Array) -> Option<&arrow_array::StringArray> {
    array.as_string_opt()
}

fn blob_values(array: &dyn Array) -> Option<Texts<'_>> {
    let array = array.as_binary_opt::<i32>()?;
    Some(Texts {
        offsets: array.value_offsets(),
        bytes: array.value_data(),
    })
}

/// A column of text; null and absent read as empty.
#[derive(Debug, Clone, Copy)]
pub(super) struct TextColumn<'a>(Option<Indexed<'a, &'a arrow_array::StringArray>>);

impl<'a> TextColumn<'a> {
    pub(super) fn new(name: &str, array: Option<&'a ArrayRef>) -> Result<Self, NotExpressible> {
        array
            .map(|array| Indexed::new(name, array, text_values))
            .transpose()
            .map(Self)
    }

    pub(super) fn get(&self, row: usize) -> &'a str {
        self.value(self.index(row))
    }

    /// The text at an index that [`index`](Self::index) gave.
    fn value(&self, index: Option<usize>) -> &'a str {
        match (&self.0, index) {
            (Some(column), Some(index)) => column.values.value(index),
            _ => "",
        }
    }

    /// The dictionary's values, if it has one.
    pub(super) fn dictionary(&self) -> Option<&'a arrow_array::StringArray> {
        let column = self.0.as_ref()?;
        (!matches!(column.index, Index::Row)).then_some(column.values)
    }

    /// Index of a row's value in the dictionary, or its row; `None` if null.
    pub(super) fn index(&self, row: usize) -> Option<usize> {
        self.0.as_ref()?.at(row)
    }
}

/// A column of integers; null and absent read as 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct IntColumn<'a>(Option<Indexed<'a, Ints<'a>>>);

#[derive(Debug, Clone, Copy)]
enum Ints<'a> {
    I32(&'a [i32]),
    I64(&'a [i64]),
}

impl<'a> IntColumn<'a> {
    pub(super) fn new(name: &str, array: Option<&'a ArrayRef>) -> Result<Self, NotExpressible> {
        let values = |array: &'a dyn Array| {
            let wide = || {
                array
                    .as_primitive_opt::<Int64Type>()
                    .map(|a| Ints::I64(a.values()))
            };
            let narrow = array
                .as_primitive_opt::<Int32Type>()
                .map(|a| Ints::I32(a.values()));
            narrow.or_else(wide)
        };
        array
            .map(|array| Indexed::new(name, array, values))
            .transpose()
            .map(Self)
    }

    pub(super) fn get(&self, row: usize) -> i64 {
        let Some(column) = &self.0 else { return 0 };
        column.at(row).map_or(0, |index| match column.values {
            Ints::I32(values) => values[index].into(),
            Ints::I64(values) => values[index],
        })
    }
}

/// The columns of a value of any type: those of an attribute, or of a body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Values<'a> {
    types: &'a [u8],
    nulls: Option<&'a NullBuffer>,
    text: TextColumn<'a>,
    int: IntColumn<'a>,
    double: Option<Indexed<'a, &'a [f64]>>,
    bool: Option<Indexed<'a, &'a BooleanBuffer>>,
    bytes: Option<Indexed<'a, Texts<'a>>>,
    ser: Option<Indexed<'a, Texts<'a>>>,
}

impl<'a> Values<'a> {
    /// `column` finds a column by its name; `nulls` are rows without a value.
    pub(super) fn new(
        column: impl Fn(&str) -> Option<&'a ArrayRef>,
        nulls: Option<&'a NullBuffer>,
    ) -> Result<Self, NotExpressible> {
        let types = column("type").ok_or_else(|| NotExpressible::new("no column `type`"))?;
        let types = types
            .as_primitive_opt::<UInt8Type>()
            .ok_or_else(|| wrong_type("type", types))?;
        let doubles =
            |a: &'a dyn Array| a.as_primitive_opt::<Float64Type>().map(|a| &a.values()[..]);
        let bools = |a: &'a dyn Array| a.as_boolean_opt().map(|a| a.values());
        let of = |name, array| Indexed::new(name, array, blob_values);
        Ok(Self {
            types: types.values(),
            nulls,
            text: TextColumn::new("str", column("str"))?,
            int: IntColumn::new("int", column("int"))?,
            double: column("double")
                .map(|a| Indexed::new("double", a, doubles))
                .transpose()?,
            bool: column("bool")
                .map(|a| Indexed::new("bool", a, bools))
                .transpose()?,
            bytes: column("bytes").map(|a| of("bytes", a)).transpose()?,
            ser: column("ser").map(|a| of("ser", a)).transpose()?,
        })
    }

    /// A row's value; a value column that is null or absent reads as zero or empty, as OTAP has it.
    pub(super) fn get(&self, row: usize) -> Result<Value<'a>, NotExpressible> {
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) {
            return Ok(Value::Empty);
        }
        Ok(match self.types[row] {
            0 => Value::Empty,
            1 => Value::Str(self.text.get(row)),
            2 => Value::Int(self.int.get(row)),
            3 => {
                let column = self.double.as_ref();
                Value::Double(
                    column
                        .and_then(|c| Some(c.values[c.at(row)?]))
                        .unwrap_or(0.0),
                )
            }
            4 => {
                let column = self.bool.as_ref();
                Value::Bool(
                    column
                        .and_then(|c| Some(c.values.value(c.at(row)?)))
                        .unwrap_or(false),
                )
            }
            5 => Value::Map(blob(self.ser.as_ref(), row)),
            6 => Value::Slice(blob(self.ser.as_ref(), row)),
            7 => Value::Bytes(blob(self.bytes.as_ref(), row)),
            other => return Err(NotExpressible::new(format!("a value has type {other}"))),
        })
    }
}

/// The values of two tables, to be compared row by row.
#[derive(Debug, Clone, Copy)]
pub(super) struct ValuePair<'a> {
    before: Option<Values<'a>>,
    after: Option<Values<'a>>,
    /// Both text columns have the same dictionary: equal keys are equal values.
    text_shared: bool,
}

impl<'a> ValuePair<'a> {
    pub(super) fn new(before: Option<Values<'a>>, after: Option<Values<'a>>) -> Self {
        let dictionary = |values: &Option<Values<'a>>| values.as_ref()?.text.dictionary();
        let text_shared = match (dictionary(&before), dictionary(&after)) {
            (Some(before), Some(after)) => {
                before.len() == after.len()
                    && before.offsets().as_ptr() == after.offsets().as_ptr()
                    && before.value_data().as_ptr() == after.value_data().as_ptr()
            }
            _ => false,
        };
        Self {
            before,
            after,
            text_shared,
        }
    }

    /// Whether two rows have the same value.
    pub(super) fn equal(&self, before: usize, after: usize) -> Result<bool, NotExpressible> {
        let (Some(old), Some(new)) = (&self.before, &self.after) else {
            return Ok(false);
        };
        match (old.types[before], new.types[after]) {
            (1, 1) => {
                let (a, b) = (old.text.index(before), new.text.index(after));
                Ok((self.text_shared && a == b) || old.text.value(a) == new.text.value(b))
            }
            (2, 2) => Ok(old.int.get(before) == new.int.get(after)),
            _ => Ok(old.get(before)? == new.get(after)?),
        }
    }
}

fn blob<'a>(column: Option<&Indexed<'a, Texts<'a>>>, row: usize) -> &'a [u8] {
    column
        .and_then(|column| Some(column.values.value(column.at(row)?)))
        .unwrap_or_default()
}

/// A column of ordinals: u16, without nulls, with plain encoding.
pub(super) fn ordinals<'a>(
    name: &str,
    field: &arrow_schema::Field,
    array: &'a ArrayRef,
) -> Result<&'a [u16], NotExpressible> {
    let ids = array
        .as_primitive_opt::<UInt16Type>()
        .filter(|ids| ids.null_count() == 0);
    let plain = field
        .metadata()
        .get("encoding")
        .is_some_and(|encoding| encoding == "plain");
    match ids {
        Some(ids) if plain => Ok(ids.values()),
        Some(_) => Err(NotExpressible::new(format!(
            "column `{name}` does not say encoding=plain"
        ))),
        None => Err(wrong_type(name, array)),
    }
}

/// Whether two columns are the same memory, or absent both.
pub(super) fn same(before: Option<&ArrayRef>, after: Option<&ArrayRef>) -> bool {
    match (before, after) {
        (None, None) => true,
        (Some(before), Some(after)) => {
            std::sync::Arc::ptr_eq(before, after) || before.to_data().ptr_eq(&after.to_data())
        }
        _ => false,
    }
}

/// The field and the column of this name.
pub(super) fn column<'a>(
    batch: &'a RecordBatch,
    name: &str,
) -> Option<(&'a arrow_schema::Field, &'a ArrayRef)> {
    let (at, field) = batch.schema_ref().fields().find(name)?;
    Some((field, batch.column(at)))
}
