//! Edits of attributes: of the chosen logs, of their resources, or of their scopes.

use std::sync::Arc;

use arrow_array::types::Utf8Type;
use arrow_array::{ArrayRef, BooleanArray, RecordBatch, StringArray, UInt16Array};
use arrow_buffer::BooleanBuffer;
use arrow_schema::ArrowError;
use arrow_select::filter::filter_record_batch;

use super::values::{NewValues, same};
use super::{Rows, ids};
use crate::edit::{self, edit_column};
use crate::gather::{ColumnSet, Source};
use crate::id_set::IdSet;
use crate::{Any, AttributeTable, BatchError, Columns, Keys, Log, Payload, Value};

/// Where a value is written.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    /// Where the key is not there.
    Insert,
    /// Where it is there.
    Update,
    /// In both cases.
    Upsert,
}

/// Rows of a table that get values, by the values' numbers.
#[derive(Default)]
struct Puts {
    /// Rows that are there.
    replaced: Vec<(usize, usize)>,
    /// Values of new rows, and whose they are.
    appended: Vec<usize>,
    owners: Vec<u16>,
}

impl Rows<'_> {
    /// Sets the attribute where the key is not there yet.
    ///
    /// # Errors
    ///
    /// There is no id left for a log that has no attributes yet (a batch has 65,536), or a column
    /// outgrows Arrow's 2 GiB. The batch stays as it was.
    pub fn insert(
        &mut self,
        of: AttributeTable,
        key: &str,
        value: impl Into<Any>,
    ) -> Result<bool, BatchError> {
        let value = value.into();
        self.put(of, key, Mode::Insert, &mut |_| Some(value.clone()), true)
    }

    /// Sets the attribute where the key is there.
    ///
    /// # Errors
    ///
    /// Those of [`insert`](Self::insert).
    pub fn update(
        &mut self,
        of: AttributeTable,
        key: &str,
        value: impl Into<Any>,
    ) -> Result<bool, BatchError> {
        let value = value.into();
        self.put(of, key, Mode::Update, &mut |_| Some(value.clone()), true)
    }

    /// Sets the attribute, whether the key is there or not.
    ///
    /// # Errors
    ///
    /// Those of [`insert`](Self::insert).
    pub fn upsert(
        &mut self,
        of: AttributeTable,
        key: &str,
        value: impl Into<Any>,
    ) -> Result<bool, BatchError> {
        let value = value.into();
        self.put(of, key, Mode::Upsert, &mut |_| Some(value.clone()), true)
    }

    /// [`insert`](Self::insert) of what `value` makes of each log; nothing for none. For a resource
    /// or scope it is asked with the first of its chosen logs.
    ///
    /// # Errors
    ///
    /// Those of [`insert`](Self::insert).
    pub fn insert_with<V: Into<Any>>(
        &mut self,
        of: AttributeTable,
        key: &str,
        mut value: impl FnMut(Log<'_>) -> Option<V>,
    ) -> Result<bool, BatchError> {
        let mut value = |log: Log<'_>| value(log).map(Into::into);
        self.put(of, key, Mode::Insert, &mut value, false)
    }

    /// [`update`](Self::update) to what `value` makes of each log, as
    /// [`insert_with`](Self::insert_with).
    ///
    /// # Errors
    ///
    /// Those of [`insert`](Self::insert).
    pub fn update_with<V: Into<Any>>(
        &mut self,
        of: AttributeTable,
        key: &str,
        mut value: impl FnMut(Log<'_>) -> Option<V>,
    ) -> Result<bool, BatchError> {
        let mut value = |log: Log<'_>| value(log).map(Into::into);
        self.put(of, key, Mode::Update, &mut value, false)
    }

    /// [`upsert`](Self::upsert) of what `value` makes of each log, as
    /// [`insert_with`](Self::insert_with).
    ///
    /// # Errors
    ///
    /// Those of [`insert`](Self::insert).
    pub fn upsert_with<V: Into<Any>>(
        &mut self,
        of: AttributeTable,
        key: &str,
        mut value: impl FnMut(Log<'_>) -> Option<V>,
    ) -> Result<bool, BatchError> {
        let mut value = |log: Log<'_>| value(log).map(Into::into);
        self.put(of, key, Mode::Upsert, &mut value, false)
    }

    /// Replaces the values of the attributes in `keys` by what `map` makes of them, of any type;
    /// nothing is done where it answers none. It may be asked in any order.
    ///
    /// # Errors
    ///
    /// A column outgrows Arrow's 2 GiB; the batch stays as it was.
    pub fn map_attributes(
        &mut self,
        of: AttributeTable,
        keys: &Keys,
        mut map: impl FnMut(&str, Value<'_>) -> Option<Any>,
    ) -> Result<bool, BatchError> {
        self.batch.has_records()?;
        self.batch.changes.used(keys);
        let rows = self.of_keys(of, |key| keys.contains(key));
        let attributes = self.batch.attributes(of);
        let (mut new, mut puts) = (NewValues::default(), Puts::default());
        for found in rows.set_indices() {
            let Some(attribute) = attributes.get(found) else {
                continue;
            };
            let Some(value) = map(attribute.key, attribute.value) else {
                continue;
            };
            let number = new.push(value);
            if !same(&new.get(number), &attribute.value) {
                puts.replaced.push((found, number));
            }
        }
        self.write_values(of, "", &new, &puts)
    }

    /// Gives the attribute `from` the key `to`, in its place. One that has the key `to` already is
    /// removed.
    ///
    /// # Errors
    ///
    /// A column outgrows Arrow's 2 GiB; the batch stays as it was.
    pub fn rename(&mut self, of: AttributeTable, from: &str, to: &str) -> Result<bool, BatchError> {
        self.batch.has_records()?;
        self.batch.changes.used(&Keys::named([from, to]));
        let Some(table) = self.batch.table(of.payload()).filter(|_| from != to) else {
            return Ok(false);
        };
        let attributes = self.batch.attributes(of);
        let mut owners = IdSet::none();
        let parents = attributes.parents();
        let first = self.of_keys(of, |key| key == from);
        let first = BooleanBuffer::collect_bool(table.num_rows(), |row| {
            first.value(row) && parents.get(row).is_some_and(|parent| owners.insert(parent))
        });
        let rows = edit::Rows {
            kept: Some(!&first),
            edited: first,
        };
        let mut columns = ColumnSet::of_table(of.payload().schema().columns, Some(table));
        let Some(old) = columns.get("key") else {
            return Ok(false);
        };
        let new = edit_column::<Utf8Type, ArrowError>(old, &rows, &mut |_, _, out| {
            out.extend_from_slice(to.as_bytes());
            Ok(true)
        });
        let arrow = |error| BatchError::arrow(of.payload(), error);
        let Some(new) = new.map_err(arrow)? else {
            return Ok(false);
        };
        columns.put("key", new);
        let renamed = columns
            .into_table(Some(table), table.num_rows())
            .map_err(arrow)?;
        let replaced = attributes
            .keys()
            .rows_where(attributes.len(), |key| key == to);
        let stays = BooleanBuffer::collect_bool(attributes.len(), |row| {
            let owned = || {
                parents
                    .get(row)
                    .is_some_and(|parent| owners.contains(parent))
            };
            !(replaced.value(row) && owned())
        });
        let renamed = filtered(renamed, stays).map_err(arrow)?;
        self.finish(of, renamed)
    }

    /// Removes the attributes in `keys`.
    ///
    /// # Errors
    ///
    /// The batch holds OTLP bytes.
    pub fn delete(&mut self, of: AttributeTable, keys: &Keys) -> Result<bool, BatchError> {
        self.batch.has_records()?;
        self.batch.changes.used(keys);
        let gone = self.of_keys(of, |key| keys.contains(key));
        self.remove(of, gone)
    }

    /// Removes the attributes whose key `test` holds for; each key may be asked for once, and in
    /// any order. `!` in the test makes it the list of those that stay.
    ///
    /// # Errors
    ///
    /// The batch holds OTLP bytes.
    pub fn delete_where(
        &mut self,
        of: AttributeTable,
        test: impl Fn(&str) -> bool,
    ) -> Result<bool, BatchError> {
        self.batch.has_records()?;
        let gone = self.of_keys(of, test);
        self.remove(of, gone)
    }

    fn remove(&mut self, of: AttributeTable, gone: BooleanBuffer) -> Result<bool, BatchError> {
        let Some(table) = self.batch.table(of.payload()) else {
            return Ok(false);
        };
        if gone.count_set_bits() == 0 {
            return Ok(false);
        }
        let left = filtered(table.clone(), !&gone);
        let left = left.map_err(|error| BatchError::arrow(of.payload(), error))?;
        self.finish(of, left)
    }

    /// The attributes of what is chosen, with a key that `test` holds for.
    pub(crate) fn of_keys(&self, of: AttributeTable, test: impl Fn(&str) -> bool) -> BooleanBuffer {
        let attributes = self.batch.attributes(of);
        let rows = attributes.keys().rows_where(attributes.len(), test);
        let Some(chosen) = &self.chosen else {
            return rows;
        };
        let owners = ids::of_rows(self.batch, of, chosen);
        let parents = attributes.parents();
        BooleanBuffer::collect_bool(attributes.len(), |row| {
            rows.value(row)
                && parents
                    .get(row)
                    .is_some_and(|parent| owners.contains(parent))
        })
    }

    fn put(
        &mut self,
        of: AttributeTable,
        key: &str,
        mode: Mode,
        value: &mut dyn FnMut(Log<'_>) -> Option<Any>,
        constant: bool,
    ) -> Result<bool, BatchError> {
        self.batch.has_records()?;
        self.batch.changes.used(&Keys::named([key]));
        let logs = Payload::Logs.index();
        let before = self.batch.tables[logs].clone();
        if mode != Mode::Update {
            ids::fill(self.batch, of, self.chosen.as_ref())?;
        }
        let (new, puts) = self.plan(of, key, mode, value, constant);
        let done = self.write_values(of, key, &new, &puts);
        if !matches!(done, Ok(true)) {
            // Ids that nobody needed.
            self.batch.tables[logs] = before;
        }
        done
    }

    /// What is to be written: values, and the rows that get them.
    fn plan(
        &self,
        of: AttributeTable,
        key: &str,
        mode: Mode,
        value: &mut dyn FnMut(Log<'_>) -> Option<Any>,
        constant: bool,
    ) -> (NewValues, Puts) {
        let (mut new, mut puts) = (NewValues::default(), Puts::default());
        let logs = self.batch.logs();
        let ids = logs.ids(of);
        // The number of each owner's value, and the owners in the order of their logs.
        let (mut numbers, mut owners) = (Vec::new(), Vec::new());
        let mut asked = IdSet::none();
        for log in logs.iter().filter(|log| self.has(log.row())) {
            let Some(id) = ids.get(log.row()).filter(|id| asked.insert(*id)) else {
                continue;
            };
            let number = match (constant, owners.is_empty()) {
                (true, false) => Some(0),
                _ => value(log).map(|value| new.push(value)),
            };
            if let Some(number) = number {
                if numbers.len() <= usize::from(id) {
                    numbers.resize(usize::from(id) + 1, None);
                }
                numbers[usize::from(id)] = Some(number);
                owners.push((id, number));
            }
        }
        let attributes = self.batch.attributes(of);
        let rows = attributes
            .keys()
            .rows_where(attributes.len(), |found| found == key);
        let mut has = IdSet::none();
        for row in rows.set_indices() {
            let Some(parent) = attributes.parents().get(row) else {
                continue;
            };
            let number = numbers.get(usize::from(parent)).copied().flatten();
            let Some(number) = number.filter(|_| has.insert(parent)) else {
                continue;
            };
            if mode != Mode::Insert && !same(&new.get(number), &attributes.value(row)) {
                puts.replaced.push((row, number));
            }
        }
        if mode != Mode::Update {
            for (owner, number) in owners.iter().filter(|(owner, _)| !has.contains(*owner)) {
                puts.owners.push(*owner);
                puts.appended.push(*number);
            }
        }
        (new, puts)
    }

    fn write_values(
        &mut self,
        of: AttributeTable,
        key: &str,
        new: &NewValues,
        puts: &Puts,
    ) -> Result<bool, BatchError> {
        if puts.replaced.is_empty() && puts.appended.is_empty() {
            return Ok(false);
        }
        let table = written(self.batch.table(of.payload()), of, key, new, puts);
        let table = table.map_err(|error| BatchError::arrow(of.payload(), error))?;
        self.finish(of, table)
    }

    /// Puts the table of attributes into the batch; one without rows is none.
    fn finish(&mut self, of: AttributeTable, table: RecordBatch) -> Result<bool, BatchError> {
        let table = Some(table).filter(|table| table.num_rows() > 0);
        self.batch.tables[of.payload().index()] = table;
        self.batch.changes.edited(Columns::attributes(of));
        Ok(true)
    }
}

/// The table with the values in their rows; new rows have the key.
fn written(
    table: Option<&RecordBatch>,
    of: AttributeTable,
    key: &str,
    new: &NewValues,
    puts: &Puts,
) -> Result<RecordBatch, ArrowError> {
    let mut columns = ColumnSet::of_table(of.payload().schema().columns, table);
    let rows = columns.rows();
    let strangers = columns.unknown();
    new.write(&mut columns, &puts.replaced, &puts.appended)?;
    let added = puts.appended.len();
    if added > 0 {
        let stay = (0..rows).map(Source::Old);
        let owners: ArrayRef = Arc::new(UInt16Array::from(puts.owners.clone()));
        let sources: Vec<_> = stay.clone().chain((0..added).map(Source::New)).collect();
        columns.gather("parent_id", &owners, &sources)?;
        let key: ArrayRef = Arc::new(StringArray::from_iter_values([key]));
        let sources: Vec<_> = stay
            .clone()
            .chain((0..added).map(|_| Source::New(0)))
            .collect();
        columns.gather("key", &key, &sources)?;
        let sources: Vec<_> = stay.chain((0..added).map(|_| Source::Null)).collect();
        for name in strangers {
            columns.spread(&name, &sources)?;
        }
    }
    columns.into_table(table, rows + added)
}

/// The table's rows whose bit is set; the same one where that is all of them.
fn filtered(table: RecordBatch, stays: BooleanBuffer) -> Result<RecordBatch, ArrowError> {
    match stays.count_set_bits() {
        all if all == stays.len() => Ok(table),
        _ => filter_record_batch(&table, &BooleanArray::new(stays, None)),
    }
}
