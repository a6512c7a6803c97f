//! From what the nodes of a chain read and write to the plan of their unit.

use crate::catalog::reads::Reads;
use crate::components;
use crate::plan::projection::{Numbered, Plan, Projection, target};
use crate::unit::Planned;
use serde_json::Value;
use strait_component::{Access, AttributeTable, Columns};
use strait_records::compare::{Keys, Watched};
use strait_records::difference::Target;

/// Attribute tables, and the columns by which components declare them.
const TABLES: [(AttributeTable, Columns); 3] = [
    (AttributeTable::Log, Columns::LOG_ATTRIBUTES),
    (AttributeTable::Resource, Columns::RESOURCE_ATTRIBUTES),
    (AttributeTable::Scope, Columns::SCOPE_ATTRIBUTES),
];

/// Columns of the Logs table that a host can send by name.
const SENDABLE: [Columns; 10] = [
    Columns::TIME,
    Columns::OBSERVED_TIME,
    Columns::TRACE_ID,
    Columns::SPAN_ID,
    Columns::SEVERITY_NUMBER,
    Columns::SEVERITY_TEXT,
    Columns::BODY,
    Columns::DROPPED_ATTRIBUTES_COUNT,
    Columns::FLAGS,
    Columns::EVENT_NAME,
];

/// Columns that a difference can change, and what it calls them.
const CHANGEABLE: [(Columns, Target); 4] = [
    (Columns::BODY, Target::BODY),
    (Columns::SEVERITY_NUMBER, Target::SEVERITY_NUMBER),
    (Columns::SEVERITY_TEXT, Target::SEVERITY_TEXT),
    (Columns::EVENT_NAME, Target::EVENT_NAME),
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
            None => self.component(&planned.config),
        }
    }

    /// A component of the SDK says itself what it does.
    fn component(&mut self, config: &Value) -> Result<(), String> {
        let access = components::access(config).ok_or("it is not linked in")?;
        self.access(&access)
    }

    pub(super) fn access(&mut self, access: &Access) -> Result<(), String> {
        if !access.keeps_ids {
            return Err("it changes ids or the order of rows".into());
        }
        if access.retains {
            return Err("it keeps batches".into());
        }
        let unknown = |known: &[Columns], columns: Columns| {
            let tables = TABLES.iter().map(|(_, column)| column);
            let known: Vec<_> = known.iter().chain(tables).collect();
            columns
                .names()
                .find(|name| !known.iter().any(|column| column.names().eq([*name])))
        };
        if let Some(name) = unknown(&SENDABLE, access.reads | access.writes) {
            return Err(format!("it reads `{name}`, which is not sent alone"));
        }
        if let Some(name) = unknown(&CHANGEABLE.map(|(column, _)| column), access.writes) {
            return Err(format!(
                "it writes `{name}`, which a difference cannot change"
            ));
        }
        let reads = &mut self.0;
        reads.columns = reads.columns | access.reads | access.writes;
        reads.written = reads.written | access.writes;
        reads.filters |= access.filters;
        reads.edits |= access.edits();
        for (table, column) in TABLES {
            if (access.reads | access.writes).contains(column) {
                reads.values = true;
                reads.keys.of_mut(table).take(&access.keys);
            }
            if access.writes.contains(column) {
                reads.written_keys.of_mut(table).take(&access.keys);
            }
        }
        Ok(())
    }

    /// The projection of all nodes together.
    pub(super) fn finish(self) -> Result<Projection, String> {
        let reads = self.0;
        let [log, resource, scope] = TABLES.map(|(table, _)| reads.keys.of(table));
        if reads.filters && log.has("") {
            // The host marks logs without attributes by a row with an empty key.
            return Err("it filters, and uses attributes with an empty key".into());
        }
        let columns = SENDABLE
            .into_iter()
            .filter(|column| reads.columns.contains(*column));
        let plan = Plan {
            projectable: true,
            columns: columns
                .flat_map(|column| column.names())
                .map(str::to_owned)
                .collect(),
            keys: log.list(),
            resource_keys: resource.list(),
            scope_keys: scope.list(),
            all_attributes: log.all,
            all_resource_attributes: resource.all,
            all_scope_attributes: scope.all,
            keys_only: !reads.values,
            filters: reads.filters,
            edits: reads.edits,
            reason: String::new(),
        };
        Ok(Projection {
            plan,
            compared: compared(&reads),
            numbered: numbered(&reads),
        })
    }
}

/// What is written of which the values are sent.
fn compared(reads: &Reads) -> Vec<Watched> {
    let watched = |target, keys| Watched { target, keys };
    let columns = CHANGEABLE.into_iter();
    let columns = columns.filter(|(column, _)| reads.written.contains(*column));
    let columns = columns.map(|(_, target)| watched(target, Keys::All));
    let attributes = TABLES.into_iter().filter_map(|(of, _)| {
        let written = reads.written_keys.of(of);
        let keys = match written.list() {
            _ if written.all => Keys::All,
            keys if keys.is_empty() || !reads.values => return None,
            keys => Keys::Only(keys),
        };
        Some(watched(target(of), keys))
    });
    columns.chain(attributes).collect()
}

/// What is written of attributes of which keys alone are sent.
fn numbered(reads: &Reads) -> Vec<Numbered> {
    if reads.values {
        return Vec::new();
    }
    let tables = TABLES.into_iter().map(|(of, _)| Numbered {
        of,
        keys: reads.written_keys.of(of).list(),
    });
    tables.filter(|table| !table.keys.is_empty()).collect()
}
