//! Private headers of a batch: what this side notes on it while it is in the engine, one value
//! under each name. Nodes clone or drop them and never read them; nothing of them leaves a unit.

use otel_arrow_dfe_config::context::ContextEntryName;
use otel_arrow_dfe_config::context::transport_headers::{
    TransportHeader, TransportHeaderRef, TransportHeaderValue, TransportHeaders,
};
use otel_arrow_dfe_otap::pdata::OtapPdata;

/// What the names of private headers begin with. What comes from outside under such a name is left
/// out; the leading dot cannot occur there.
const PRIVATE: &str = ".strait-";

/// Whether a header is one that only this side may write.
pub(crate) fn is_private(name: &str) -> bool {
    name.get(..PRIVATE.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(PRIVATE))
}

/// A private header's name.
pub(super) fn entry(name: &str) -> ContextEntryName {
    ContextEntryName::try_from(name).expect("a printable name without a colon")
}

/// Gives a batch this value under this name, instead of what it had there.
pub(super) fn put(pdata: &mut OtapPdata, name: &ContextEntryName, value: Vec<u8>) {
    let mut headers = TransportHeaders::new();
    let others = pdata.transport_headers().into_iter();
    for header in others.flat_map(|headers| headers.iter()) {
        if header.name.as_str() != name.as_str()
            && let Some(header) = owned(&header)
        {
            headers.push(header);
        }
    }
    headers.push(TransportHeader::binary(name.clone(), value));
    pdata.set_transport_headers(headers);
}

/// What a batch has under this name.
pub(super) fn get<'a>(pdata: &'a OtapPdata, name: &str) -> Option<&'a [u8]> {
    let mut headers = pdata.transport_headers()?.iter();
    let header = headers.find(|header| header.name.as_str() == name)?;
    Some(header.value.bytes)
}

fn owned(header: &TransportHeaderRef<'_>) -> Option<TransportHeader> {
    Some(TransportHeader {
        name: ContextEntryName::try_from(header.name.as_str()).ok()?,
        value: TransportHeaderValue {
            original_name: header.value.original_name.map(Box::from),
            value_kind: header.value.value_kind,
            bytes: header.value.bytes.into(),
        },
    })
}
