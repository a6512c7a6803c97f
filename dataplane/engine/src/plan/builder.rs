//! The table: what each known node reads and writes, by its configuration.

use crate::catalog::attribute::{Action, AttributeConfig};
use crate::catalog::filter::{FilterConfig, LogMatch};
use crate::components;
use crate::plan::projection::{Plan, Projection, Writes, Written};
use crate::unit::Planned;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;
use strait_component::{Access, AttributeTable, Columns, Keys};

/// Attribute tables, in the order of the arrays here: logs, resources, scopes.
const TABLES: [Columns; 3] = [
    Columns::LOG_ATTRIBUTES,
    Columns::RESOURCE_ATTRIBUTES,
    Columns::SCOPE_ATTRIBUTES,
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

/// Columns that a difference can change.
const CHANGEABLE: [Columns; 4] = [
    Columns::BODY,
    Columns::SEVERITY_NUMBER,
    Columns::SEVERITY_TEXT,
    Columns::EVENT_NAME,
];

/// Collects what the nodes of a chain read and write.
#[derive(Default)]
pub(super) struct Builder {
    reads: Columns,
    writes: Columns,
    /// Keys that are read or written, by table.
    reads_keys: [Touched; 3],
    /// Keys that are written, by table.
    writes_keys: [Touched; 3],
    /// A node looks at attributes' values.
    values: bool,
    filters: bool,
    edits: bool,
}

/// Keys of one table.
#[derive(Default)]
struct Touched {
    all: bool,
    names: BTreeSet<String>,
}

impl Touched {
    fn add(&mut self, key: &str) {
        if !self.names.contains(key) {
            self.names.insert(key.to_owned());
        }
    }

    fn take(&mut self, keys: &Keys) {
        match keys {
            Keys::All => self.all = true,
            Keys::Named(keys) => keys.iter().for_each(|key| self.add(key)),
        }
    }

    fn list(&self) -> Vec<String> {
        if self.all {
            Vec::new()
        } else {
            self.names.iter().cloned().collect()
        }
    }

    fn written(&self) -> Written {
        if self.all {
            Written::All
        } else {
            Written::Named(self.list())
        }
    }
}

impl Builder {
    /// Adds a node. The error says why its unit takes whole batches only.
    pub(super) fn node(&mut self, planned: &Planned) -> Result<(), String> {
        match planned.kind.map(|kind| kind.name) {
            Some("attribute") => self.attribute(&planned.config),
            Some("filter") => self.filter(&planned.config),
            Some(_) => Err("what it reads is not known, or it keeps or repeats batches".into()),
            None => self.component(&planned.config),
        }
    }

    fn attribute(&mut self, config: &Value) -> Result<(), String> {
        let config = AttributeConfig::deserialize(config).map_err(|error| error.to_string())?;
        let tables = config.tables();
        for action in config.actions.unwrap_or_default() {
            self.edits = true;
            self.values |= matches!(action, Action::Hash { .. });
            for table in &tables {
                let table = match table {
                    AttributeTable::Log => 0,
                    AttributeTable::Resource => 1,
                    AttributeTable::Scope => 2,
                };
                for key in action.keys() {
                    self.reads_keys[table].add(key);
                    self.writes_keys[table].add(key);
                }
            }
        }
        Ok(())
    }

    fn filter(&mut self, config: &Value) -> Result<(), String> {
        let config = FilterConfig::deserialize(config).map_err(|error| error.to_string())?;
        for rules in [&config.logs.include, &config.logs.exclude]
            .into_iter()
            .flatten()
        {
            self.matches(rules);
        }
        Ok(())
    }

    fn matches(&mut self, rules: &LogMatch) {
        let LogMatch {
            match_type: _,
            resource_attributes,
            record_attributes,
            severity_texts,
            severity_number,
            bodies,
        } = rules;
        let mut column = |used: bool, column: Columns| {
            if used {
                self.reads = self.reads | column;
                self.filters = true;
            }
        };
        column(!severity_texts.is_empty(), Columns::SEVERITY_TEXT);
        column(severity_number.is_some(), Columns::SEVERITY_NUMBER);
        column(!bodies.is_empty(), Columns::BODY);
        for (table, pairs) in [(0, record_attributes), (1, resource_attributes)] {
            for pair in pairs {
                self.reads_keys[table].add(&pair.key);
                self.filters = true;
                self.values = true;
            }
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
        let known = |known: &[Columns], columns: Columns| {
            columns
                .names()
                .find(|name| !known.iter().chain(&TABLES).any(|c| c.names().eq([*name])))
        };
        if let Some(name) = known(&SENDABLE, access.reads | access.writes) {
            return Err(format!("it reads `{name}`, which is not sent alone"));
        }
        if let Some(name) = known(&CHANGEABLE, access.writes) {
            return Err(format!(
                "it writes `{name}`, which a difference cannot change"
            ));
        }
        self.reads = self.reads | access.reads | access.writes;
        self.writes = self.writes | access.writes;
        self.filters |= access.filters;
        self.edits |= access.edits();
        for (at, table) in TABLES.into_iter().enumerate() {
            if (access.reads | access.writes).contains(table) {
                self.values = true;
                self.reads_keys[at].take(&access.keys);
            }
            if access.writes.contains(table) {
                self.writes_keys[at].take(&access.keys);
            }
        }
        Ok(())
    }

    /// The projection of all nodes together.
    pub(super) fn finish(self) -> Result<Projection, String> {
        let [log, resource, scope] = &self.reads_keys;
        if self.filters && (log.all || log.names.contains("")) {
            // The host marks logs without attributes by a row with an empty key.
            return Err("it filters, and uses attributes with an empty key".into());
        }
        let columns = SENDABLE
            .into_iter()
            .filter(|column| self.reads.contains(*column));
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
            keys_only: !self.values,
            filters: self.filters,
            edits: self.edits,
            reason: String::new(),
        };
        let [log, resource, scope] = &self.writes_keys;
        let writes = Writes {
            log_attributes: log.written(),
            resource_attributes: resource.written(),
            scope_attributes: scope.written(),
            body: self.writes.contains(Columns::BODY),
            severity_number: self.writes.contains(Columns::SEVERITY_NUMBER),
            severity_text: self.writes.contains(Columns::SEVERITY_TEXT),
            event_name: self.writes.contains(Columns::EVENT_NAME),
        };
        Ok(Projection { plan, writes })
    }
}
