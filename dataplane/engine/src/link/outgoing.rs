//! What is ready to be written into a slot.

use bytes::Bytes;
use strait_failure::{Class, Failure};
use strait_records::{Encoding, Header, Variable, writer};

/// Where a batch goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Address {
    /// The edge by which it leaves.
    pub(crate) edge: u16,
    /// What the host answers it by; of a difference the call's own id.
    pub(crate) token: u64,
}

/// A batch that is ready to be written into a slot.
pub(crate) enum Encoded {
    /// OTLP bytes, or a difference.
    Payload(Header, Variable, Bytes),
    /// Records, with the header in it.
    Records(strait_records::Plan),
}

impl Encoded {
    /// Whether it ends its call (format S-16).
    pub(crate) fn is_difference(&self) -> bool {
        matches!(self, Self::Payload(header, ..) if header.encoding == Encoding::Difference)
    }

    /// Bytes of the slot that it needs.
    pub(crate) fn slot_len(&self) -> Result<usize, Failure> {
        match self {
            Self::Payload(_, variable, bytes) => {
                writer::payload_slot_len(variable, bytes.len()).map_err(unwritable)
            }
            Self::Records(plan) => Ok(plan.len()),
        }
    }

    /// Writes it to the beginning of `slot`; gives the bytes used.
    pub(crate) fn write(&self, slot: &mut [u8]) -> Result<usize, Failure> {
        match self {
            Self::Payload(header, variable, bytes) => {
                writer::write_payload(slot, header, variable, bytes)
            }
            Self::Records(plan) => plan.write(slot),
        }
        .map_err(unwritable)
    }
}

/// The failure of a batch that no slot can hold as it is.
pub(crate) fn unwritable(error: strait_records::Error) -> Failure {
    Failure::new(
        Class::Permanent,
        format!("the batch cannot be written: {error}"),
    )
}
