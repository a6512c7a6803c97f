//! The private transport header that carries a batch's call through the engine.
//!
//! The engine's context does not tell an exporter which call a batch came from. So the receiver
//! puts one binary header, [`NAME`], on every batch: call id and generation. Nodes clone or drop
//! headers but never read this one; a batch without it was merged or made by the engine. What a
//! member of the SDK sends by itself has a number of its own there. The header is stripped at every
//! exit, so nothing outside a unit sees it.
//!
//! The generation differs for every lane start in this process and (by a random part) between
//! processes: a durable buffer may hand out a batch of an earlier life, whose call is long over.

use super::private;
use otel_arrow_dfe_config::context::ContextEntryName;
use otel_arrow_dfe_config::context::transport_headers::{
    TransportHeader, TransportHeaderRef, TransportHeaders,
};
use otel_arrow_dfe_otap::pdata::OtapPdata;
use std::sync::LazyLock;

/// Begins as every private header does ([`private`]).
const NAME: &str = ".strait-call";

static ENTRY: LazyLock<ContextEntryName> = LazyLock::new(|| private::entry(NAME));

/// What of a call's id says which link it is of (never 0).
const LINK: u64 = u64::MAX << 48;

/// The call that a batch belongs to, or the number of one that a member sent by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    /// Call id as the host gave it, or a number that no call has.
    pub(crate) call_id: u64,
    /// Generation of the lane that admitted the batch.
    pub(crate) generation: u64,
}

impl Tag {
    /// The number of a batch of no call, from a counter: it has nothing of a link.
    pub(crate) const fn own(count: u64) -> u64 {
        count & !LINK
    }

    /// Whether it is a call's.
    pub(crate) const fn is_of_call(&self) -> bool {
        self.call_id & LINK != 0
    }

    /// Adds the tag to the headers that go with the batch.
    pub(crate) fn append_to(self, headers: &mut TransportHeaders) {
        let mut value = Vec::with_capacity(16);
        value.extend_from_slice(&self.call_id.to_le_bytes());
        value.extend_from_slice(&self.generation.to_le_bytes());
        headers.push(TransportHeader::binary(ENTRY.clone(), value));
    }

    /// The tag of a batch; `None` when the batch was merged or made by the engine.
    pub(crate) fn of(pdata: &OtapPdata) -> Option<Self> {
        Self::among(pdata.transport_headers()?.iter())
    }

    /// The tag among `headers`. Two different tags are none: such a batch was merged.
    fn among<'a>(headers: impl Iterator<Item = TransportHeaderRef<'a>>) -> Option<Self> {
        let mut found = None;
        for header in headers.filter(|header| header.name.as_str() == NAME) {
            let bytes: &[u8; 16] = header.value.bytes.try_into().ok()?;
            let tag = Self {
                call_id: u64::from_le_bytes(bytes[..8].try_into().ok()?),
                generation: u64::from_le_bytes(bytes[8..].try_into().ok()?),
            };
            if found.is_some_and(|other| other != tag) {
                return None;
            }
            found = Some(tag);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_comes_back_and_two_tags_are_none() {
        let tag = Tag {
            call_id: 7 << 48 | 1,
            generation: u64::MAX,
        };
        let mut headers = TransportHeaders::new();
        assert_eq!(Tag::among(headers.iter()), None);
        tag.append_to(&mut headers);
        assert_eq!(Tag::among(headers.iter()), Some(tag));
        tag.append_to(&mut headers);
        assert_eq!(Tag::among(headers.iter()), Some(tag));
        Tag {
            call_id: 8,
            generation: 1,
        }
        .append_to(&mut headers);
        assert_eq!(Tag::among(headers.iter()), None);
    }
}
