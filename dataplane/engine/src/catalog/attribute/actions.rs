//! The configuration of the engine's attribute node, and what it asks for by key.

use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;
use strait_component::AttributeTable;

/// The node's configuration.
#[derive(Debug, Deserialize)]
pub(crate) struct AttributeConfig {
    pub(crate) actions: Option<Vec<Action>>,
    apply_to: Option<Vec<String>>,
}

impl AttributeConfig {
    /// Whose attributes it is about.
    pub(crate) fn tables(&self) -> Vec<AttributeTable> {
        let domains = self.apply_to.as_deref().unwrap_or_default();
        let applies = |domain: &str| domains.iter().any(|named| named == domain);
        let mut tables = Vec::new();
        if domains.is_empty() || applies("signal") {
            tables.push(AttributeTable::Log);
        }
        if applies("resource") {
            tables.push(AttributeTable::Resource);
        }
        if applies("scope") {
            tables.push(AttributeTable::Scope);
        }
        tables
    }
}

/// One action.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "action", rename_all = "lowercase")]
pub(crate) enum Action {
    Rename {
        source_key: String,
        destination_key: String,
    },
    Delete {
        key: String,
    },
    Insert {
        key: String,
        value: Literal,
    },
    Upsert {
        key: String,
        value: Literal,
    },
    Update {
        key: String,
        value: Literal,
    },
    Hash {
        key: String,
        #[serde(default)]
        salt: String,
    },
}

impl Action {
    /// The keys that it names.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        let (first, second) = match self {
            Self::Rename {
                source_key,
                destination_key,
            } => (source_key, Some(destination_key)),
            Self::Delete { key }
            | Self::Insert { key, .. }
            | Self::Upsert { key, .. }
            | Self::Update { key, .. }
            | Self::Hash { key, .. } => (key, None),
        };
        std::iter::once(first).chain(second).map(String::as_str)
    }
}

/// A configured value.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Literal {
    Bool(bool),
    Int(i64),
    Double(f64),
    Str(String),
}

/// What happens to attributes that have some key.
#[derive(Clone, Debug)]
pub(super) enum Fate {
    /// They get this key.
    Renamed(String),
    /// They are removed where the attribute with the other key is renamed to theirs: index of that
    /// rename's target among [`Actions::targets`].
    Displaced(usize),
    Deleted,
    /// They get the value with this number among [`Actions::literals`].
    Set(usize),
    Hashed(String),
}

/// The actions of one node, by key.
#[derive(Debug)]
pub(super) struct Actions {
    pub(super) tables: Vec<AttributeTable>,
    /// Every key is there once.
    pub(super) fates: HashMap<String, Fate>,
    /// New keys of renames, by number; `sources` has the old ones.
    pub(super) targets: Vec<String>,
    pub(super) sources: Vec<String>,
    /// What owners without the key get: a value's number.
    pub(super) added: Vec<(String, usize)>,
    /// Configured values.
    pub(super) literals: Vec<Literal>,
}

impl Actions {
    /// Reads the node's configuration.
    ///
    /// # Errors
    ///
    /// What the engine's own check finds too: it has run before.
    pub(super) fn read(config: &Value) -> Result<Self, serde_json::Error> {
        let config = AttributeConfig::deserialize(config)?;
        let mut actions = Self {
            tables: config.tables(),
            fates: HashMap::new(),
            targets: Vec::new(),
            sources: Vec::new(),
            added: Vec::new(),
            literals: Vec::new(),
        };
        for action in config.actions.unwrap_or_default() {
            actions.add(action);
        }
        Ok(actions)
    }

    fn add(&mut self, action: Action) {
        let (key, fate) = match action {
            Action::Rename {
                source_key,
                destination_key,
            } => {
                let number = self.targets.len();
                self.targets.push(destination_key.clone());
                self.sources.push(source_key.clone());
                self.fates
                    .insert(destination_key.clone(), Fate::Displaced(number));
                (source_key, Fate::Renamed(destination_key))
            }
            Action::Delete { key } => (key, Fate::Deleted),
            Action::Insert { key, value } => {
                let value = self.literal(value);
                self.added.push((key, value));
                return;
            }
            Action::Upsert { key, value } => {
                let value = self.literal(value);
                self.added.push((key.clone(), value));
                (key, Fate::Set(value))
            }
            Action::Update { key, value } => (key, Fate::Set(self.literal(value))),
            Action::Hash { key, salt } => (key, Fate::Hashed(salt)),
        };
        self.fates.insert(key, fate);
    }

    fn literal(&mut self, value: Literal) -> usize {
        self.literals.push(value);
        self.literals.len() - 1
    }
}
