//! Doing the actions on the attribute tables of a batch.

use super::actions::{Actions, Fate, Literal};
use super::values::{COLUMNS, NewValues, Source, plain};
use crate::id_set::IdSet;
use arrow_array::builder::StringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{UInt8Type, UInt16Type};
use arrow_array::{
    Array, ArrayRef, BooleanArray, DictionaryArray, RecordBatch, StringArray, UInt8Array,
    UInt16Array,
};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use arrow_select::filter::filter_record_batch;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;
use strait_component::{AttributeTable, Batch, Payload, Value};

/// Does the actions on every table that they are for.
pub(super) fn apply(actions: &Actions, batch: &mut Batch) -> Result<(), String> {
    for of in &actions.tables {
        let owners = if actions.added.is_empty() {
            Vec::new()
        } else {
            if *of == AttributeTable::Log {
                fill_ids(batch)?;
            }
            owners(batch, *of)
        };
        let edited = Edit::of(actions, batch, *of, &owners)
            .map_err(|error| error.to_string())?
            .finish()
            .map_err(|error| error.to_string())?;
        if let Some(table) = edited {
            let table = Some(table).filter(|table| table.num_rows() > 0);
            batch
                .set_table(of.payload(), table)
                .map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}

/// The logs, resources or scopes that can get an attribute, each once. A resource or scope without
/// an id is none: the log has no such thing.
fn owners(batch: &Batch, of: AttributeTable) -> Vec<u16> {
    let mut seen = IdSet::default();
    let logs = batch.logs();
    let ids = logs.iter().filter_map(|log| match of {
        AttributeTable::Log => log.id(),
        AttributeTable::Resource => log.resource_id(),
        AttributeTable::Scope => log.scope_id(),
    });
    ids.filter(|id| seen.insert(*id)).collect()
}

/// Gives ids to logs that have none, as logs without attributes may.
fn fill_ids(batch: &mut Batch) -> Result<(), String> {
    if batch.logs().iter().all(|log| log.id().is_some()) {
        return Ok(());
    }
    let Some(root) = batch.table(Payload::Logs) else {
        return Ok(());
    };
    let used: IdSet = batch.logs().iter().filter_map(|log| log.id()).collect();
    let mut free = (0..=u16::MAX).filter(|id| !used.contains(*id));
    let ids: Option<Vec<u16>> = batch
        .logs()
        .iter()
        .map(|log| log.id().or_else(|| free.next()))
        .collect();
    let ids = ids.ok_or("a batch has more than 65,536 logs that need ids")?;
    let ids: ArrayRef = Arc::new(UInt16Array::from(ids));
    let (mut fields, mut columns) = (root.schema().fields().to_vec(), root.columns().to_vec());
    let field = Arc::new(id_field("id", true));
    match root.schema().column_with_name("id") {
        Some((at, _)) => (fields[at], columns[at]) = (field, ids),
        None => {
            fields.insert(0, field);
            columns.insert(0, ids);
        }
    }
    let schema = Schema::new_with_metadata(fields, root.schema().metadata().clone());
    let root =
        RecordBatch::try_new(Arc::new(schema), columns).map_err(|error| error.to_string())?;
    batch
        .set_table(Payload::Logs, Some(root))
        .map_err(|error| error.to_string())
}

fn id_field(name: &str, nullable: bool) -> Field {
    let plain = HashMap::from([("encoding".to_owned(), "plain".to_owned())]);
    Field::new(name, DataType::UInt16, nullable).with_metadata(plain)
}

/// What the actions make of one table, before it is built.
struct Edit<'a> {
    old: Option<&'a RecordBatch>,
    /// Rows of the new table, in order.
    sources: Vec<Source>,
    values: NewValues,
    renamed: bool,
    changed: bool,
    /// Owners and keys of new rows.
    added: Vec<(u16, &'a str)>,
    actions: &'a Actions,
}

impl<'a> Edit<'a> {
    fn of(
        actions: &'a Actions,
        batch: &'a Batch,
        of: AttributeTable,
        owners: &[u16],
    ) -> Result<Self, ArrowError> {
        let old = batch
            .table(of.payload())
            .filter(|table| table.num_rows() > 0);
        let mut edit = Self {
            old,
            sources: Vec::new(),
            values: NewValues::new(&actions.literals),
            renamed: false,
            changed: false,
            added: Vec::new(),
            actions,
        };
        if let Some(table) = old {
            edit.rows(table, batch, of)?;
        }
        for (key, value) in &actions.added {
            let attributes = batch.attributes(of);
            let have: IdSet = attributes.with_key(key).map(|found| found.parent).collect();
            for owner in owners.iter().filter(|owner| !have.contains(**owner)) {
                edit.sources.push(Source::Added(edit.added.len(), *value));
                edit.added.push((*owner, key));
            }
        }
        Ok(edit)
    }

    /// What happens to the rows that are there.
    fn rows(
        &mut self,
        table: &RecordBatch,
        batch: &Batch,
        of: AttributeTable,
    ) -> Result<(), ArrowError> {
        let fates = Fates::of(self.actions, key_column(table)?)?;
        let attributes = batch.attributes(of);
        // Owners of the attributes that are renamed; only looked at where the new key is there.
        let displacing: Vec<Option<IdSet>> = self
            .actions
            .targets
            .iter()
            .zip(&self.actions.sources)
            .map(|(target, source)| {
                attributes.with_key(target).next()?;
                Some(
                    attributes
                        .with_key(source)
                        .map(|found| found.parent)
                        .collect(),
                )
            })
            .collect();
        let parents = column(table, "parent_id")?.as_primitive::<UInt16Type>();
        let any = fates.any();
        self.sources.reserve(table.num_rows());
        for row in 0..table.num_rows() {
            let fate = if any { fates.get(row) } else { None };
            let source = match fate {
                None => Source::Old(row),
                Some(Fate::Renamed(_)) => {
                    self.renamed = true;
                    Source::Old(row)
                }
                Some(Fate::Deleted) => continue,
                Some(Fate::Displaced(rename)) => {
                    let gone = displacing[*rename].as_ref();
                    if gone.is_some_and(|ids| ids.contains(parents.value(row))) {
                        continue;
                    }
                    Source::Old(row)
                }
                Some(Fate::Set(value)) => {
                    self.changed = true;
                    Source::Changed(row, *value)
                }
                Some(Fate::Hashed(salt)) => match hash(salt, attributes.value(row)) {
                    Some(text) => {
                        self.changed = true;
                        Source::Changed(row, self.values.push(Literal::Str(text)))
                    }
                    None => Source::Old(row),
                },
            };
            self.sources.push(source);
        }
        Ok(())
    }

    /// The new table; `None` if nothing changes.
    fn finish(self) -> Result<Option<RecordBatch>, ArrowError> {
        let Some(old) = self.old else {
            return if self.added.is_empty() {
                Ok(None)
            } else {
                self.build(None).map(Some)
            };
        };
        let all = self.sources.len() == old.num_rows() + self.added.len();
        if all && !self.renamed && !self.changed && self.added.is_empty() {
            return Ok(None);
        }
        if self.changed || !self.added.is_empty() {
            return self.build(Some(old)).map(Some);
        }
        let table = if self.renamed {
            let (at, _) = old
                .schema_ref()
                .column_with_name("key")
                .ok_or_else(|| missing("key"))?;
            let mut columns = old.columns().to_vec();
            columns[at] = Fates::of(self.actions, &columns[at])?.rename(&columns[at])?;
            RecordBatch::try_new(old.schema(), columns)?
        } else {
            old.clone()
        };
        if all {
            return Ok(Some(table));
        }
        let mut keep = vec![false; table.num_rows()];
        for source in &self.sources {
            if let Source::Old(row) = source {
                keep[*row] = true;
            }
        }
        filter_record_batch(&table, &BooleanArray::from(keep)).map(Some)
    }

    /// Builds every column anew that has to be.
    fn build(&self, old: Option<&RecordBatch>) -> Result<RecordBatch, ArrowError> {
        let mut fields = Vec::with_capacity(9);
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(9);
        let find = |name: &str| old.and_then(|old| old.column_by_name(name));
        let parents = find("parent_id").map(|column| column.as_primitive::<UInt16Type>());
        fields.push(id_field("parent_id", false));
        columns.push(Arc::new(UInt16Array::from_iter_values(
            self.sources.iter().map(|source| match source {
                Source::Old(row) | Source::Changed(row, _) => {
                    parents.map_or(0, |parents| parents.value(*row))
                }
                Source::Added(new, _) => self.added[*new].0,
            }),
        )));
        let keys = self.keys(old)?;
        fields.push(Field::new("key", keys.data_type().clone(), false));
        columns.push(keys);
        let kinds = find("type").map(|column| column.as_primitive::<UInt8Type>());
        fields.push(Field::new("type", DataType::UInt8, false));
        columns.push(Arc::new(UInt8Array::from_iter_values(
            self.sources.iter().map(|source| match source {
                Source::Old(row) => kinds.map_or(0, |kinds| kinds.value(*row)),
                Source::Changed(_, value) | Source::Added(_, value) => self.values.kind(*value),
            }),
        )));
        for (name, data_type) in &COLUMNS {
            if let Some(column) = self
                .values
                .column(name, data_type, find(name), &self.sources)?
            {
                fields.push(Field::new(*name, column.data_type().clone(), true));
                columns.push(column);
            }
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
    }

    /// The key of every row of the new table.
    fn keys(&self, old: Option<&RecordBatch>) -> Result<ArrayRef, ArrowError> {
        let renamed = match old {
            Some(old) => {
                let keys = key_column(old)?;
                Some(Fates::of(self.actions, keys)?.rename(keys)?)
            }
            None => None,
        };
        let texts = renamed.as_ref().map(plain).transpose()?;
        let texts = texts.as_ref().map(|texts| texts.as_string::<i32>());
        let keys = self.sources.iter().map(|source| match source {
            Source::Old(row) | Source::Changed(row, _) => {
                texts.map_or("", |texts| texts.value(*row))
            }
            Source::Added(new, _) => self.added[*new].1,
        });
        encode_keys(keys)
    }
}

/// Keys behind a dictionary of as few bytes as will do; plain if there are too many of them.
fn encode_keys<'k>(keys: impl Iterator<Item = &'k str> + Clone) -> Result<ArrayRef, ArrowError> {
    let mut values = StringBuilder::new();
    let mut known: HashMap<&str, u16> = HashMap::new();
    let mut codes = Vec::with_capacity(keys.size_hint().0);
    // New rows come one key at a time.
    let mut last = ("", 0);
    for key in keys.clone() {
        if last.0 != key || known.is_empty() {
            let next = known.len();
            let code = match known.get(key) {
                Some(code) => *code,
                None => {
                    let Ok(code) = u16::try_from(next) else {
                        return Ok(Arc::new(StringArray::from_iter_values(keys)));
                    };
                    known.insert(key, code);
                    values.append_value(key);
                    code
                }
            };
            last = (key, code);
        }
        codes.push(last.1);
    }
    let values: ArrayRef = Arc::new(values.finish());
    if known.len() <= 1 << 8 {
        let codes = UInt8Array::from_iter_values(codes.iter().map(|code| *code as u8));
        return Ok(Arc::new(DictionaryArray::<UInt8Type>::try_new(
            codes, values,
        )?));
    }
    Ok(Arc::new(DictionaryArray::<UInt16Type>::try_new(
        UInt16Array::from(codes),
        values,
    )?))
}

/// The fate of each row by its key; each of a dictionary's keys is looked up once.
enum Fates<'a> {
    Rows(Vec<Option<&'a Fate>>),
    Narrow(&'a UInt8Array, Vec<Option<&'a Fate>>),
    Wide(&'a UInt16Array, Vec<Option<&'a Fate>>),
}

impl<'a> Fates<'a> {
    fn of(actions: &'a Actions, keys: &'a ArrayRef) -> Result<Self, ArrowError> {
        let texts = match keys.as_any_dictionary_opt() {
            Some(dictionary) => dictionary.values(),
            None => keys,
        };
        let texts = texts.as_string_opt::<i32>().ok_or_else(|| wrong(keys))?;
        let fates = texts.iter().map(|key| actions.fates.get(key?)).collect();
        Ok(match keys.data_type() {
            DataType::Dictionary(key, _) if **key == DataType::UInt8 => {
                Self::Narrow(keys.as_dictionary::<UInt8Type>().keys(), fates)
            }
            DataType::Dictionary(key, _) if **key == DataType::UInt16 => {
                Self::Wide(keys.as_dictionary::<UInt16Type>().keys(), fates)
            }
            DataType::Dictionary(..) => return Err(wrong(keys)),
            _ => Self::Rows(fates),
        })
    }

    fn all(&self) -> &[Option<&'a Fate>] {
        match self {
            Self::Rows(fates) | Self::Narrow(_, fates) | Self::Wide(_, fates) => fates,
        }
    }

    fn any(&self) -> bool {
        self.all().iter().any(Option::is_some)
    }

    fn get(&self, row: usize) -> Option<&'a Fate> {
        match self {
            Self::Rows(fates) => fates[row],
            Self::Narrow(keys, fates) => keys
                .is_valid(row)
                .then(|| fates[usize::from(keys.value(row))])?,
            Self::Wide(keys, fates) => keys
                .is_valid(row)
                .then(|| fates[usize::from(keys.value(row))])?,
        }
    }

    /// The keys with new ones for old: of a dictionary only its values change.
    fn rename(&self, keys: &ArrayRef) -> Result<ArrayRef, ArrowError> {
        if !self
            .all()
            .iter()
            .any(|fate| matches!(fate, Some(Fate::Renamed(_))))
        {
            return Ok(Arc::clone(keys));
        }
        let rename = |texts: &StringArray| -> ArrayRef {
            let renamed = texts.iter().zip(self.all()).map(|(text, fate)| match fate {
                Some(Fate::Renamed(to)) => Some(to.as_str()),
                _ => text,
            });
            Arc::new(renamed.collect::<StringArray>())
        };
        Ok(match keys.as_any_dictionary_opt() {
            Some(dictionary) => {
                dictionary.with_values(rename(dictionary.values().as_string::<i32>()))
            }
            None => rename(keys.as_string::<i32>()),
        })
    }
}

fn column<'a>(table: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, ArrowError> {
    table.column_by_name(name).ok_or_else(|| missing(name))
}

fn key_column(table: &RecordBatch) -> Result<&ArrayRef, ArrowError> {
    column(table, "key")
}

fn missing(name: &str) -> ArrowError {
    ArrowError::SchemaError(format!("the attributes have no column `{name}`"))
}

fn wrong(keys: &ArrayRef) -> ArrowError {
    ArrowError::SchemaError(format!("the attributes' keys are {}", keys.data_type()))
}

/// The hash of a value; maps, lists and empty values have none.
fn hash(salt: &str, value: Value<'_>) -> Option<String> {
    let mut hasher = Sha256::new();
    hasher.update(salt);
    match value {
        Value::Str(text) => hasher.update(text),
        Value::Int(int) => hasher.update(int.to_le_bytes()),
        Value::Double(double) => hasher.update(double.to_le_bytes()),
        Value::Bool(bool) => hasher.update([u8::from(bool)]),
        Value::Bytes(bytes) => hasher.update(bytes),
        _ => return None,
    }
    let mut text = String::with_capacity(64);
    for byte in hasher.finalize() {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    Some(text)
}
