//! Why one batch failed, in one structure: [`Failure`], and in it the [`Class`] that says what the
//! sender may do about it.
//!
//! It guarantees that nothing is collapsed into a text on the way: class, gRPC and HTTP code, retry
//! delay and rejected items stay numbers, from whoever refused a batch to whoever sent it.
//! `class.go` and `failure.go` of `go/control` are the same; both languages' numbers and words are
//! held together by `dataplane/control/vectors/codes.json`.
//!
//! A panic is a failure too: [`contain`] and [`contained`] give it as a text, before it reaches a
//! boundary between languages or threads.
//!
//! It leaves to others the bytes in which a failure crosses (strait-control), and what the numbers
//! mean to the Collector (`go/control`) and to the engine's nacks (strait-engine).
//!
//! ```
//! use std::time::Duration;
//! use strait_failure::{Class, Failure};
//!
//! let full = Failure {
//!     grpc_code: 8, // resource exhausted
//!     retry_delay: Duration::from_secs(7),
//!     ..Failure::new(Class::Retryable, "the quota is used up").at("otlp/backend")
//! };
//! assert!(!full.class.is_final());
//! assert_eq!(full.to_string(), "otlp/backend: the quota is used up");
//! ```

mod class;
mod panics;

use std::fmt;
use std::time::Duration;

pub use class::Class;
pub use panics::{contain, contained};

/// Why one batch failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What the caller may do.
    pub class: Class,
    /// gRPC status code; 0 = none is known.
    pub grpc_code: u32,
    /// HTTP status code; 0 = none is known.
    pub http_code: u32,
    /// How long the destination asked to wait; zero = it did not say.
    pub retry_delay: Duration,
    /// How many items the destination rejected (partial success); 0 = all, or not known.
    pub rejected_items: u64,
    /// What happened. Does not repeat the class or the component.
    pub message: String,
    /// The component or node where it happened; empty = not known.
    pub component: String,
}

impl Failure {
    /// A failure of which only class and message are known; set the other fields as needed.
    #[must_use]
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self {
            class,
            grpc_code: 0,
            http_code: 0,
            retry_delay: Duration::ZERO,
            rejected_items: 0,
            message: message.into(),
            component: String::new(),
        }
    }

    /// Names where it happened.
    #[must_use]
    pub fn at(mut self, component: impl Into<String>) -> Self {
        self.component = component.into();
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.component.is_empty() {
            write!(f, "{}: ", self.component)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// The README's example is compiled too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
