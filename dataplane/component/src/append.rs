//! Putting the logs of one batch behind those of another.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, RecordBatch, StructArray, UInt16Array};
use arrow_schema::ArrowError;

use crate::column::Column;
use crate::gather::{ColumnSet, Source, plain};
use crate::logs::struct_column;
use crate::rows::ids;
use crate::rows::values::complete_types;
use crate::{AttributeTable, Batch, BatchError, Columns, Payload};

impl Batch {
    /// Puts the logs of `other` behind those that are there, with resources and scopes of their
    /// own, whose ids are made new. The context stays.
    ///
    /// ```
    /// use strait_component::{Batch, BatchError, LogRecord, LogsBuilder};
    ///
    /// let mut more = LogsBuilder::new();
    /// more.push(LogRecord::new("started").with("env", "prod"))?;
    /// let mut batch = Batch::default();
    /// batch.append(more.finish()?)?;
    /// assert_eq!(batch.len(), 1);
    /// # Ok::<(), BatchError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`BatchError::Full`]: more than 65,536 logs with attributes, resources or scopes. Columns
    /// that outgrow Arrow's 2 GiB; OTLP bytes. The batch stays as it was.
    pub fn append(&mut self, other: Self) -> Result<(), BatchError> {
        self.has_records()?;
        other.has_records()?;
        if other.is_empty() {
            return Ok(());
        }
        let (mine, other, bases) = apart(self, other)?;
        let mut tables = mine.tables.clone();
        let logs = appended_logs(&mine, &other, bases);
        let logs = logs.map_err(|error| BatchError::arrow(Payload::Logs, error))?;
        tables[Payload::Logs.index()] = Some(logs);
        let mut written = Columns::table(Payload::Logs);
        for of in AttributeTable::ALL {
            let payload = of.payload();
            let Some(new) = other.table(payload) else {
                continue;
            };
            let shift =
                |column: &ArrayRef| shifted(Some(column), new.num_rows(), bases[of as usize]);
            let columns = ColumnSet::of_table(payload.schema().columns, mine.table(payload));
            let added = Added::of_table(new);
            let table = stacked(columns, &added, new.num_rows(), &[], |name, column| {
                (name == "parent_id").then(|| shift(column))
            });
            let rows = mine.table(payload).map_or(0, RecordBatch::num_rows) + new.num_rows();
            let table = table.and_then(|columns| columns.into_table(mine.table(payload), rows));
            tables[payload.index()] = Some(table.map_err(|e| BatchError::arrow(payload, e))?);
            written |= Columns::table(payload);
        }
        self.tables = tables;
        self.changes.edited(written);
        self.changes.renumbered();
        Ok(())
    }
}

/// Both, and what is added to the ids of the second so that they are none of the first's. Ids of
/// few may be high, of logs that stayed where others were dropped: then both are numbered anew.
fn apart(batch: &Batch, other: Batch) -> Result<(Batch, Batch, Bases), BatchError> {
    let (mut mine, mut other) = (batch.clone(), other);
    let mut bases = Bases::default();
    for of in AttributeTable::ALL {
        bases[of as usize] = match base(&mine, &other, of) {
            Ok(base) => base,
            Err(_) => {
                ids::renumber(&mut mine, of)?;
                ids::renumber(&mut other, of)?;
                base(&mine, &other, of)?
            }
        };
    }
    Ok((mine, other, bases))
}

type Bases = [u16; AttributeTable::ALL.len()];

/// What is added to the ids of `other`, so that they are none of those in `batch`.
fn base(batch: &Batch, other: &Batch, of: AttributeTable) -> Result<u16, BatchError> {
    let last = |batch: &Batch| {
        let (logs, attributes) = (batch.logs(), batch.attributes(of));
        let ids = (0..logs.len()).filter_map(|row| logs.ids(of).get(row));
        let parents = (0..attributes.len()).filter_map(|row| attributes.parents().get(row));
        ids.chain(parents).max()
    };
    let Some(mine) = last(batch) else {
        return Ok(0);
    };
    let Some(theirs) = last(other) else {
        return Ok(0);
    };
    let full = BatchError::Full {
        of: ids::owners(of),
    };
    match (mine.checked_add(1), theirs.checked_add(mine)) {
        (Some(base), Some(highest)) if highest < u16::MAX => Ok(base),
        _ => Err(full),
    }
}

/// The columns of what is added, by name.
#[derive(Default)]
struct Added<'a> {
    names: Vec<&'a str>,
    arrays: &'a [ArrayRef],
}

impl<'a> Added<'a> {
    fn of_table(table: &'a RecordBatch) -> Self {
        let fields = table.schema_ref().fields();
        Self {
            names: fields.iter().map(|field| field.name().as_str()).collect(),
            arrays: table.columns(),
        }
    }

    fn of_struct(group: &'a StructArray) -> Self {
        Self {
            names: group
                .fields()
                .iter()
                .map(|field| field.name().as_str())
                .collect(),
            arrays: group.columns(),
        }
    }
}

/// The columns with those of `added` behind them. `instead` may give another array for one of
/// these; those of the names in `but` are left alone.
fn stacked(
    mut columns: ColumnSet,
    added: &Added<'_>,
    rows: usize,
    but: &[&str],
    instead: impl Fn(&str, &ArrayRef) -> Option<ArrayRef>,
) -> Result<ColumnSet, ArrowError> {
    let before = columns.rows();
    let sources = |there: bool, behind: bool| -> Vec<Source> {
        let old = |row| {
            if there {
                Source::Old(row)
            } else {
                Source::Null
            }
        };
        let new = |row| {
            if behind {
                Source::New(row)
            } else {
                Source::Null
            }
        };
        (0..before).map(old).chain((0..rows).map(new)).collect()
    };
    let stays = |name: &str| but.contains(&name);
    for name in columns.names() {
        if !added.names.contains(&name.as_str()) && !stays(&name) {
            columns.spread(&name, &sources(true, false))?;
        }
    }
    let added = added.names.iter().zip(added.arrays);
    for (name, array) in added.filter(|(name, _)| !stays(name)) {
        let there = columns.get(name).is_some();
        if !there && before == 0 {
            let array = instead(name, array).unwrap_or_else(|| Arc::clone(array));
            columns.put(name, array);
            continue;
        }
        let array = match instead(name, array) {
            Some(array) => array,
            None => plain(array)?,
        };
        columns.gather(name, &array, &sources(there, true))?;
    }
    Ok(columns)
}

/// The root table with the logs of `other` behind its own.
fn appended_logs(batch: &Batch, other: &Batch, bases: Bases) -> Result<RecordBatch, ArrowError> {
    let table = batch.table(Payload::Logs);
    let Some(new) = other.table(Payload::Logs) else {
        return Err(ArrowError::SchemaError("no logs to append".into()));
    };
    let rows = new.num_rows();
    let of_logs = |table| ColumnSet::of_table(Payload::Logs.schema().columns, table);
    let columns = of_logs(table);
    let mut groups = Vec::new();
    for (name, prefix, of) in STRUCTS {
        let mine = table.and_then(|table| struct_column(table, name));
        let theirs = struct_column(new, name);
        if mine.is_none() && theirs.is_none() {
            continue;
        }
        // What is null as a whole has no values, on either side.
        let behind = theirs.map(|theirs| of_logs(Some(new)).of_struct(prefix, Some(theirs)));
        let behind = behind.transpose()?.map(|behind| behind.into_struct(None));
        let behind = behind.transpose()?;
        let behind = behind.as_ref().and_then(|group| group.as_struct_opt());
        let added = behind.map(Added::of_struct).unwrap_or_default();
        let inner = columns.of_struct(prefix, mine)?;
        let mut inner = stacked(inner, &added, rows, &[], |name, column| {
            let of = of.filter(|_| name == "id")?;
            Some(shifted(Some(column), rows, bases[of as usize]))
        })?;
        complete_types(&mut inner);
        groups.push((name, inner.into_struct(None)?));
    }
    let but = STRUCTS.map(|(name, ..)| name);
    let mut columns = stacked(
        columns,
        &Added::of_table(new),
        rows,
        &but,
        |name, column| {
            (name == "id").then(|| shifted(Some(column), rows, bases[AttributeTable::Log as usize]))
        },
    )?;
    for (name, group) in groups {
        columns.put(name, group);
    }
    columns.into_table(table, batch.len() + rows)
}

/// The structs of the root table, and whose ids are in them.
const STRUCTS: [(&str, &str, Option<AttributeTable>); 3] = [
    ("body", "body.", None),
    ("resource", "resource.", Some(AttributeTable::Resource)),
    ("scope", "scope.", Some(AttributeTable::Scope)),
];

/// Ids with `base` added.
fn shifted(column: Option<&ArrayRef>, rows: usize, base: u16) -> ArrayRef {
    let ids = Column::<UInt16Array>::of(column, None);
    let ids = (0..rows).map(|row| ids.get(row).map(|id| id + base));
    Arc::new(ids.collect::<UInt16Array>())
}
