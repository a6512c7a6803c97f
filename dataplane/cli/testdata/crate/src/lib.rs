//! A crate that only has to exist.
