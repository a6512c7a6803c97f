//! The few parts of the flatbuffers format that record and dictionary batches need, every access
//! checked.
//!
//! Arrow's generated accessors need a verified buffer, and verifying costs more than reading; this
//! reader checks each offset where it follows it. It allocates nothing and cannot panic.

use crate::errors::Problem;

const OUTSIDE: Problem = Problem::Metadata("an offset leads out of the flatbuffer");

/// A table of a flatbuffer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table<'a> {
    buf: &'a [u8],
    at: usize,
    vtable: usize,
    vtable_len: usize,
}

impl<'a> Table<'a> {
    /// The root table of a flatbuffer.
    pub(crate) fn root(buf: &'a [u8]) -> Result<Self, Problem> {
        Self::follow(buf, 0)
    }

    /// The table that the offset at `at` leads to.
    fn follow(buf: &'a [u8], at: usize) -> Result<Self, Problem> {
        let at = indirect(buf, at)?;
        let distance = i32::from_le_bytes(chunk(buf, at)?);
        let vtable = i64::try_from(at).ok().map(|at| at - i64::from(distance));
        let vtable = vtable
            .and_then(|v| usize::try_from(v).ok())
            .ok_or(OUTSIDE)?;
        let vtable_len = usize::from(u16::from_le_bytes(chunk(buf, vtable)?));
        if vtable_len < 4
            || vtable
                .checked_add(vtable_len)
                .is_none_or(|end| end > buf.len())
        {
            return Err(OUTSIDE);
        }
        Ok(Self {
            buf,
            at,
            vtable,
            vtable_len,
        })
    }

    /// Where a field lies in the buffer; `None` if the table leaves it at its default.
    pub(crate) fn field(&self, index: usize) -> Result<Option<usize>, Problem> {
        let slot = 4 + 2 * index;
        if slot + 2 > self.vtable_len {
            return Ok(None);
        }
        let offset = u16::from_le_bytes(chunk(self.buf, self.vtable + slot)?);
        Ok((offset != 0).then(|| self.at + usize::from(offset)))
    }

    /// A scalar field of `N` bytes, zero if absent (the default of all fields read here).
    pub(crate) fn scalar<const N: usize>(&self, index: usize) -> Result<[u8; N], Problem> {
        self.field(index)?
            .map_or(Ok([0; N]), |at| chunk(self.buf, at))
    }

    /// A field that is a table.
    pub(crate) fn table(&self, index: usize) -> Result<Option<Self>, Problem> {
        self.field(index)?
            .map(|at| Self::follow(self.buf, at))
            .transpose()
    }

    /// Where the elements of a vector field of `size`-byte elements lie; empty if absent.
    pub(crate) fn vector(&self, index: usize, size: usize) -> Result<(usize, usize), Problem> {
        let Some(at) = self.field(index)? else {
            return Ok((0, 0));
        };
        let at = indirect(self.buf, at)?;
        let count = u32::from_le_bytes(chunk(self.buf, at)?) as usize;
        let (from, len) = (at + 4, count.checked_mul(size).ok_or(OUTSIDE)?);
        if from.checked_add(len).is_none_or(|end| end > self.buf.len()) {
            return Err(OUTSIDE);
        }
        Ok((from, len))
    }

    /// Where the table lies in the buffer: two tables that are one lie at the same place.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The tables of a vector field, each checked when it is taken; none if absent.
    pub(crate) fn tables(
        &self,
        index: usize,
    ) -> Result<impl ExactSizeIterator<Item = Result<Self, Problem>> + use<'a>, Problem> {
        let (from, len) = self.vector(index, 4)?;
        let buf = self.buf;
        Ok((0..len / 4).map(move |i| Self::follow(buf, from + 4 * i)))
    }

    /// The bytes of a vector field's elements.
    pub(crate) fn elements(&self, index: usize, size: usize) -> Result<&'a [u8], Problem> {
        let (from, len) = self.vector(index, size)?;
        self.buf.get(from..from + len).ok_or(OUTSIDE)
    }
}

/// Follows the unsigned offset at `at`.
fn indirect(buf: &[u8], at: usize) -> Result<usize, Problem> {
    let offset = u32::from_le_bytes(chunk(buf, at)?) as usize;
    at.checked_add(offset)
        .filter(|at| *at < buf.len())
        .ok_or(OUTSIDE)
}

fn chunk<const N: usize>(buf: &[u8], at: usize) -> Result<[u8; N], Problem> {
    buf.get(at..)
        .and_then(|rest| rest.first_chunk())
        .copied()
        .ok_or(OUTSIDE)
}
