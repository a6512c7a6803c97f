//! What a component is, in a form that both sides of the control channel compare.

use std::collections::BTreeMap;

use serde::Serialize;

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
    /// The signals it takes, each with its stability. None for an extension.
    pub signals: BTreeMap<Signal, Stability>,
    /// The stability of an extension, which takes no signal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stability: Option<Stability>,
}

impl Description {
    /// A processor of this type. Get `package` from [`package!`](crate::package).
    pub fn processor(type_name: &'static str, package: Package) -> Self {
        Self {
            kind: Kind::Processor,
            type_name,
            package,
            signals: BTreeMap::new(),
            stability: None,
        }
    }

    /// An extension of this type. Get `package` from [`package!`](crate::package).
    pub fn extension(type_name: &'static str, package: Package, stability: Stability) -> Self {
        Self {
            kind: Kind::Extension,
            type_name,
            package,
            signals: BTreeMap::new(),
            stability: Some(stability),
        }
    }

    /// It takes logs.
    pub fn logs(mut self, stability: Stability) -> Self {
        self.signals.insert(Signal::Logs, stability);
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
