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
//! A crate with several components has a list of such tables, `[[package.metadata.strait]]`, each
//! with a factory of its own.
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
    /// Reads the tables out of a package's metadata as `cargo metadata` prints
    /// it, for a crate listed under `kind`: one of its components is of that kind.
    ///
    /// # Errors
    /// No table, an unknown key, or a value that the Collector would refuse.
    pub fn read(
        package: &str,
        metadata: &serde_json::Value,
        kind: Kind,
    ) -> Result<Vec<Self>, MetadataError> {
        let error = |what: String, help: String| {
            Err(MetadataError {
                message: format!("the crate `{package}` {what}"),
                help,
            })
        };
        let Some(tables) = metadata.get("strait") else {
            return error(
                "is no Strait component: its Cargo.toml has no [package.metadata.strait]".into(),
                example(kind),
            );
        };
        let tables = match tables {
            serde_json::Value::Array(tables) => tables.as_slice(),
            table => std::slice::from_ref(table),
        };
        let read = |table: &serde_json::Value| serde_json::from_value(table.clone());
        let read = tables
            .iter()
            .map(read)
            .collect::<Result<Vec<Self>, serde_json::Error>>();
        let components = match read {
            Ok(components) => components,
            Err(e) => {
                return error(
                    format!("has a wrong [package.metadata.strait]: {e}"),
                    example(kind),
                );
            }
        };
        if components.iter().all(|component| component.kind != kind) {
            let Some(other) = components.first().map(|component| component.kind) else {
                return error("has no component".into(), example(kind));
            };
            let listed = kind.section();
            return error(
                format!("has the kind {other}, and is listed under `{listed}`"),
                format!("list it under `{}`", other.section()),
            );
        }
        for (place, component) in components.iter().enumerate() {
            if let Err((what, help)) = component.check(&components[..place]) {
                return error(what, help);
            }
        }
        Ok(components)
    }

    /// Checks a component, and that it is another than those before it.
    fn check(&self, before: &[Self]) -> Result<(), (String, String)> {
        if !is_type(&self.type_name) {
            let help =
                "a type starts with a letter and has at most 63 letters, digits and `_`".into();
            return Err((format!("has the component type `{}`", self.type_name), help));
        }
        self.levels(self.kind)?;
        let is_path = self.factory.split("::").all(|word| {
            !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        });
        if !is_path {
            return Err((
                format!("names the factory `{}`", self.factory),
                "name a function, for example `factory`".into(),
            ));
        }
        let named = |other: &Self| (other.kind, &other.type_name) == (self.kind, &self.type_name);
        if before.iter().any(named) {
            let help = "give one another type".into();
            return Err((format!("has two {}s `{}`", self.kind, self.type_name), help));
        }
        if before.iter().any(|other| other.factory == self.factory) {
            return Err((
                format!("has two components with the factory `{}`", self.factory),
                "give each table its own `factory`, such as `receiver::factory`".into(),
            ));
        }
        Ok(())
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
        let components = Component::read("mask-cards", &table, Kind::Processor).unwrap();
        let [component] = components.as_slice() else {
            panic!("{components:?}")
        };
        assert_eq!(
            (component.type_name.as_str(), component.factory.as_str()),
            ("mask_cards", "factory")
        );
    }

    // Guarantees: a list is as many components, of which one is of the section's kind, and no two
    // have one name or one factory.
    #[test]
    fn a_crate_may_have_several_components() {
        let table = |kind: &str, name: &str, factory: &str| {
            json!({
                "kind": kind, "type": name, "signals": {"logs": "alpha"}, "factory": factory,
            })
        };
        let read = |tables: &[serde_json::Value]| {
            Component::read("c", &json!({ "strait": tables }), Kind::Processor)
                .map(|components| components.len())
                .map_err(|error| error.message)
        };
        let (here, there) = (table("processor", "x", "a"), table("receiver", "x", "b"));
        assert_eq!(read(&[here.clone(), there.clone()]), Ok(2));
        for (tables, mistake) in [
            (vec![there.clone()], "has the kind receiver"),
            (vec![], "has no component"),
            (
                vec![here.clone(), table("processor", "x", "b")],
                "two processors `x`",
            ),
            (vec![here, table("exporter", "y", "a")], "the factory `a`"),
        ] {
            let message = read(&tables).unwrap_err();
            assert!(message.contains(mistake), "{message}");
        }
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
            read(good.clone()).unwrap()[0].stability.as_deref(),
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
