//! Reading one column of a table, whichever way it is encoded: plain, behind a
//! dictionary with 8- or 16-bit keys, or absent.

use arrow_array::types::{ArrowPrimitiveType, UInt8Type, UInt16Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, DictionaryArray, FixedSizeBinaryArray,
    PrimitiveArray, RecordBatch, StringArray, StructArray, UInt8Array, UInt16Array,
};
use arrow_buffer::{BooleanBuffer, NullBuffer};

/// A column whose values are an `A`. Reading is by row; a row that is null, of an
/// absent column, or past the end has no value.
#[derive(Debug)]
pub(crate) struct Column<'a, A> {
    values: Option<&'a A>,
    keys: Keys<'a>,
    /// The validity of the struct that the column is in.
    parent: Option<&'a NullBuffer>,
}

// Derived, these would ask for `A: Copy`.
impl<A> Clone for Column<'_, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for Column<'_, A> {}

#[derive(Clone, Copy, Debug)]
enum Keys<'a> {
    Plain,
    U8(&'a UInt8Array),
    U16(&'a UInt16Array),
}

impl<'a, A: Array + 'static> Column<'a, A> {
    /// The root column of this name.
    pub(crate) fn root(records: Option<&'a RecordBatch>, name: &str) -> Self {
        Self::of(records.and_then(|r| r.column_by_name(name)), None)
    }

    /// The child of this name of a struct column.
    pub(crate) fn child(parent: Option<&'a StructArray>, name: &str) -> Self {
        Self::of(
            parent.and_then(|p| p.column_by_name(name)),
            parent.and_then(|p| p.nulls()),
        )
    }

    /// A column of another type than `A` counts as absent: `schema::check` has
    /// refused batches that have one.
    pub(crate) fn of(array: Option<&'a ArrayRef>, parent: Option<&'a NullBuffer>) -> Self {
        let absent = Self {
            values: None,
            keys: Keys::Plain,
            parent,
        };
        let Some(any) = array.map(|a| a.as_any()) else {
            return absent;
        };
        if let Some(values) = any.downcast_ref::<A>() {
            Self {
                values: Some(values),
                ..absent
            }
        } else if let Some(d) = any.downcast_ref::<DictionaryArray<UInt8Type>>() {
            let values = d.values().as_any().downcast_ref();
            Self {
                values,
                keys: Keys::U8(d.keys()),
                ..absent
            }
        } else if let Some(d) = any.downcast_ref::<DictionaryArray<UInt16Type>>() {
            let values = d.values().as_any().downcast_ref();
            Self {
                values,
                keys: Keys::U16(d.keys()),
                ..absent
            }
        } else {
            absent
        }
    }

    /// Whether the table has the column.
    pub(crate) fn is_present(&self) -> bool {
        self.values.is_some()
    }

    /// The values, and the place in them of the row's value.
    fn locate(&self, row: usize) -> Option<(&'a A, usize)> {
        let values = self.values?;
        if self
            .parent
            .is_some_and(|nulls| row >= nulls.len() || nulls.is_null(row))
        {
            return None;
        }
        let index = match self.keys {
            Keys::Plain => row,
            Keys::U8(keys) => key(keys, row)?,
            Keys::U16(keys) => key(keys, row)?,
        };
        (index < values.len() && values.is_valid(index)).then_some((values, index))
    }
}

fn key<K: ArrowPrimitiveType<Native: Into<usize>>>(
    keys: &PrimitiveArray<K>,
    row: usize,
) -> Option<usize> {
    (row < keys.len() && keys.is_valid(row)).then(|| keys.value(row).into())
}

impl<'a> Column<'a, StringArray> {
    pub(crate) fn get(&self, row: usize) -> Option<&'a str> {
        self.locate(row).map(|(values, i)| values.value(i))
    }
}

impl Column<'_, StringArray> {
    /// The rows whose text `test` holds for, null reading as the empty text. Asks
    /// once per value of a dictionary, and remembers.
    pub(crate) fn rows_where(&self, rows: usize, test: impl Fn(&str) -> bool) -> BooleanBuffer {
        let direct = |row| test(self.get(row).unwrap_or_default());
        let Some(values) = self.values else {
            return BooleanBuffer::collect_bool(rows, direct);
        };
        if matches!(self.keys, Keys::Plain) {
            return BooleanBuffer::collect_bool(rows, direct);
        }
        let of_values = BooleanBuffer::collect_bool(values.len(), |i| {
            values.is_valid(i) && test(values.value(i))
        });
        let of_null = test("");
        BooleanBuffer::collect_bool(rows, |row| {
            self.locate(row)
                .map_or(of_null, |(_, i)| of_values.value(i))
        })
    }
}

impl Column<'_, UInt8Array> {
    /// The rows whose number `test` holds for, null reading as 0.
    pub(crate) fn rows_where(&self, rows: usize, test: impl Fn(u8) -> bool) -> BooleanBuffer {
        match (self.values, self.keys, self.parent) {
            (Some(values), Keys::Plain, None)
                if values.null_count() == 0 && values.len() == rows =>
            {
                let values = values.values();
                BooleanBuffer::collect_bool(rows, |row| test(values[row]))
            }
            _ => BooleanBuffer::collect_bool(rows, |row| test(self.get(row).unwrap_or(0))),
        }
    }
}

impl<'a> Column<'a, BinaryArray> {
    pub(crate) fn get(&self, row: usize) -> Option<&'a [u8]> {
        self.locate(row).map(|(values, i)| values.value(i))
    }
}

impl<'a> Column<'a, FixedSizeBinaryArray> {
    pub(crate) fn get(&self, row: usize) -> Option<&'a [u8]> {
        self.locate(row).map(|(values, i)| values.value(i))
    }
}

impl Column<'_, BooleanArray> {
    pub(crate) fn get(&self, row: usize) -> Option<bool> {
        self.locate(row).map(|(values, i)| values.value(i))
    }
}

impl<T: ArrowPrimitiveType> Column<'_, PrimitiveArray<T>> {
    pub(crate) fn get(&self, row: usize) -> Option<T::Native> {
        self.locate(row).map(|(values, i)| values.value(i))
    }
}
