//! What a crate says about its component: `[package.metadata.strait]`.
//!
//! ```toml
//! [package.metadata.strait]
//! kind = "processor"            # the section of the builder file it goes under
//! type = "mask_cards"           # what users write in the Collector's configuration
//! signals = { logs = "alpha" }  # the signals it handles, with their stability; of a
//!                               # connector each pair: { logs_to_metrics = "alpha" }
//! stability = "alpha"           # instead of signals: an extension has none
//! factory = "factory"           # optional: the function that makes its factory
//! ```
//!
//! It is read without compiling the crate, so that the Go factory is complete
//! without Rust; at start the host compares it with what the crate registers.

use std::collections::BTreeMap;

use serde::Deserialize;
use strait_description::{Flow, Kind, Signal, Stability};

/// What to write for a component of `kind`.
fn example(kind: Kind) -> String {
    let levels = match kind {
        Kind::Extension => "stability = \"alpha\"",
        Kind::Connector => "signals = { logs_to_metrics = \"alpha\" }",
        _ => "signals = { logs = \"alpha\" }",
    };
    format!(
        "add to the crate's Cargo.toml:\n\n[package.metadata.strait]\nkind = \"{kind}\"\n\
         type = \"my_{kind}\"\n{levels}"
    )
}

/// The table, checked.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// What kind of component it is.
    pub kind: Kind,
    /// The component's type in the Collector's configuration.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Signal, or of a connector pair of signals, to stability level; empty for an extension.
    #[serde(default)]
    pub signals: BTreeMap<String, String>,
    /// The stability level of an extension.
    pub stability: Option<String>,
    /// The function that returns the factory.
    #[serde(default = "default_factory")]
    pub factory: String,
}

fn default_factory() -> String {
    "factory".to_owned()
}

/// Why a crate is no component: what is wrong, and what to write.
#[derive(Debug, Clone, PartialEq)]
pub struct MetadataError {
    /// What is wrong.
    pub message: String,
    /// What to write.
    pub help: String,
}

impl Component {
    /// Reads the table out of a package's metadata as `cargo metadata` prints
    /// it, for a component listed under `kind`.
    ///
    /// # Errors
    /// No table, an unknown key, or a value that the Collector would refuse.
    pub fn read(
        package: &str,
        metadata: &serde_json::Value,
        kind: Kind,
    ) -> Result<Self, MetadataError> {
        let error = |what: String, help: String| {
            Err(MetadataError {
                message: format!("the crate `{package}` {what}"),
                help,
            })
        };
        let Some(table) = metadata.get("strait") else {
            return error(
                "is no Strait component: its Cargo.toml has no [package.metadata.strait]".into(),
                example(kind),
            );
        };
        let component: Self = match serde_json::from_value(table.clone()) {
            Ok(component) => component,
            Err(e) => {
                return error(
                    format!("has a wrong [package.metadata.strait]: {e}"),
                    example(kind),
                );
            }
        };
        if component.kind != kind {
            let help = format!("list it under `{}`", component.kind.section());
            return error(
                format!(
                    "has the kind {}, and is listed under `{}`",
                    component.kind,
                    kind.section()
                ),
                help,
            );
        }
        if !is_type(&component.type_name) {
            let help =
                "a type starts with a letter and has at most 63 letters, digits and `_`".into();
            return error(
                format!("has the component type `{}`", component.type_name),
                help,
            );
        }
        if let Err((what, help)) = component.levels(kind) {
            return error(what, help);
        }
        let is_path = component.factory.split("::").all(|word| {
            !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        });
        if !is_path {
            return error(
                format!("names the factory `{}`", component.factory),
                "name a function, for example `factory`".into(),
            );
        }
        Ok(component)
    }

    /// Checks the stability: per signal, for an extension as a whole.
    fn levels(&self, kind: Kind) -> Result<(), (String, String)> {
        let signals = || {
            let names = Signal::ALL.map(Signal::name).join(", ");
            match kind {
                Kind::Connector => {
                    format!("a connector names two, as in `logs_to_metrics`; signals are {names}")
                }
                _ => format!("signals are {names}"),
            }
        };
        match (kind, &self.stability) {
            (Kind::Extension, None) => {
                return Err(("names no stability".into(), example(kind)));
            }
            (Kind::Extension, Some(_)) if !self.signals.is_empty() => {
                let help = "an extension handles no data: remove `signals`".into();
                return Err(("is an extension with signals".into(), help));
            }
            (Kind::Extension, Some(_)) => {}
            (_, Some(_)) => {
                let help = "give each signal its level: `signals = { logs = \"alpha\" }`".into();
                return Err((format!("is a {kind} with one `stability`"), help));
            }
            (_, None) if self.signals.is_empty() => {
                return Err(("names no signal".into(), signals()));
            }
            (_, None) => {}
        }
        let is_carried = |name: &String| {
            Flow::from_name(name).is_some_and(|flow| match flow {
                Flow::Of(_) => kind != Kind::Connector,
                Flow::Between(..) => kind == Kind::Connector,
            })
        };
        if let Some(signal) = self.signals.keys().find(|name| !is_carried(name)) {
            return Err((format!("names the signal `{signal}`"), signals()));
        }
        let mut levels = self.signals.values().chain(&self.stability);
        match levels.find(|level| Stability::from_name(level).is_none()) {
            None => Ok(()),
            Some(level) => Err((
                format!("names the stability `{level}`"),
                format!(
                    "levels are {}",
                    Stability::ALL.map(Stability::name).join(", ")
                ),
            )),
        }
    }
}

/// The Collector's rule for component types.
fn is_type(name: &str) -> bool {
    name.len() <= 63
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_complete_table_is_read() {
        let table = json!({"strait": {
            "kind": "processor", "type": "mask_cards", "signals": {"logs": "alpha"}
        }});
        let component = Component::read("mask-cards", &table, Kind::Processor).unwrap();
        assert_eq!(
            (component.type_name.as_str(), component.factory.as_str()),
            ("mask_cards", "factory")
        );
    }

    #[test]
    fn every_mistake_is_named() {
        let good = json!({"kind": "processor", "type": "x", "signals": {"logs": "alpha"}});
        let with = |key: &str, value: serde_json::Value| {
            let mut table = good.clone();
            table[key] = value;
            Component::read("c", &json!({ "strait": table }), Kind::Processor)
                .unwrap_err()
                .message
        };
        assert!(
            Component::read("c", &json!(null), Kind::Processor)
                .unwrap_err()
                .message
                .contains("no [package.metadata.strait]")
        );
        assert!(with("kind", json!("exporter")).contains("exporter"));
        assert!(with("type", json!("no-hyphens")).contains("no-hyphens"));
        assert!(with("signals", json!({})).contains("names no signal"));
        assert!(with("signals", json!({"profiles": "alpha"})).contains("profiles"));
        assert!(with("signals", json!({"logs": "great"})).contains("great"));
        assert!(with("factory", json!("a b")).contains("a b"));
        assert!(with("stability", json!("alpha")).contains("processor with one `stability`"));
        assert!(with("typo", json!(1)).contains("typo"));
    }

    // Guarantees: a connector names pairs of signals, and no other kind does.
    #[test]
    fn pairs_of_signals_are_a_connectors() {
        let read = |kind: Kind, signals: &str| {
            let table = json!({"kind": kind, "type": "x", "signals": {signals: "alpha"}});
            Component::read("c", &json!({ "strait": table }), kind)
        };
        for pair in ["logs_to_metrics", "traces_to_traces"] {
            read(Kind::Connector, pair).unwrap();
            for kind in [Kind::Receiver, Kind::Exporter, Kind::Processor] {
                let error = read(kind, pair).unwrap_err();
                assert!(error.message.contains(pair), "{}", error.message);
            }
        }
        for wrong in ["logs", "logs_to_", "logs_to_profiles"] {
            let error = read(Kind::Connector, wrong).unwrap_err();
            assert!(error.message.ends_with(&format!("the signal `{wrong}`")));
            assert!(error.help.contains("`logs_to_metrics`"), "{}", error.help);
        }
    }

    #[test]
    fn an_extension_has_one_stability_and_no_signals() {
        let read = |table: serde_json::Value| {
            Component::read("c", &json!({ "strait": table }), Kind::Extension)
                .map_err(|e| e.message)
        };
        let good = json!({"kind": "extension", "type": "x", "stability": "beta"});
        assert_eq!(
            read(good.clone()).unwrap().stability.as_deref(),
            Some("beta")
        );
        let with = |key: &str, value: serde_json::Value| {
            let mut table = good.clone();
            table[key] = value;
            read(table).unwrap_err()
        };
        assert!(with("stability", json!(null)).contains("names no stability"));
        assert!(with("stability", json!("great")).contains("great"));
        assert!(with("signals", json!({"logs": "alpha"})).contains("extension with signals"));
        assert!(with("kind", json!("processor")).contains("listed under `extensions`"));
    }
}
