//! Row numbers in the place of attribute values that were not sent.
//!
//! A unit that only renames, deletes and sets attributes does not look at values, so the host sends
//! keys alone. Which of two attributes became another one cannot be told from keys: after `a` was
//! renamed to `b`, the `b` that is there may be either. So every row gets a value of its own, its
//! number, as bytes (a type that no configured value has), which the engine carries along. The
//! columns are made once and shared by all batches.

use crate::difference::tables::Tables;
use crate::plan::projection::Numbered;
use arrow_array::{ArrayRef, BinaryArray, RecordBatch, UInt8Array};
use arrow_buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use std::sync::Arc;

/// OTAP's type of bytes.
const BYTES: u8 = 7;
/// Bytes of one number.
const WIDTH: usize = 4;

/// The numbers 0, 1, 2, ... as columns; grows to the largest batch.
pub(crate) struct RowNumbers {
    types: UInt8Array,
    numbers: BinaryArray,
    /// The last schemas: before, and with numbers.
    schemas: Vec<(SchemaRef, SchemaRef)>,
}

impl Default for RowNumbers {
    fn default() -> Self {
        Self {
            types: UInt8Array::from(Vec::<u8>::new()),
            numbers: BinaryArray::from(Vec::<&[u8]>::new()),
            schemas: Vec::new(),
        }
    }
}

impl RowNumbers {
    /// The tables with numbered rows instead of values in those of `numbered`.
    ///
    /// # Errors
    ///
    /// Arrow's own; a table without the columns of attributes.
    pub(crate) fn number(
        &mut self,
        tables: Tables,
        numbered: &[Numbered],
    ) -> Result<Tables, ArrowError> {
        if numbered.is_empty() {
            return Ok(tables);
        }
        let numbers = |payload| {
            let mut numbered = numbered.iter();
            numbered.any(|numbered| numbered.target.payload() == payload)
        };
        let number = |(payload, table): (u16, RecordBatch)| {
            let table = if numbers(payload) {
                self.table(&table)?
            } else {
                table
            };
            Ok((payload, table))
        };
        tables.into_iter().map(number).collect()
    }

    fn table(&mut self, table: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let rows = table.num_rows();
        self.grow(rows)?;
        let schema = self.schema(table.schema_ref())?;
        let column = |name: &str| {
            table
                .column_by_name(name)
                .cloned()
                .ok_or_else(|| ArrowError::SchemaError(format!("no column `{name}`")))
        };
        let types: ArrayRef = Arc::new(self.types.slice(0, rows));
        let numbers: ArrayRef = Arc::new(self.numbers.slice(0, rows));
        RecordBatch::try_new(
            schema,
            vec![column("parent_id")?, column("key")?, types, numbers],
        )
    }

    /// Makes the columns at least this long.
    fn grow(&mut self, rows: usize) -> Result<(), ArrowError> {
        if rows <= self.types.len() {
            return Ok(());
        }
        let rows = rows.next_power_of_two().max(1 << 10);
        let end = i32::try_from(rows * WIDTH)
            .map_err(|_| ArrowError::OffsetOverflowError(rows * WIDTH))?;
        let offsets: ScalarBuffer<i32> = (0..=end).step_by(WIDTH).collect();
        let bytes: Vec<u32> = (0..rows as u32).collect();
        self.numbers =
            BinaryArray::try_new(OffsetBuffer::new(offsets), Buffer::from_vec(bytes), None)?;
        self.types = UInt8Array::from(vec![BYTES; rows]);
        Ok(())
    }

    fn schema(&mut self, of: &SchemaRef) -> Result<SchemaRef, ArrowError> {
        if let Some((_, made)) = self
            .schemas
            .iter()
            .find(|(known, _)| Arc::ptr_eq(known, of))
        {
            return Ok(Arc::clone(made));
        }
        let field = |name: &str| of.field_with_name(name).cloned();
        let made = Arc::new(Schema::new(vec![
            field("parent_id")?,
            field("key")?,
            Field::new("type", DataType::UInt8, false),
            Field::new("bytes", DataType::Binary, true),
        ]));
        // One schema per table and encoding of its keys: a handful. More come only from a host that
        // keeps publishing new ones, of which the oldest are forgotten.
        if self.schemas.len() == 16 {
            self.schemas.remove(0);
        }
        self.schemas.push((Arc::clone(of), Arc::clone(&made)));
        Ok(made)
    }
}
