//! The failure that goes with a nack of a batch of no call.
//!
//! The engine's nack holds a reason and whether it is permanent, no more. For a call the rest is
//! kept beside it, by the call's id. A batch that a node merged has no call: only that node knows
//! whose data is in it, and answers each of them when the nack reaches it. So the whole failure
//! rides in a private header of the refused batch; the guard of the node reads it there, and gives
//! it to every batch that the node then answers for ([`nacks`](crate::guard::nacks)).
//!
//! A node may send a refused batch again, header and all; whoever refuses it next puts its own
//! failure in its place. Nothing of it leaves a unit.

use super::private;
use otel_arrow_dfe_config::context::ContextEntryName;
use otel_arrow_dfe_otap::pdata::OtapPdata;
use std::sync::LazyLock;
use std::time::Duration;
use strait_failure::{Class, Failure};

/// Begins as every private header does ([`private`]).
const NAME: &str = ".strait-failure";

static ENTRY: LazyLock<ContextEntryName> = LazyLock::new(|| private::entry(NAME));

/// Lets a batch that is refused carry why, instead of what it carried before.
pub(crate) fn put(refused: &mut OtapPdata, failure: &Failure) {
    private::put(refused, &ENTRY, encode(failure));
}

/// Why a batch was refused, if it carries that.
pub(crate) fn of(refused: &OtapPdata) -> Option<Failure> {
    decode(private::get(refused, NAME)?)
}

fn encode(failure: &Failure) -> Vec<u8> {
    let Failure {
        class,
        grpc_code,
        http_code,
        retry_delay,
        rejected_items,
        message,
        component,
    } = failure;
    let delay_ns = u64::try_from(retry_delay.as_nanos()).unwrap_or(u64::MAX);
    let mut bytes = Vec::with_capacity(32 + component.len() + message.len());
    for number in [class.code(), *grpc_code, *http_code] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    for number in [delay_ns, *rejected_items, component.len() as u64] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.extend_from_slice(component.as_bytes());
    bytes.extend_from_slice(message.as_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<Failure> {
    let mut at = bytes;
    let class = Class::from_code(u32(&mut at)?);
    let (grpc_code, http_code) = (u32(&mut at)?, u32(&mut at)?);
    let (delay_ns, rejected_items) = (u64(&mut at)?, u64(&mut at)?);
    let component = usize::try_from(u64(&mut at)?).ok()?;
    let (component, message) = at.split_at_checked(component)?;
    Some(Failure {
        class,
        grpc_code,
        http_code,
        retry_delay: Duration::from_nanos(delay_ns),
        rejected_items,
        message: std::str::from_utf8(message).ok()?.to_owned(),
        component: std::str::from_utf8(component).ok()?.to_owned(),
    })
}

fn u32(at: &mut &[u8]) -> Option<u32> {
    let (number, rest) = at.split_first_chunk()?;
    *at = rest;
    Some(u32::from_le_bytes(*number))
}

fn u64(at: &mut &[u8]) -> Option<u64> {
    let (number, rest) = at.split_first_chunk()?;
    *at = rest;
    Some(u64::from_le_bytes(*number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::tag::Tag;
    use otel_arrow_dfe_config::SignalType;
    use otel_arrow_dfe_config::context::transport_headers::TransportHeaders;
    use otel_arrow_dfe_pdata_codec::OtapPayload;

    // Guarantees: a failure comes back whole, the last one that was put; what else the batch
    // carries stays.
    #[test]
    fn a_failure_rides_whole() {
        let first = Failure {
            class: Class::Retryable,
            grpc_code: 8,
            http_code: 503,
            retry_delay: Duration::from_secs(7),
            rejected_items: 3,
            message: "slow \u{2026} down".into(),
            component: "otlp_grpc".into(),
        };
        let tag = Tag {
            call_id: 5,
            generation: 6,
        };
        let mut headers = TransportHeaders::new();
        tag.append_to(&mut headers);
        let payload = OtapPayload::empty(SignalType::Logs);
        let mut refused =
            OtapPdata::new(Default::default(), payload).with_transport_headers(headers);
        assert_eq!(of(&refused), None);
        put(&mut refused, &first);
        assert_eq!(of(&refused), Some(first));
        let second = Failure::new(Class::Permanent, "");
        put(&mut refused, &second);
        assert_eq!(of(&refused), Some(second));
        assert_eq!(Tag::of(&refused), Some(tag));
        assert_eq!(
            refused.transport_headers().map(|headers| headers.len()),
            Some(2)
        );
    }

    // Guarantees: bytes that are no failure are none.
    #[test]
    fn what_is_cut_off_is_no_failure() {
        let whole = encode(&Failure::new(Class::Permanent, "m").at("component"));
        assert!(decode(&whole).is_some());
        for length in 0..whole.len() - 1 {
            assert_eq!(decode(&whole[..length]), None, "{length} bytes");
        }
    }
}
