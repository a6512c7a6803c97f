//! strait-ringbuf
pub mod layout;
