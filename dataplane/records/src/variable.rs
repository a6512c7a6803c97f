//! The variable section of a batch: tracestate and client metadata (S-1).
//!
//! [`Variable`] builds one in a buffer that is used again; [`Metadata`] and [`Values`] walk one in
//! place. Order and repetition of keys and values are kept; keys and values are bytes, their text
//! is not checked here, nor which keys are reserved ([`is_reserved`]).

use crate::errors::{Error, Expected};
use crate::limits::{MAX_METADATA, MAX_TRACESTATE};

const PART: &str = "variable section";

/// Key of the client's address, whose one value is its text (S-22).
pub const PEER: &[u8] = b":peer";
/// What the keys of the client's authentication data begin with, before the attribute's name; the
/// values are that attribute's, as text (S-22).
pub const AUTH: &[u8] = b":auth.";

/// Whether no client can have metadata under this key (S-22).
#[must_use]
pub fn is_reserved(key: &[u8]) -> bool {
    key.first() == Some(&b':')
}

/// A variable section to be written. Reuse it: [`clear`](Self::clear) keeps the memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variable {
    bytes: Vec<u8>,
    tracestate_len: u16,
    metadata_count: u32,
}

impl Variable {
    /// An empty section.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets everything, keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.tracestate_len = 0;
        self.metadata_count = 0;
    }

    /// Takes over a section that has passed [`check`] with these numbers, byte for byte.
    pub(crate) fn copy_from(&mut self, section: &[u8], tracestate_len: u16, keys: u32) {
        self.clear();
        self.bytes.extend_from_slice(section);
        self.tracestate_len = tracestate_len;
        self.metadata_count = keys;
    }

    /// Sets the W3C tracestate; the metadata added before stays.
    ///
    /// # Errors
    /// [`Error::TooLarge`] beyond [`MAX_TRACESTATE`] bytes; the section is then unchanged.
    pub fn set_tracestate(&mut self, tracestate: &[u8]) -> Result<(), Error> {
        limit("the tracestate's length", tracestate.len(), MAX_TRACESTATE)?;
        let old = usize::from(self.tracestate_len);
        self.bytes.splice(..old, tracestate.iter().copied());
        self.tracestate_len = tracestate.len() as u16;
        Ok(())
    }

    /// Adds one key of client metadata with its values, behind those that are there.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when the key is longer than 65,535 bytes, has more than 65,535 values, a
    /// value is longer than `u32` can say, or it is the 1,025th key; the section is then unchanged.
    pub fn add<V: AsRef<[u8]>>(
        &mut self,
        key: &[u8],
        values: impl IntoIterator<Item = V>,
    ) -> Result<(), Error> {
        let before = self.bytes.len();
        let added = self.append(key, values);
        match added {
            Ok(()) => self.metadata_count += 1,
            Err(_) => self.bytes.truncate(before),
        }
        added
    }

    fn append<V: AsRef<[u8]>>(
        &mut self,
        key: &[u8],
        values: impl IntoIterator<Item = V>,
    ) -> Result<(), Error> {
        limit(
            "the number of metadata keys",
            self.metadata_count as usize + 1,
            MAX_METADATA as usize,
        )?;
        limit("a metadata key's length", key.len(), usize::from(u16::MAX))?;
        self.bytes
            .extend_from_slice(&(key.len() as u16).to_le_bytes());
        let count_at = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 2]);
        self.bytes.extend_from_slice(key);
        let mut count = 0;
        for value in values {
            let value = value.as_ref();
            count += 1;
            limit(
                "a metadata key's number of values",
                count,
                usize::from(u16::MAX),
            )?;
            limit(
                "the variable section",
                self.bytes.len() + value.len(),
                i32::MAX as usize,
            )?;
            self.bytes
                .extend_from_slice(&(value.len() as u32).to_le_bytes());
            self.bytes.extend_from_slice(value);
        }
        self.bytes[count_at..count_at + 2].copy_from_slice(&(count as u16).to_le_bytes());
        Ok(())
    }

    /// Bytes of the section.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is neither tracestate nor metadata.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn tracestate_len(&self) -> u16 {
        self.tracestate_len
    }

    pub(crate) fn metadata_count(&self) -> u32 {
        self.metadata_count
    }
}

fn limit(what: &'static str, found: usize, limit: usize) -> Result<(), Error> {
    if found > limit {
        return Err(Error::TooLarge {
            what,
            found: found as u64,
            limit: limit as u64,
        });
    }
    Ok(())
}

/// Walks the section once: every length in bounds, and nothing left over.
pub(crate) fn check(section: &[u8], tracestate_len: u16, keys: u32) -> Result<(), Error> {
    let short = |needed: usize, found: usize| Error::Truncated {
        part: PART,
        needed: needed as u64,
        found: found as u64,
    };
    let mut rest = section
        .get(usize::from(tracestate_len)..)
        .ok_or_else(|| short(tracestate_len.into(), section.len()))?;
    for _ in 0..keys {
        let (key, values) = key_lens(rest).ok_or_else(|| short(4, rest.len()))?;
        rest = rest
            .get(4 + key..)
            .ok_or_else(|| short(4 + key, rest.len()))?;
        for _ in 0..values {
            let len = value_len(rest).ok_or_else(|| short(4, rest.len()))?;
            let end = len.saturating_add(4);
            rest = rest.get(end..).ok_or_else(|| short(end, rest.len()))?;
        }
    }
    if rest.is_empty() {
        return Ok(());
    }
    Err(Error::Field {
        part: PART,
        field: "variable_len",
        found: section.len() as u64,
        expected: Expected::Exactly((section.len() - rest.len()) as u64),
    })
}

/// Key length and number of values.
fn key_lens(bytes: &[u8]) -> Option<(usize, u16)> {
    let (key, rest) = bytes.split_first_chunk()?;
    let (values, _) = rest.split_first_chunk()?;
    Some((u16::from_le_bytes(*key).into(), u16::from_le_bytes(*values)))
}

fn value_len(bytes: &[u8]) -> Option<usize> {
    bytes
        .first_chunk()
        .map(|len| u32::from_le_bytes(*len) as usize)
}

/// Client metadata of a received batch: keys in order, each with its values. Allocates nothing.
#[derive(Debug, Clone)]
pub struct Metadata<'a> {
    rest: &'a [u8],
    keys: u32,
}

impl<'a> Metadata<'a> {
    /// `rest` has passed [`check`] with this number of keys.
    pub(crate) fn new(rest: &'a [u8], keys: u32) -> Self {
        Self { rest, keys }
    }
}

impl<'a> Iterator for Metadata<'a> {
    type Item = (&'a [u8], Values<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.keys = self.keys.checked_sub(1)?;
        let (key_len, count) = key_lens(self.rest)?;
        let (key, rest) = self.rest.get(4..)?.split_at_checked(key_len)?;
        let mut values = Values { rest, count };
        let found = values.clone();
        values.by_ref().for_each(drop);
        self.rest = values.rest;
        Some((key, found))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.keys as usize, Some(self.keys as usize))
    }
}

impl ExactSizeIterator for Metadata<'_> {}

/// Values of one key of client metadata, in order. Allocates nothing.
#[derive(Debug, Clone)]
pub struct Values<'a> {
    rest: &'a [u8],
    count: u16,
}

impl<'a> Iterator for Values<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        self.count = self.count.checked_sub(1)?;
        let len = value_len(self.rest)?;
        let (value, rest) = self.rest.get(4..)?.split_at_checked(len)?;
        self.rest = rest;
        Some(value)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.count.into(), Some(self.count.into()))
    }
}

impl ExactSizeIterator for Values<'_> {}
