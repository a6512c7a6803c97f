//! Text and bytes of variable length, and whether text is UTF-8 (S-13).
//!
//! Guarantees: text that comes out is UTF-8, checked here or vouched for by the link's trust.
//! Checking costs no more than a few times the bytes that the slot has, however many values name
//! the same ones (S-21).

use super::{Decoder, check_end};
use crate::errors::Problem;
use crate::message::BUFFER_LEN;
use crate::unchecked;
use arrow_array::types::{BinaryViewType, ByteArrayType};
use arrow_array::*;
use arrow_buffer::{Buffer, OffsetBuffer};
use arrow_data::{ByteView, MAX_INLINE_VIEW_LEN};
use arrow_schema::DataType;
use std::sync::Arc;

impl Decoder<'_> {
    pub(super) fn bytes<T: ByteArrayType>(&mut self) -> Result<ArrayRef, Problem> {
        let node = self.node()?;
        let nulls = self.nulls(node)?;
        let offsets = self.offsets::<T::Offset>(node.len)?;
        let values = self.buffer()?;
        check_end(&offsets, values.len())?;
        if !self.trust.is_trusted() && is_text(&T::DATA_TYPE) {
            check_text(&offsets, &values)?;
        }
        // Text was checked just now, or is the invariant of a trusted writer.
        Ok(Arc::new(unchecked::bytes::<T>(offsets, values, nulls)))
    }

    /// Values that name their bytes. With `text`, each is UTF-8.
    pub(super) fn view(&mut self, text: bool) -> Result<ArrayRef, Problem> {
        let node = self.node()?;
        let nulls = self.nulls(node)?;
        let views = self.scalars::<u128>(node.len)?;
        let buffers = self.view_buffers()?;
        // Checks that each value lies in its buffer; bytes are bytes.
        let array = GenericByteViewArray::<BinaryViewType>::try_new(views, buffers, nulls);
        let array = array.map_err(super::refused)?;
        if !text {
            return Ok(Arc::new(array));
        }
        if !self.trust.is_trusted() {
            self.check_views(&array)?;
        }
        Ok(Arc::new(unchecked::text_views(array)))
    }

    fn view_buffers(&mut self) -> Result<Vec<Buffer>, Problem> {
        let missing = Problem::Count {
            what: "variadic buffer counts",
            found: 0,
            needed: 1,
        };
        let (count, rest) = self.message.variadic.split_first_chunk().ok_or(missing)?;
        self.message.variadic = rest;
        let count = i64::from_le_bytes(*count);
        let left = (self.message.buffers.len() / BUFFER_LEN) as u64;
        if u64::try_from(count).is_err() || count as u64 > left {
            return Err(Problem::Count {
                what: "buffers",
                found: left,
                needed: count as u64,
            });
        }
        (0..count).map(|_| self.buffer()).collect()
    }

    /// Checks that every value is UTF-8. Many values may name the same bytes, so a buffer that is
    /// text as a whole is looked at once, and values in it only at their ends; what is looked at
    /// again is counted.
    fn check_views(&mut self, array: &BinaryViewArray) -> Result<(), Problem> {
        let buffers = array.data_buffers().iter();
        let texts: Vec<Option<&str>> = buffers.map(|b| std::str::from_utf8(b).ok()).collect();
        for view in array.views().iter() {
            let len = *view as u32;
            if len <= MAX_INLINE_VIEW_LEN {
                utf8(&view.to_le_bytes()[4..4 + len as usize])?;
                continue;
            }
            let view = ByteView::from(*view);
            let (buffer, from) = (view.buffer_index as usize, view.offset as usize);
            let to = from + len as usize;
            match texts[buffer] {
                Some(text) if text.is_char_boundary(from) && text.is_char_boundary(to) => {}
                _ => {
                    self.budget.bytes(len as usize)?;
                    utf8(&array.data_buffers()[buffer][from..to])?;
                }
            }
        }
        Ok(())
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(bytes).map_err(|error| Problem::Text {
        at: error.valid_up_to() as u64,
        len: bytes.len() as u64,
    })
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8)
}

/// Checks that every value is UTF-8 (S-13): what the offsets span is, and each of them is between
/// two characters.
fn check_text<O: OffsetSizeTrait>(offsets: &OffsetBuffer<O>, values: &[u8]) -> Result<(), Problem> {
    let (first, last) = (offsets[0].as_usize(), offsets[offsets.len() - 1].as_usize());
    let wrong = |at: usize| Problem::Text {
        at: at as u64,
        len: (last - first) as u64,
    };
    let text = utf8(&values[first..last])?;
    match offsets
        .iter()
        .map(|o| o.as_usize() - first)
        .find(|at| !text.is_char_boundary(*at))
    {
        None => Ok(()),
        Some(at) => Err(wrong(at)),
    }
}
