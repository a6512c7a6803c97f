//! By which edge a batch leaves, where a graph chooses that: the node before the egress
//! ([`way_out`](crate::nodes::way_out)) notes the edge's number in a private header.
//!
//! A node may send again what was refused, header and all, and another way: so the number is
//! replaced, and every way out of such a graph notes its own.

use super::private;
use otel_arrow_dfe_config::context::ContextEntryName;
use otel_arrow_dfe_otap::pdata::OtapPdata;
use std::sync::LazyLock;

/// Begins as every private header does ([`private`]).
const NAME: &str = ".strait-edge";

static ENTRY: LazyLock<ContextEntryName> = LazyLock::new(|| private::entry(NAME));

/// Lets a batch leave by this edge.
pub(crate) fn put(pdata: &mut OtapPdata, edge: u16) {
    private::put(pdata, &ENTRY, edge.to_le_bytes().into());
}

/// The edge that a batch was told to leave by.
pub(crate) fn of(pdata: &OtapPdata) -> Option<u16> {
    let number = private::get(pdata, NAME)?.try_into().ok()?;
    Some(u16::from_le_bytes(number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use otel_arrow_dfe_config::SignalType;
    use otel_arrow_dfe_pdata_codec::OtapPayload;

    // Guarantees: a batch leaves by the edge that it was told last.
    #[test]
    fn the_last_edge_stands() {
        let payload = OtapPayload::empty(SignalType::Logs);
        let mut batch = OtapPdata::new(Default::default(), payload);
        assert_eq!(of(&batch), None);
        for edge in [3, 0, u16::MAX] {
            put(&mut batch, edge);
            assert_eq!(of(&batch), Some(edge));
        }
        assert_eq!(
            batch.transport_headers().map(|headers| headers.len()),
            Some(1)
        );
    }
}
