//! Arrow record batches in the slots of a Strait ring.
mod decode;
pub mod errors;
mod flat;
pub mod header;
mod message;
pub mod reader;
pub mod schema;
mod slot;
pub mod table;
mod types;
mod unchecked;
pub mod variable;

pub use errors::Error;
pub use header::{BatchView, Encoding, Header, Signal};
pub use reader::{Batch, Trust};
pub use schema::ReceivedSchemas;
pub use slot::Slot;
pub use variable::Variable;
