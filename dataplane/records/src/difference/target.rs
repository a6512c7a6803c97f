//! What a difference can change, by the numbers of OTAP's schema.

use crate::otap::{PayloadSchema, column, payload};

/// A column of a root table, or the attributes of an attribute table.
///
/// Both have the payload type of their table and the number of the column in it; of attributes it
/// is the column that the value begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Target {
    payload: u16,
    column: u8,
    holds: Holds,
    of: Of,
}

/// What a target's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Holds {
    /// Attributes, which have keys, and values of any type.
    Attributes,
    /// A value of any type.
    Any,
    /// An integer of 32 bits.
    Int,
    /// Text.
    Text,
}

/// Whose a target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Of {
    /// The rows' of the table with this payload type.
    Rows(u16),
    /// The resources'.
    Resources,
    /// The scopes'.
    Scopes,
}

impl Target {
    /// The attributes of log records.
    pub const LOG_ATTRIBUTES: Self = Self::attributes(payload::LOG_ATTRS, Of::Rows(payload::LOGS));
    /// The attributes of resources.
    pub const RESOURCE_ATTRIBUTES: Self = Self::attributes(payload::RESOURCE_ATTRS, Of::Resources);
    /// The attributes of scopes.
    pub const SCOPE_ATTRIBUTES: Self = Self::attributes(payload::SCOPE_ATTRS, Of::Scopes);
    /// The body of log records.
    pub const BODY: Self = Self::of_logs(column::logs::BODY, Holds::Any);
    /// The severity number of log records.
    pub const SEVERITY_NUMBER: Self = Self::of_logs(column::logs::SEVERITY_NUMBER, Holds::Int);
    /// The severity text of log records.
    pub const SEVERITY_TEXT: Self = Self::of_logs(column::logs::SEVERITY_TEXT, Holds::Text);
    /// The event name of log records.
    pub const EVENT_NAME: Self = Self::of_logs(column::logs::EVENT_NAME, Holds::Text);

    const ALL: [Self; 7] = [
        Self::BODY,
        Self::SEVERITY_NUMBER,
        Self::SEVERITY_TEXT,
        Self::EVENT_NAME,
        Self::LOG_ATTRIBUTES,
        Self::RESOURCE_ATTRIBUTES,
        Self::SCOPE_ATTRIBUTES,
    ];

    const fn attributes(payload: u16, of: Of) -> Self {
        Self {
            payload,
            column: column::attributes::TYPE,
            holds: Holds::Attributes,
            of,
        }
    }

    const fn of_logs(column: u8, holds: Holds) -> Self {
        Self {
            payload: payload::LOGS,
            column,
            holds,
            of: Of::Rows(payload::LOGS),
        }
    }

    /// The target with these numbers; none where a difference cannot change the column.
    #[must_use]
    pub fn from_numbers(payload: u16, column: u8) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|target| (target.payload, target.column) == (payload, column))
    }

    /// Everything that a difference of a batch with this root table can change: first what the rows
    /// have themselves.
    pub fn all(root: u16) -> impl Iterator<Item = Self> {
        let all = Self::ALL.into_iter();
        all.filter(move |target| !matches!(target.of, Of::Rows(table) if table != root))
    }

    /// The payload type of its table.
    #[must_use]
    pub fn payload(self) -> u16 {
        self.payload
    }

    /// The number of its column.
    #[must_use]
    pub fn column(self) -> u8 {
        self.column
    }

    /// The name of its column.
    #[must_use]
    pub fn name(self) -> &'static str {
        let columns = PayloadSchema::of(self.payload).map_or(&[][..], |schema| schema.columns);
        let column = columns.get(usize::from(self.column));
        column.map_or("", |column| column.path)
    }

    /// Whether it is attributes, which have keys.
    #[must_use]
    pub fn has_key(self) -> bool {
        self.holds == Holds::Attributes
    }

    pub(crate) fn holds(self) -> Holds {
        self.holds
    }

    pub(crate) fn of(self) -> Of {
        self.of
    }
}

#[cfg(test)]
mod tests {
    use super::Target;
    use crate::otap::SCHEMAS;

    /// Guarantees: a difference can change what the schema says, and nothing else.
    #[test]
    fn targets_are_the_schemas() {
        let mut marked = Vec::new();
        for schema in SCHEMAS.iter().filter(|schema| schema.difference) {
            let columns = (0..).zip(schema.columns);
            let columns = columns.filter(|(_, column)| column.difference);
            marked.extend(columns.map(|(number, _)| (schema.number, number)));
        }
        let mut targets = Target::ALL.map(|target| (target.payload, target.column));
        targets.sort_unstable();
        assert_eq!(targets[..], marked);
    }
}
