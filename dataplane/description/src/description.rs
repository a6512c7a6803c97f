//! What a component is, in a form that both sides of the control channel compare.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::flow::Flow;
use crate::kind::Kind;
use crate::signal::Signal;
use crate::stability::Stability;

/// What a component is: what `describe` answers. As JSON:
/// `{"kind": "processor", "type": "mask_cards", "crate": "mask-cards",
/// "version": "0.1.0", "signals": {"logs": "alpha"}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Description {
    /// What kind of component it is.
    pub kind: Kind,
    /// The type in the Collector's configuration: `^[a-zA-Z][0-9a-zA-Z_]{0,62}$`.
    #[serde(rename = "type")]
    pub type_name: &'static str,
    /// The crate it comes from.
    #[serde(flatten)]
    pub package: Package,
    /// What it carries, each with its stability. None for an extension.
    pub signals: BTreeMap<Flow, Stability>,
    /// The stability of an extension, which carries nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stability: Option<Stability>,
    /// It sends logs as OTLP bytes; see [`logs_as_otlp`](Self::logs_as_otlp).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub logs_as_otlp: bool,
}

impl Description {
    /// A processor of this type. Get `package` from [`package!`](crate::package).
    pub fn processor(type_name: &'static str, package: Package) -> Self {
        Self::new(Kind::Processor, type_name, package)
    }

    /// A receiver of this type. Get `package` from [`package!`](crate::package).
    pub fn receiver(type_name: &'static str, package: Package) -> Self {
        Self::new(Kind::Receiver, type_name, package)
    }

    /// An exporter of this type. Get `package` from [`package!`](crate::package).
    pub fn exporter(type_name: &'static str, package: Package) -> Self {
        Self::new(Kind::Exporter, type_name, package)
    }

    /// A connector of this type, of which [`connects`](Self::connects) says between what. Get
    /// `package` from [`package!`](crate::package).
    pub fn connector(type_name: &'static str, package: Package) -> Self {
        Self::new(Kind::Connector, type_name, package)
    }

    /// An extension of this type. Get `package` from [`package!`](crate::package).
    pub fn extension(type_name: &'static str, package: Package, stability: Stability) -> Self {
        Self {
            stability: Some(stability),
            ..Self::new(Kind::Extension, type_name, package)
        }
    }

    fn new(kind: Kind, type_name: &'static str, package: Package) -> Self {
        Self {
            kind,
            type_name,
            package,
            signals: BTreeMap::new(),
            stability: None,
            logs_as_otlp: false,
        }
    }

    /// It carries logs.
    pub fn logs(self, stability: Stability) -> Self {
        self.carries(Flow::Of(Signal::Logs), stability)
    }

    /// It carries traces.
    pub fn traces(self, stability: Stability) -> Self {
        self.carries(Flow::Of(Signal::Traces), stability)
    }

    /// It carries metrics.
    pub fn metrics(self, stability: Stability) -> Self {
        self.carries(Flow::Of(Signal::Metrics), stability)
    }

    /// It is a connector from pipelines of one signal to pipelines of another, or of the same.
    pub fn connects(self, from: Signal, to: Signal, stability: Stability) -> Self {
        self.carries(Flow::Between(from, to), stability)
    }

    /// Said of a receiver or connector: it sends logs as OTLP bytes, or may. One that does not say
    /// so sends tables, and is told of bytes that they are refused. What is behind it never has its
    /// logs in Rust: to read bytes as tables there is not lossless.
    pub fn logs_as_otlp(self) -> Self {
        Self {
            logs_as_otlp: true,
            ..self
        }
    }

    fn carries(mut self, flow: Flow, stability: Stability) -> Self {
        self.signals.insert(flow, stability);
        self
    }
}

/// A crate's name and version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Package {
    /// The crate's name in its Cargo.toml.
    #[serde(rename = "crate")]
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// The [`Package`] of the crate that calls it.
#[macro_export]
macro_rules! package {
    () => {
        $crate::Package {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
        }
    };
}
