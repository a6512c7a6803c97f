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
        let (name, section, has_in, has_out) = match self {
            Self::Extension => ("extension", "extensions", NO, NO),
            Self::Receiver => ("receiver", "receivers", NO, YES),
            Self::Exporter => ("exporter", "exporters", YES, NO),
            Self::Processor => ("processor", "processors", YES, YES),
            Self::Connector => ("connector", "connectors", YES, YES),
        };
        Row {
            name,
            section,
            has_in,
            has_out,
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
}

by_name!(Kind);
