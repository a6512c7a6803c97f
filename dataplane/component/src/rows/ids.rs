//! Ids of logs, resources and scopes: which ones chosen logs have, and new ones for those that
//! have none, as what has no attributes may.

use std::sync::Arc;

use arrow_array::{ArrayRef, UInt16Array};
use arrow_buffer::BooleanBuffer;

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
    let Some(table) = batch.table(Payload::Logs) else {
        return Ok(());
    };
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

    let mut columns = ColumnSet::of_table(Payload::Logs.schema().columns, Some(table));
    match group(of) {
        None => columns.put("id", new),
        Some((name, prefix)) => {
            let inner = columns.of_struct(prefix, struct_column(table, name));
            let mut inner = inner.map_err(arrow)?;
            inner.put("id", new);
            let group = inner.into_struct(None).map_err(arrow)?;
            columns.put(name, group);
        }
    }
    let table = columns.into_table(Some(table), logs.len()).map_err(arrow)?;
    batch.tables[Payload::Logs.index()] = Some(table);
    Ok(())
}

fn arrow(error: arrow_schema::ArrowError) -> BatchError {
    BatchError::arrow(Payload::Logs, error)
}
