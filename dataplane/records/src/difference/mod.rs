//! Differences: the answer of a unit whose host kept the original (format section 4).
//!
//! [`DifferenceBuilder`] collects operations, knows the exact length, and writes them to the
//! payload of a slot; [`Difference`] checks one in full before it gives the first operation away
//! (S-15), and applies nothing itself.

mod builder;
mod reader;
mod target;

pub use builder::DifferenceBuilder;
pub use reader::{Difference, Kept, Owners};
pub use target::Target;
pub(crate) use target::{Holds, Of};

use bytemuck::{Pod, Zeroable};

/// Bytes of the payload's own header.
const HEADER_LEN: usize = 32;
/// Bytes of a table's entry.
const TABLE_LEN: usize = 16;
/// Bytes of an operation.
const OPERATION_LEN: usize = 32;
const MAGIC: u32 = u32::from_le_bytes(*b"SDF2");
/// The owner that stands for every one.
const EVERY: u32 = u32::MAX;

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
    table_count: u32,
    tables_offset: u32,
    op_count: u32,
    ops_offset: u32,
    data_offset: u32,
    data_len: u32,
    reserved_28: u32,
}

#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct WireTable {
    payload: u16,
    reserved_2: u16,
    rows_in: u32,
    rows_kept: u32,
    bitmap_offset: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
struct WireOperation {
    payload: u16,
    column: u8,
    action: u8,
    value_type: u8,
    reserved_5: u8,
    reserved_6: u16,
    owner: u32,
    key_offset: u32,
    key_len: u32,
    reserved_20: u32,
    value: u64,
}

const _: () = assert!(size_of::<WireHeader>() == HEADER_LEN);
const _: () = assert!(size_of::<WireTable>() == TABLE_LEN);
const _: () = assert!(size_of::<WireOperation>() == OPERATION_LEN);
