//! The tables of a batch, by OTAP's numbers.

use crate::BatchError;

/// The tables that a batch of logs may have, with OTAP's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Payload {
    /// The attributes of resources.
    ResourceAttributes = 1,
    /// The attributes of scopes.
    ScopeAttributes = 2,
    /// The log records: the root table.
    Logs = 30,
    /// The attributes of log records.
    LogAttributes = 31,
}

impl Payload {
    pub(crate) const ALL: [Self; 4] = [
        Self::Logs,
        Self::LogAttributes,
        Self::ResourceAttributes,
        Self::ScopeAttributes,
    ];

    /// OTAP's number of the payload type.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The payload type with this number.
    ///
    /// # Errors
    ///
    /// [`BatchError::UnknownPayload`]: a log batch has no such table.
    pub fn from_code(code: u8) -> Result<Self, BatchError> {
        let found = Self::ALL.into_iter().find(|payload| payload.code() == code);
        found.ok_or(BatchError::UnknownPayload(code))
    }

    /// The name in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Logs => "logs",
            Self::LogAttributes => "log_attributes",
            Self::ResourceAttributes => "resource_attributes",
            Self::ScopeAttributes => "scope_attributes",
        }
    }

    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Logs => 0,
            Self::LogAttributes => 1,
            Self::ResourceAttributes => 2,
            Self::ScopeAttributes => 3,
        }
    }
}

/// Whose attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttributeTable {
    /// The logs'.
    Log,
    /// The resources'.
    Resource,
    /// The scopes'.
    Scope,
}

impl AttributeTable {
    /// The table's payload type.
    pub const fn payload(self) -> Payload {
        match self {
            Self::Log => Payload::LogAttributes,
            Self::Resource => Payload::ResourceAttributes,
            Self::Scope => Payload::ScopeAttributes,
        }
    }
}
