//! The kinds of components, as one table.

use crate::by_name::by_name;

/// A kind of component. In the order in which the Collector's builder reads their sections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Serves the Collector and its components, without data.
    Extension,
    /// Makes batches.
    Receiver,
    /// Takes batches, and passes none on.
    Exporter,
    /// Takes batches and passes them on.
    Processor,
    /// Takes batches of one signal or pipeline, and passes on those of another.
    Connector,
}

/// What is true of one kind.
struct Row {
    name: &'static str,
    section: &'static str,
    has_in: bool,
    has_out: bool,
    in_rust: bool,
}

const NO: bool = false;
const YES: bool = true;

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Extension,
        Self::Receiver,
        Self::Exporter,
        Self::Processor,
        Self::Connector,
    ];

    const fn row(self) -> Row {
        let (name, section, has_in, has_out, in_rust) = match self {
            Self::Extension => ("extension", "extensions", NO, NO, YES),
            Self::Receiver => ("receiver", "receivers", NO, YES, NO),
            Self::Exporter => ("exporter", "exporters", YES, NO, NO),
            Self::Processor => ("processor", "processors", YES, YES, YES),
            Self::Connector => ("connector", "connectors", YES, YES, NO),
        };
        Row {
            name,
            section,
            has_in,
            has_out,
            in_rust,
        }
    }

    /// Its name, as in a crate's metadata.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// Its section in the builder file and in the Collector's configuration.
    #[must_use]
    pub const fn section(self) -> &'static str {
        self.row().section
    }

    /// Whether batches enter it.
    #[must_use]
    pub const fn has_in(self) -> bool {
        self.row().has_in
    }

    /// Whether batches leave it.
    #[must_use]
    pub const fn has_out(self) -> bool {
        self.row().has_out
    }

    /// Whether a component of this kind can be a Rust crate.
    #[must_use]
    pub const fn is_in_rust(self) -> bool {
        self.row().in_rust
    }
}

by_name!(Kind);
