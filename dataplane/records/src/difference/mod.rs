//! Differences: the answer of a unit whose host kept the original (format section 4).
//!
//! [`DifferenceBuilder`] collects operations, knows the exact length, and writes them to the
//! payload of a slot; [`Difference`] checks one in full before it gives the first operation away
//! (S-15), and applies nothing itself.

mod builder;
mod reader;

pub use builder::DifferenceBuilder;
pub use reader::{Difference, Owners};

use bytemuck::{Pod, Zeroable};

/// Bytes of the payload's own header.
const HEADER_LEN: usize = 32;
/// Bytes of an operation.
const OPERATION_LEN: usize = 32;
const MAGIC: u32 = u32::from_le_bytes(*b"SDF1");
/// The owner that stands for every one.
const EVERY: u32 = u32::MAX;

/// What an operation changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Target {
    /// An attribute of a log record.
    LogAttribute = 1,
    /// An attribute of a resource.
    ResourceAttribute = 2,
    /// An attribute of a scope.
    ScopeAttribute = 3,
    /// The body.
    Body = 4,
    /// The severity number.
    SeverityNumber = 5,
    /// The severity text.
    SeverityText = 6,
    /// The event name.
    EventName = 7,
}

impl Target {
    fn from_wire(value: u8) -> Option<Self> {
        Some(match value {
            1 => Self::LogAttribute,
            2 => Self::ResourceAttribute,
            3 => Self::ScopeAttribute,
            4 => Self::Body,
            5 => Self::SeverityNumber,
            6 => Self::SeverityText,
            7 => Self::EventName,
            _ => return None,
        })
    }

    /// Whether it is an attribute, which has a key.
    #[must_use]
    pub fn has_key(self) -> bool {
        matches!(
            self,
            Self::LogAttribute | Self::ResourceAttribute | Self::ScopeAttribute
        )
    }
}

/// Whom an operation changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Owner {
    /// The item, resource or scope with this ordinal in the ingress batch.
    One(u32),
    /// Every one that stays and, for attributes, has the key.
    Every,
}

/// A value with its type (S-12).
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    /// Nothing.
    Empty,
    /// Text.
    Str(&'a str),
    /// An integer.
    Int(i64),
    /// A floating-point number; equal when all bits are.
    Double(f64),
    /// A truth value.
    Bool(bool),
    /// A map in CBOR.
    Map(&'a [u8]),
    /// A list in CBOR.
    Slice(&'a [u8]),
    /// Bytes.
    Bytes(&'a [u8]),
}

impl PartialEq for Value<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Empty, Self::Empty) => true,
            (Self::Str(a), Self::Str(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Double(a), Self::Double(b)) => a.to_bits() == b.to_bits(),
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Map(a), Self::Map(b))
            | (Self::Slice(a), Self::Slice(b))
            | (Self::Bytes(a), Self::Bytes(b)) => a == b,
            _ => false,
        }
    }
}

impl Value<'_> {
    fn wire_type(&self) -> u8 {
        match self {
            Self::Empty => 0,
            Self::Str(_) => 1,
            Self::Int(_) => 2,
            Self::Double(_) => 3,
            Self::Bool(_) => 4,
            Self::Map(_) => 5,
            Self::Slice(_) => 6,
            Self::Bytes(_) => 7,
        }
    }
}

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Action<'a> {
    /// Replaces the value in place; an attribute that is not there is added at the tail.
    Set(Value<'a>),
    /// Removes the attribute.
    Delete,
    /// Gives the attribute this key; one that already has it is removed first.
    Rename(&'a str),
}

/// One operation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Operation<'a> {
    /// What is changed.
    pub target: Target,
    /// Whose.
    pub owner: Owner,
    /// The attribute's key; empty for other targets.
    pub key: &'a str,
    /// How.
    pub action: Action<'a>,
}

#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct WireHeader {
    magic: u32,
    rows_in: u32,
    rows_kept: u32,
    bitmap_offset: u32,
    op_count: u32,
    ops_offset: u32,
    data_offset: u32,
    data_len: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
struct WireOperation {
    target: u8,
    action: u8,
    value_type: u8,
    reserved_3: u8,
    owner: u32,
    key_offset: u32,
    key_len: u32,
    value: u64,
    reserved_24: u64,
}

const _: () = assert!(size_of::<WireHeader>() == HEADER_LEN);
const _: () = assert!(size_of::<WireOperation>() == OPERATION_LEN);
