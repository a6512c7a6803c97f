//! Arrow record batches in the slots of a Strait ring, and out of them again, in place.
//!
//! What a slot holds is defined in `format.md` beside this crate; rules are cited by their numbers
//! (`S-1` to `S-22`). The crate knows Arrow and bytes, and of the ring its leases: they say how far
//! their writer is trusted. Anything else that gives bytes and keeps them alive will do, too. It
//! knows nothing of the engine.
//!
//! What it promises:
//! - Reading copies nothing: buffers point into the slot and keep it alive. (The ring copies the
//!   slots of untrusted links.)
//! - Everything that a slot says is checked before it is used. Foreign bytes give an [`Error`] that
//!   names the part, the value and the limit; they never panic. [`Error::kind`] tells what ends a
//!   link from what ends a call.
//! - Safe code gets no text that is not UTF-8: only a trusted link's lease, or `unsafe`, leaves the
//!   check out.
//! - What the other side can make this one keep or do has a number, in [`limits`].
//! - Writing measures exactly, then copies each buffer once. Metadata is patched into templates
//!   kept per schema.
//! - Anything Arrow has can be written (dictionaries within dictionaries excepted), slices and
//!   nulls included.
//!
//! What it leaves to others: claiming and publishing slots, that nobody writes a leased slot, UTF-8
//! on trusted links (S-13: the writer's invariant), and what the columns mean, with the exceptions
//! of [`otap`], which lists OTAP's, and [`compare`], which knows what a difference can change.
//!
//! ```
//! use arrow_array::{ArrayRef, Int64Array, RecordBatch};
//! use std::sync::Arc;
//! use strait_records::{Batch, Encoding, Header, ReceivedSchemas, Signal, Slot};
//! use strait_records::{Variable, Writer};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let column: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
//! let batches = [(0, RecordBatch::try_from_iter([("n", column)])?)];
//!
//! // The sender: measure, publish what is due, claim a slot, write.
//! let mut writer = Writer::new();
//! let header = Header::new(Signal::None, Encoding::Arrow, 3);
//! let plan = writer.plan(header, Variable::new(), &batches)?;
//! let preambles: Vec<_> = writer.schemas().unpublished().map(|s| s.preamble().to_vec()).collect();
//! let mut claimed = vec![0; plan.len()];
//! plan.write(&mut claimed)?;
//!
//! // The receiver: preambles first, then batches. `Slot::copy_of` stands in for a lease.
//! let mut schemas = ReceivedSchemas::new();
//! for preamble in &preambles {
//!     schemas.publish(preamble)?;
//! }
//! let batch = Batch::new(Slot::copy_of(&claimed))?;
//! assert_eq!(batch.header().items, 3);
//! assert_eq!(batch.records(&schemas)?, batches);
//! # Ok(())
//! # }
//! ```

pub mod batch;
mod body;
mod column;
pub mod compare;
pub mod difference;
pub mod errors;
mod flatbuf;
pub mod header;
pub mod limits;
mod message;
pub mod otap;
mod registry;
pub mod schema;
mod slot;
mod superset;
pub mod table;
mod template;
mod unchecked;
pub mod variable;
pub mod writer;

pub use batch::Batch;
pub use errors::{Error, ErrorKind};
pub use header::{BatchView, Encoding, Header, Signal};
pub use registry::{SentSchema, SentSchemas};
pub use schema::{ReceivedSchema, ReceivedSchemas};
pub use slot::Slot;
pub use strait_ringbuf::Trust;
pub use variable::Variable;
pub use writer::{Plan, Writer};
