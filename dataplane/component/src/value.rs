//! Values of bodies and attributes, as they stand in the columns `type`, `str`,
//! `int`, `double`, `bool`, `bytes` and `ser`.

use arrow_array::{
    BinaryArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, StructArray,
    UInt8Array,
};

use crate::column::Column;

/// OTAP's codes of value types.
pub(crate) mod code {
    pub(crate) const STR: u8 = 1;
    pub(crate) const INT: u8 = 2;
    pub(crate) const DOUBLE: u8 = 3;
    pub(crate) const BOOL: u8 = 4;
    pub(crate) const MAP: u8 = 5;
    pub(crate) const SLICE: u8 = 6;
    pub(crate) const BYTES: u8 = 7;
}

/// A value, borrowed from its columns.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// No value.
    Empty,
    /// Text.
    Str(&'a str),
    /// An integer.
    Int(i64),
    /// A floating point number.
    Double(f64),
    /// A boolean.
    Bool(bool),
    /// A map, in CBOR.
    Map(&'a [u8]),
    /// A list, in CBOR.
    Slice(&'a [u8]),
    /// Bytes.
    Bytes(&'a [u8]),
    /// A type that this version does not know; the code as it was found.
    Unknown(u8),
}

impl<'a> Value<'a> {
    /// The text, when it is text.
    pub fn as_str(&self) -> Option<&'a str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }
}

/// The seven columns of values, of an attribute table or of the body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Values<'a> {
    kind: Column<'a, UInt8Array>,
    text: Column<'a, StringArray>,
    int: Column<'a, Int64Array>,
    double: Column<'a, Float64Array>,
    boolean: Column<'a, BooleanArray>,
    bytes: Column<'a, BinaryArray>,
    nested: Column<'a, BinaryArray>,
}

impl<'a> Values<'a> {
    pub(crate) fn of_table(table: Option<&'a RecordBatch>) -> Self {
        Self {
            kind: Column::root(table, "type"),
            text: Column::root(table, "str"),
            int: Column::root(table, "int"),
            double: Column::root(table, "double"),
            boolean: Column::root(table, "bool"),
            bytes: Column::root(table, "bytes"),
            nested: Column::root(table, "ser"),
        }
    }

    pub(crate) fn of_struct(body: Option<&'a StructArray>) -> Self {
        Self {
            kind: Column::child(body, "type"),
            text: Column::child(body, "str"),
            int: Column::child(body, "int"),
            double: Column::child(body, "double"),
            boolean: Column::child(body, "bool"),
            bytes: Column::child(body, "bytes"),
            nested: Column::child(body, "ser"),
        }
    }

    /// The type codes: 0 (empty) where there is none.
    pub(crate) fn kinds(&self) -> Column<'a, UInt8Array> {
        self.kind
    }

    /// The row's value. A column that is absent or null where the type says that
    /// there is a value stands for that type's zero: writers leave it out.
    pub(crate) fn get(&self, row: usize) -> Value<'a> {
        match self.kind.get(row).unwrap_or(0) {
            0 => Value::Empty,
            code::STR => Value::Str(self.text.get(row).unwrap_or_default()),
            code::INT => Value::Int(self.int.get(row).unwrap_or_default()),
            code::DOUBLE => Value::Double(self.double.get(row).unwrap_or_default()),
            code::BOOL => Value::Bool(self.boolean.get(row).unwrap_or_default()),
            code::BYTES => Value::Bytes(self.bytes.get(row).unwrap_or_default()),
            // CBOR has no empty form, and the engine reads such a value as empty.
            code::MAP => self.nested.get(row).map_or(Value::Empty, Value::Map),
            code::SLICE => self.nested.get(row).map_or(Value::Empty, Value::Slice),
            other => Value::Unknown(other),
        }
    }
}
