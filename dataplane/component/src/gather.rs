//! Building a column anew from rows of the old one and from new values.
//!
//! A dictionary stays one: new values get entries behind the old ones, and wider keys where they
//! no longer fit. What is plain stays plain.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{UInt8Type, UInt16Type};
use arrow_array::{
    Array, ArrayRef, RecordBatch, RecordBatchOptions, StructArray, UInt32Array, new_null_array,
};
use arrow_buffer::NullBuffer;
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Schema, SchemaRef};
use arrow_select::concat::concat;
use arrow_select::interleave::interleave;
use arrow_select::take::take;

use crate::edit::encode;
use crate::payload::ColumnSchema;

/// Where the value of a row comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// This row of the old column.
    Old(usize),
    /// The new value with this number.
    New(usize),
    /// There is none.
    Null,
}

/// The column with these rows. `new` is plain, and of the type of the old column's values.
/// `dictionary` says that a column which was not there may get one.
pub(crate) fn gather(
    old: Option<&ArrayRef>,
    new: &ArrayRef,
    sources: &[Source],
    dictionary: bool,
) -> Result<ArrayRef, ArrowError> {
    let keys = |of_old: &dyn Fn(usize) -> Option<usize>, behind: usize| -> Vec<Option<usize>> {
        let key = |source: &Source| match source {
            Source::Old(row) => of_old(*row),
            Source::New(number) => new.is_valid(*number).then_some(behind + number),
            Source::Null => None,
        };
        sources.iter().map(key).collect()
    };
    let Some(old) = old else {
        let few = new.len() <= sources.len() / 2;
        let keys = keys(&|_| None, 0);
        return if dictionary && few {
            encode(&DataType::UInt16, &keys, Arc::clone(new))
        } else {
            let keys = keys.iter().map(|key| key.map(|key| key as u32));
            take(new, &UInt32Array::from_iter(keys), None)
        };
    };
    let DataType::Dictionary(key_type, _) = old.data_type() else {
        let nothing = new_null_array(new.data_type(), 1);
        let place = |source: &Source| match source {
            Source::Old(row) => (0, *row),
            Source::New(number) => (1, *number),
            Source::Null => (2, 0),
        };
        let places: Vec<_> = sources.iter().map(place).collect();
        return interleave(&[&**old, &**new, &*nothing], &places);
    };
    let values = old.as_any_dictionary().values();
    let all = if new.is_empty() {
        Arc::clone(values)
    } else {
        concat(&[&**values, &**new])?
    };
    let keys = match **key_type {
        DataType::UInt8 => {
            let old = old.as_dictionary::<UInt8Type>().keys();
            keys(
                &|row| old.is_valid(row).then(|| old.value(row).into()),
                values.len(),
            )
        }
        _ => {
            let old = old.as_dictionary::<UInt16Type>().keys();
            keys(
                &|row| old.is_valid(row).then(|| old.value(row).into()),
                values.len(),
            )
        }
    };
    encode(key_type, &keys, all)
}

/// The column without a dictionary.
pub(crate) fn plain(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match column.as_any_dictionary_opt() {
        Some(dictionary) => take(dictionary.values(), dictionary.keys(), None),
        None => Ok(Arc::clone(column)),
    }
}

/// The columns of a table, or of a struct in one, while some of them are built anew.
pub(crate) struct ColumnSet {
    columns: &'static [ColumnSchema],
    /// What the paths of the columns begin with: the struct's name and a dot.
    prefix: &'static str,
    fields: Vec<FieldRef>,
    arrays: Vec<ArrayRef>,
    rows: usize,
    /// The table's schema, as long as no field differs from it.
    schema: Option<SchemaRef>,
}

impl ColumnSet {
    /// Those of a table; none where there is no table.
    pub(crate) fn of_table(columns: &'static [ColumnSchema], table: Option<&RecordBatch>) -> Self {
        Self {
            columns,
            prefix: "",
            fields: table.map_or_else(Vec::new, |t| t.schema_ref().fields().to_vec()),
            arrays: table.map_or_else(Vec::new, |t| t.columns().to_vec()),
            rows: table.map_or(0, RecordBatch::num_rows),
            schema: table.map(RecordBatch::schema),
        }
    }

    /// Those of a struct in this table, whose rows they have where it is not there yet. Rows in
    /// which the struct is null have no values.
    pub(crate) fn of_struct(
        &self,
        prefix: &'static str,
        group: Option<&StructArray>,
    ) -> Result<Self, ArrowError> {
        let mut columns = Self {
            columns: self.columns,
            prefix,
            fields: group.map_or_else(Vec::new, |g| g.fields().to_vec()),
            arrays: group.map_or_else(Vec::new, |g| g.columns().to_vec()),
            rows: self.rows,
            schema: None,
        };
        let Some(nulls) = group.and_then(|group| group.nulls()) else {
            return Ok(columns);
        };
        let stays = |row| match nulls.is_valid(row) {
            true => Source::Old(row),
            false => Source::Null,
        };
        let sources: Vec<_> = (0..columns.rows).map(stays).collect();
        for name in columns.names() {
            columns.spread(&name, &sources)?;
        }
        Ok(columns)
    }

    /// Builds a column from its old rows, where it is there.
    pub(crate) fn spread(&mut self, name: &str, sources: &[Source]) -> Result<(), ArrowError> {
        let Some(old) = self.get(name) else {
            return Ok(());
        };
        let nothing = match old.as_any_dictionary_opt() {
            Some(dictionary) => new_null_array(dictionary.values().data_type(), 0),
            None => new_null_array(old.data_type(), 0),
        };
        self.gather(name, &nothing, sources)
    }

    /// How many rows there were.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The column of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&ArrayRef> {
        Some(&self.arrays[self.at(name)?])
    }

    /// The names of the columns that are there.
    pub(crate) fn names(&self) -> Vec<String> {
        self.fields
            .iter()
            .map(|field| field.name().clone())
            .collect()
    }

    /// The names of those that the schema does not know.
    pub(crate) fn unknown(&self) -> Vec<String> {
        let mut names = self.names();
        names.retain(|name| self.declared(name).is_none());
        names
    }

    fn at(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name() == name)
    }

    fn declared(&self, name: &str) -> Option<(usize, &'static ColumnSchema)> {
        let mut columns = self.columns.iter().enumerate();
        columns.find(|(_, column)| column.path.strip_prefix(self.prefix) == Some(name))
    }

    /// Whether a column of this name may have a dictionary.
    pub(crate) fn allows_dictionary(&self, name: &str) -> bool {
        self.declared(name)
            .is_some_and(|(_, column)| column.dictionary)
    }

    /// Builds a column from its old rows and new values, and puts it in its place.
    pub(crate) fn gather(
        &mut self,
        name: &str,
        new: &ArrayRef,
        sources: &[Source],
    ) -> Result<(), ArrowError> {
        let dictionary = self.allows_dictionary(name);
        let array = gather(self.get(name), new, sources, dictionary)?;
        self.put(name, array);
        Ok(())
    }

    /// Puts a column in its place: instead of the one of this name, or where the schema has it.
    pub(crate) fn put(&mut self, name: &str, array: ArrayRef) {
        let nullable = array.null_count() > 0;
        if let Some(at) = self.at(name) {
            let field = &self.fields[at];
            if field.data_type() != array.data_type() || nullable && !field.is_nullable() {
                let nullable = nullable || field.is_nullable();
                let field = field.as_ref().clone().with_nullable(nullable);
                self.fields[at] = Arc::new(field.with_data_type(array.data_type().clone()));
                self.schema = None;
            }
            self.arrays[at] = array;
            return;
        }
        let declared = self.declared(name);
        let mut field = Field::new(name, array.data_type().clone(), true);
        if declared.is_some_and(|(_, column)| column.id) {
            let plain = HashMap::from([("encoding".to_owned(), "plain".to_owned())]);
            field = field.with_metadata(plain);
        }
        let number = |name: &str| self.declared(name).map(|(number, _)| number);
        let mine = declared.map_or(usize::MAX, |(number, _)| number);
        let mut there = self.fields.iter();
        let before = there.position(|field| number(field.name()).is_none_or(|n| n > mine));
        let at = before.unwrap_or(self.fields.len());
        self.fields.insert(at, Arc::new(field));
        self.arrays.insert(at, array);
        self.schema = None;
    }

    /// The table of these columns.
    pub(crate) fn into_table(
        self,
        old: Option<&RecordBatch>,
        rows: usize,
    ) -> Result<RecordBatch, ArrowError> {
        let schema = self.schema.unwrap_or_else(|| {
            let metadata = old.map(|old| old.schema_ref().metadata().clone());
            let metadata = metadata.unwrap_or_default();
            Arc::new(Schema::new_with_metadata(self.fields, metadata))
        });
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(schema, self.arrays, &options)
    }

    /// The struct of these columns.
    pub(crate) fn into_struct(self, nulls: Option<NullBuffer>) -> Result<ArrayRef, ArrowError> {
        let group = StructArray::try_new(self.fields.into(), self.arrays, nulls)?;
        Ok(Arc::new(group))
    }
}
