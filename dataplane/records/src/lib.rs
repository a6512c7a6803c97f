//! Arrow record batches in the slots of a Strait ring.
pub mod compare;
mod decode;
pub mod difference;
pub mod errors;
mod flat;
mod gather;
pub mod header;
mod message;
pub mod reader;
pub mod schema;
mod sent;
mod slot;
mod superset;
pub mod table;
mod template;
mod types;
mod unchecked;
pub mod variable;
pub mod writer;

pub use errors::Error;
pub use header::{BatchView, Encoding, Header, Signal};
pub use reader::{Batch, Trust};
pub use schema::ReceivedSchemas;
pub use sent::{SentSchema, SentSchemas};
pub use slot::Slot;
pub use variable::Variable;
pub use writer::{Plan, Writer};
