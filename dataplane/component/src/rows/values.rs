//! Values of any type that edits write: collected, compared with those that are there, and put
//! into the columns `type`, `str`, `int`, `double`, `bool`, `bytes` and `ser`.
//!
//! A value that is replaced by one of another type leaves its own column null: what an edit
//! removed is not left behind for who reads the column alone.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Float64Array, Int64Array, StringArray, UInt8Array,
};
use arrow_schema::ArrowError;

use crate::any::cbor;
use crate::gather::{ColumnSet, Source};
use crate::value::code;
use crate::{Any, Value};

/// The columns that hold values, and the types whose values they hold.
const COLUMNS: [(&str, &[u8]); 6] = [
    ("str", &[code::STR]),
    ("int", &[code::INT]),
    ("double", &[code::DOUBLE]),
    ("bool", &[code::BOOL]),
    ("bytes", &[code::BYTES]),
    ("ser", &[code::MAP, code::SLICE]),
];

/// Values by number, in the order in which they were added.
#[derive(Default)]
pub(crate) struct NewValues {
    /// Each value's type, and its place among those of its column.
    values: Vec<(u8, usize)>,
    texts: Vec<String>,
    ints: Vec<i64>,
    doubles: Vec<f64>,
    flags: Vec<bool>,
    blobs: Vec<Vec<u8>>,
    nested: Vec<Vec<u8>>,
}

/// Adds to a list, and answers the place.
fn add<T>(list: &mut Vec<T>, value: T) -> usize {
    list.push(value);
    list.len() - 1
}

impl NewValues {
    /// Adds a value and answers its number: that of the one before where they are equal.
    pub(crate) fn push(&mut self, value: Any) -> usize {
        let added = match value {
            Any::Empty => (0, 0),
            Any::Str(text) => (code::STR, add(&mut self.texts, text)),
            Any::Int(number) => (code::INT, add(&mut self.ints, number)),
            Any::Double(number) => (code::DOUBLE, add(&mut self.doubles, number)),
            Any::Bool(flag) => (code::BOOL, add(&mut self.flags, flag)),
            Any::Bytes(bytes) => (code::BYTES, add(&mut self.blobs, bytes)),
            value @ (Any::Map(_) | Any::Slice(_)) => {
                let mut bytes = Vec::new();
                cbor::encode(&value, &mut bytes);
                let kind = if matches!(value, Any::Map(_)) {
                    code::MAP
                } else {
                    code::SLICE
                };
                (kind, add(&mut self.nested, bytes))
            }
        };
        let number = add(&mut self.values, added);
        if number > 0 && same(&self.get(number), &self.get(number - 1)) {
            self.forget_last();
            return number - 1;
        }
        number
    }

    fn forget_last(&mut self) {
        match self.values.pop() {
            Some((code::STR, _)) => drop(self.texts.pop()),
            Some((code::INT, _)) => drop(self.ints.pop()),
            Some((code::DOUBLE, _)) => drop(self.doubles.pop()),
            Some((code::BOOL, _)) => drop(self.flags.pop()),
            Some((code::BYTES, _)) => drop(self.blobs.pop()),
            Some((code::MAP | code::SLICE, _)) => drop(self.nested.pop()),
            _ => {}
        }
    }

    /// The value with this number.
    pub(crate) fn get(&self, number: usize) -> Value<'_> {
        let (kind, place) = self.values[number];
        match kind {
            code::STR => Value::Str(&self.texts[place]),
            code::INT => Value::Int(self.ints[place]),
            code::DOUBLE => Value::Double(self.doubles[place]),
            code::BOOL => Value::Bool(self.flags[place]),
            code::BYTES => Value::Bytes(&self.blobs[place]),
            code::MAP => Value::Map(&self.nested[place]),
            code::SLICE => Value::Slice(&self.nested[place]),
            _ => Value::Empty,
        }
    }

    /// The values of one column, plain.
    fn array(&self, column: &str) -> ArrayRef {
        match column {
            "str" => Arc::new(StringArray::from_iter_values(&self.texts)),
            "int" => Arc::new(Int64Array::from(self.ints.clone())),
            "double" => Arc::new(Float64Array::from(self.doubles.clone())),
            "bool" => Arc::new(BooleanArray::from(self.flags.clone())),
            "bytes" => Arc::new(BinaryArray::from_iter_values(&self.blobs)),
            _ => Arc::new(BinaryArray::from_iter_values(&self.nested)),
        }
    }

    /// Puts values into `columns`: `replaced` in rows that are there, each row once, and
    /// `appended` behind the last one. Columns in which nothing differs stay the same arrays.
    pub(crate) fn write(
        &self,
        columns: &mut ColumnSet,
        replaced: &[(usize, usize)],
        appended: &[usize],
    ) -> Result<(), ArrowError> {
        self.write_types(columns, replaced, appended);
        for (name, kinds) in COLUMNS {
            let source = |number: usize| match self.values[number] {
                (kind, place) if kinds.contains(&kind) => Source::New(place),
                _ => Source::Null,
            };
            let old = columns.get(name);
            let has = |row| old.is_some_and(|old| old.is_valid(row));
            let differs =
                |(row, number): &(usize, usize)| source(*number) != Source::Null || has(*row);
            let longer = appended.iter().any(|n| source(*n) != Source::Null)
                || old.is_some() && !appended.is_empty();
            if !longer && !replaced.iter().any(differs) {
                continue;
            }
            let stays = if old.is_some() {
                Source::Old
            } else {
                |_| Source::Null
            };
            let mut sources: Vec<_> = (0..columns.rows()).map(stays).collect();
            for (row, number) in replaced {
                sources[*row] = source(*number);
            }
            sources.extend(appended.iter().map(|number| source(*number)));
            columns.gather(name, &self.array(name), &sources)?;
        }
        Ok(())
    }

    fn write_types(
        &self,
        columns: &mut ColumnSet,
        replaced: &[(usize, usize)],
        appended: &[usize],
    ) {
        let old = columns.get("type");
        let old = old.and_then(|types| types.as_any().downcast_ref::<UInt8Array>());
        let kind = |row| {
            old.filter(|old| old.is_valid(row))
                .map_or(0, |old| old.value(row))
        };
        let same = |(row, number): &(usize, usize)| kind(*row) == self.values[*number].0;
        let complete = old.is_some_and(|old| old.null_count() == 0);
        if complete && appended.is_empty() && replaced.iter().all(same) {
            return;
        }
        let mut kinds: Vec<u8> = (0..columns.rows()).map(kind).collect();
        for (row, number) in replaced {
            kinds[*row] = self.values[*number].0;
        }
        kinds.extend(appended.iter().map(|number| self.values[*number].0));
        columns.put("type", Arc::new(UInt8Array::from(kinds)));
    }
}

/// Whether two values are the same to the last bit, so that one need not take the other's place.
pub(crate) fn same(a: &Value<'_>, b: &Value<'_>) -> bool {
    match (a, b) {
        (Value::Double(a), Value::Double(b)) => a.to_bits() == b.to_bits(),
        (a, b) => a == b,
    }
}

/// Writes the type of no value where there is no type: a column that must be there has no nulls.
pub(crate) fn complete_types(columns: &mut ColumnSet) {
    let types = columns.get("type");
    let types = types.and_then(|types| types.as_any().downcast_ref::<UInt8Array>());
    if let Some(types) = types.filter(|types| types.null_count() > 0) {
        let types = types.iter().map(Option::unwrap_or_default);
        let types = UInt8Array::from_iter_values(types);
        columns.put("type", Arc::new(types));
    }
}
