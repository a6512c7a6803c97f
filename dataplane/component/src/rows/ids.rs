//! Ids of logs, resources and scopes: which ones chosen logs have, and new ones for those that
//! have none, as what has no attributes may.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, UInt16Array};
use arrow_buffer::BooleanBuffer;
use arrow_select::filter::filter_record_batch;

use crate::gather::ColumnSet;
use crate::id_set::IdSet;
use crate::logs::struct_column;
use crate::{AttributeTable, Batch, BatchError, Payload};

/// What a root column of ids is called: that of the logs, or of the struct it is in.
pub(crate) const fn group(of: AttributeTable) -> Option<(&'static str, &'static str)> {
    match of {
        AttributeTable::Log => None,
        AttributeTable::Resource => Some(("resource", "resource.")),
        AttributeTable::Scope => Some(("scope", "scope.")),
    }
}

/// What ids are those of.
pub(crate) const fn owners(of: AttributeTable) -> &'static str {
    match of {
        AttributeTable::Log => "logs",
        AttributeTable::Resource => "resources",
        AttributeTable::Scope => "scopes",
    }
}

/// The ids of the chosen logs.
pub(super) fn of_rows(batch: &Batch, of: AttributeTable, rows: &BooleanBuffer) -> IdSet {
    let logs = batch.logs();
    let ids = logs.ids(of);
    let found = rows.set_indices().filter_map(|row| ids.get(row));
    found.collect()
}

/// Gives ids to chosen logs that have none. Logs without a resource, or without a scope, are those
/// of one that has nothing: they get one id for all of them.
///
/// # Errors
///
/// All of the 65,536 ids are in use; the batch stays as it was.
pub(super) fn fill(
    batch: &mut Batch,
    of: AttributeTable,
    rows: Option<&BooleanBuffer>,
) -> Result<(), BatchError> {
    let logs = batch.logs();
    let ids = logs.ids(of);
    let chosen = |row| rows.is_none_or(|rows| rows.value(row));
    let lacks = |row: &usize| chosen(*row) && ids.get(*row).is_none();
    if !(0..logs.len()).any(|row| lacks(&row)) {
        return Ok(());
    }
    // Attributes of nobody would come to whom their id is given.
    let attributes = batch.attributes(of);
    let parents = (0..attributes.len()).filter_map(|row| attributes.parents().get(row));
    let used = (0..logs.len())
        .filter_map(|row| ids.get(row))
        .chain(parents);
    let used: IdSet = used.collect();
    let mut free = (0..=u16::MAX).filter(|id| !used.contains(*id));
    let mut next = || free.next().ok_or(BatchError::Full { of: owners(of) });
    let shared = group(of).map(|_| next()).transpose()?;
    let new = (0..logs.len()).map(|row| match (ids.get(row), shared) {
        (Some(id), _) => Ok(Some(id)),
        (None, Some(shared)) => Ok(Some(shared)),
        (None, None) if lacks(&row) => next().map(Some),
        (None, None) => Ok(None),
    });
    let new: ArrayRef = Arc::new(new.collect::<Result<UInt16Array, BatchError>>()?);

    put(batch, of, new)
}

/// Numbers what has ids anew, from 0 in the order of the logs; attributes of nobody are dropped.
///
/// # Errors
///
/// Arrow's; the batch stays as it was.
pub(crate) fn renumber(batch: &mut Batch, of: AttributeTable) -> Result<(), BatchError> {
    let logs = batch.logs();
    let ids = logs.ids(of);
    let mut new: HashMap<u16, u16> = HashMap::new();
    let mut number = |id| {
        // No more than there are ids.
        let next = new.len() as u16;
        *new.entry(id).or_insert(next)
    };
    let of_logs = (0..logs.len()).map(|row| ids.get(row).map(&mut number));
    let of_logs: ArrayRef = Arc::new(of_logs.collect::<UInt16Array>());
    let mut batch_after = batch.clone();
    if let Some(table) = batch.table(of.payload()) {
        let attributes = batch.attributes(of);
        let parents = (0..attributes.len()).map(|row| new.get(&attributes.parents().get(row)?));
        let parents: Vec<Option<u16>> = parents.map(Option::<&u16>::copied).collect();
        let somebodys = parents.iter().map(|parent| Some(parent.is_some()));
        let table = filter_record_batch(table, &somebodys.collect::<BooleanArray>());
        let table = table.map_err(|error| BatchError::arrow(of.payload(), error))?;
        let parents: UInt16Array = parents.into_iter().flatten().map(Some).collect();
        let rows = parents.len();
        let mut columns = ColumnSet::of_table(of.payload().schema().columns, Some(&table));
        columns.put("parent_id", Arc::new(parents));
        let table = columns.into_table(Some(&table), rows);
        let table = table.map_err(|error| BatchError::arrow(of.payload(), error))?;
        batch_after.tables[of.payload().index()] = Some(table);
    }
    put(&mut batch_after, of, of_logs)?;
    *batch = batch_after;
    Ok(())
}

/// Gives the logs these ids.
fn put(batch: &mut Batch, of: AttributeTable, ids: ArrayRef) -> Result<(), BatchError> {
    let Some(table) = batch.table(Payload::Logs) else {
        return Ok(());
    };
    let rows = table.num_rows();
    let mut columns = ColumnSet::of_table(Payload::Logs.schema().columns, Some(table));
    match group(of) {
        None => columns.put("id", ids),
        Some((name, prefix)) => {
            let inner = columns.of_struct(prefix, struct_column(table, name));
            let mut inner = inner.map_err(arrow)?;
            inner.put("id", ids);
            let group = inner.into_struct(None).map_err(arrow)?;
            columns.put(name, group);
        }
    }
    let table = columns.into_table(Some(table), rows).map_err(arrow)?;
    batch.tables[Payload::Logs.index()] = Some(table);
    Ok(())
}

fn arrow(error: arrow_schema::ArrowError) -> BatchError {
    BatchError::arrow(Payload::Logs, error)
}
