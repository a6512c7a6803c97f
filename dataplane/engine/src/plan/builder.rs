//! From what the nodes of a chain read and write to the plan of their unit.

use crate::catalog::reads::{Named, Reads, Touched};
use crate::plan::projection::{Numbered, Plan, Projection, Table};
use crate::unit::Planned;
use strait_component::{Access, AttributeTable, Columns, Payload, TableColumn};
use strait_records::compare::{Keys, Watched};
use strait_records::difference::Target;

/// The tables of logs, those that are sent in part.
const TABLES: [Payload; 4] = [
    Payload::Logs,
    Payload::LogAttributes,
    Payload::ResourceAttributes,
    Payload::ScopeAttributes,
];

/// Collects what the nodes of a chain read and write.
#[derive(Default)]
pub(super) struct Builder(Reads);

impl Builder {
    /// Adds a node. The error says why its unit takes whole batches only.
    pub(super) fn node(&mut self, planned: &Planned) -> Result<(), String> {
        match planned.kind {
            Some(kind) => {
                let reads = kind
                    .reads
                    .ok_or("what it reads is not known, or it keeps or repeats batches")?;
                reads(&planned.config, &mut self.0)
            }
            None => self.component(planned.access.as_ref()),
        }
    }

    /// A component of the SDK says itself what it does.
    fn component(&mut self, access: Option<&Access>) -> Result<(), String> {
        self.access(access.ok_or("it is not linked in")?)
    }

    pub(super) fn access(&mut self, access: &Access) -> Result<(), String> {
        if !access.keeps_ids {
            return Err("it changes ids or the order of rows".into());
        }
        if access.retains {
            return Err("it keeps batches".into());
        }
        // An attribute is written as a whole.
        let attributes = of_logs(access.writes).filter(|column| column.payload.is_attributes());
        let writes = attributes.fold(access.writes, |writes, column| {
            writes | Columns::table(column.payload)
        });
        for column in of_logs(access.reads | writes) {
            if !column.sent_alone {
                return Err(format!("it reads `{column}`, which is not sent alone"));
            }
            let written = writes.contains(column.into()) && column.name != "key";
            if written && target(column).is_none() {
                return Err(format!(
                    "it writes `{column}`, which a difference cannot change"
                ));
            }
        }
        let reads = &mut self.0;
        reads.read.take(access.reads | writes, &access.keys);
        reads.written.take(writes, &access.keys);
        reads.filters |= access.filters;
        reads.edits |= access.edits();
        Ok(())
    }

    /// The projection of all nodes together.
    pub(super) fn finish(self) -> Result<Projection, String> {
        let reads = self.0;
        let of_items = reads.read.keys(Payload::LogAttributes);
        if reads.filters && of_items.is_some_and(|keys| keys.has("")) {
            // The host marks logs without attributes by a row with an empty key.
            return Err("it filters, and uses attributes with an empty key".into());
        }
        let tables = TABLES
            .into_iter()
            .filter_map(|of| Some((of.name().to_owned(), table(of, &reads.read)?)));
        let plan = Plan {
            projectable: true,
            filters: reads.filters,
            edits: reads.edits,
            reason: String::new(),
            tables: tables.collect(),
        };
        let mut projection = Projection {
            plan,
            ..Projection::default()
        };
        for column in of_logs(reads.written.columns) {
            if let Some(target) = target(column) {
                projection.write(target, column, &reads);
            }
        }
        Ok(projection)
    }
}

/// What of a set of columns is in a batch of logs.
fn of_logs(columns: Columns) -> impl Iterator<Item = TableColumn> {
    let columns = columns.iter();
    columns.filter(|column| TABLES.contains(&column.payload))
}

/// What a difference calls a column, where it can change it.
fn target(column: TableColumn) -> Option<Target> {
    Target::from_numbers(column.payload.code().into(), column.number)
}

/// What is read of a table; `None` if nothing is.
fn table(of: Payload, read: &Touched) -> Option<Table> {
    let columns = read.names(of);
    let keys = read.keys(of);
    // Attributes of no key are none.
    if columns.is_empty() || (keys.is_none() && columns.contains(&"key")) {
        return None;
    }
    Some(Table {
        columns: columns.into_iter().map(str::to_owned).collect(),
        keys: keys.map(Named::list).unwrap_or_default(),
        all: keys.is_some_and(|keys| keys.all),
    })
}

impl Projection {
    /// Adds something that is written.
    fn write(&mut self, target: Target, column: TableColumn, reads: &Reads) {
        let of = column.payload;
        let keys = match reads.written.keys(of) {
            None if target.has_key() => return,
            None => Keys::All,
            Some(named) if named.all => Keys::All,
            Some(named) => Keys::Only(named.list()),
        };
        // A column that is written is read, save the values of attributes.
        if reads.read.columns.contains(column.into()) {
            self.compared.push(Watched { target, keys });
        } else if let Keys::Only(keys) = keys {
            let tables = AttributeTable::ALL.into_iter();
            let tables = tables.filter(|table| table.payload() == of);
            let numbered = tables.map(|of| Numbered {
                of,
                target,
                keys: keys.clone(),
            });
            self.numbered.extend(numbered);
        }
    }
}
