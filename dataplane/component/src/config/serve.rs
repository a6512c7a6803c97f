//! The operations about configurations as they cross the control channel: JSON in, JSON out, of
//! every kind of component. A peer, with or without an engine, answers them with these functions.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Values;
use crate::{ConfigError, DynFactory};
use strait_description::Kind;

/// Why an operation has no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The component's type; empty when it is not known.
    pub component: String,
    /// What happened, in one sentence.
    pub message: String,
    /// What is wrong with the configuration, when that is the reason.
    pub errors: Vec<ConfigError>,
    /// Whether the component itself is at fault.
    pub is_bug: bool,
}

#[derive(Deserialize)]
struct Request {
    kind: Kind,
    r#type: String,
    #[serde(default)]
    config: Value,
    #[serde(default)]
    originals: BTreeMap<String, String>,
    #[serde(default)]
    beside: Vec<String>,
}

/// What each component says of itself, with the schema of its configuration.
#[must_use]
pub fn describe(factories: &[&'static dyn DynFactory]) -> Vec<Value> {
    let one = |factory: &&'static dyn DynFactory| {
        let mut described = json!(factory.describe());
        described["schema"] = factory.config_schema();
        described
    };
    factories.iter().map(one).collect()
}

/// `{"kind", "type"}` to the configuration that an empty one stands for.
///
/// # Errors
///
/// There is no such component, or its default is no JSON.
pub fn default_config(
    factories: &[&'static dyn DynFactory],
    payload: &[u8],
) -> Result<Value, Refused> {
    let request = read(payload)?;
    find(factories, &request)?
        .default_config()
        .map_err(|error| Refused {
            component: request.r#type,
            message: error.to_string(),
            errors: Vec::new(),
            is_bug: true,
        })
}

/// `{"kind", "type", "config", "originals", "beside"}`, of which the last three are [`Values`], to
/// a [`Decoded`](super::Decoded).
///
/// # Errors
///
/// There is no such component, or the configuration does not fit its type.
pub fn decode(factories: &[&'static dyn DynFactory], payload: &[u8]) -> Result<Value, Refused> {
    let request = read(payload)?;
    let factory = find(factories, &request)?;
    let values = Values {
        config: request.config,
        originals: request.originals,
        beside: request.beside,
    };
    let decoded = factory.decode(&values);
    decoded
        .map(|decoded| json!(decoded))
        .map_err(|errors| Refused {
            component: request.r#type,
            message: "the configuration does not fit its type".into(),
            errors,
            is_bug: false,
        })
}

fn read(payload: &[u8]) -> Result<Request, Refused> {
    serde_json::from_slice(payload).map_err(|error| Refused {
        component: String::new(),
        message: format!("the operation's payload: {error}"),
        errors: Vec::new(),
        is_bug: false,
    })
}

fn find(
    factories: &[&'static dyn DynFactory],
    Request { kind, r#type, .. }: &Request,
) -> Result<&'static dyn DynFactory, Refused> {
    let is_it = |factory: &&&'static dyn DynFactory| {
        let described = factory.describe();
        described.kind == *kind && described.type_name == r#type
    };
    factories
        .iter()
        .find(is_it)
        .copied()
        .ok_or_else(|| Refused {
            component: r#type.clone(),
            message: format!("no {kind} of type `{type}` is linked in"),
            errors: Vec::new(),
            is_bug: false,
        })
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::Serialize;

    use super::*;
    use crate::extension::prelude::{AsExtension, Extension, ExtensionFactory, ExtensionSettings};
    use crate::extension::{ExtensionError, Host};
    use crate::{CreateError, Description, Stability};

    #[derive(Default, Deserialize, Serialize, JsonSchema)]
    struct Config {
        /// Whom to greet.
        name: String,
    }

    struct Greeter;

    impl Extension for Greeter {
        async fn start(&self, _: &Host) -> Result<(), ExtensionError> {
            Ok(())
        }
    }

    struct GreeterFactory;

    impl ExtensionFactory for GreeterFactory {
        type Config = Config;
        type Extension = Greeter;

        fn describe(&self) -> Description {
            Description::extension("greeter", crate::package!(), Stability::Alpha)
        }

        fn validate(&self, config: &Config) -> Result<(), Vec<ConfigError>> {
            match config.name.as_str() {
                "nobody" => Err(vec![ConfigError::new("name", "is nobody")]),
                _ => Ok(()),
            }
        }

        fn create(&self, _: Config, _: &ExtensionSettings) -> Result<Greeter, CreateError> {
            Ok(Greeter)
        }
    }

    fn factories() -> [&'static dyn DynFactory; 1] {
        [&AsExtension(GreeterFactory)]
    }

    fn decode_of(config: Value) -> Result<Value, Refused> {
        let payload = json!({"kind": "extension", "type": "greeter", "config": config});
        decode(&factories(), payload.to_string().as_bytes())
    }

    #[test]
    fn a_description_has_the_schema() {
        let described = describe(&factories());
        assert_eq!(described[0]["type"], "greeter");
        assert_eq!(
            described[0]["schema"]["properties"]["name"],
            json!({"type": "string", "default": "", "description": "Whom to greet."})
        );
    }

    #[test]
    fn an_answer_has_all_that_the_host_asks() {
        assert_eq!(
            decode_of(json!({"name": "nobody"})),
            Ok(json!({
                "config": {"name": "nobody"},
                "shown": {"name": "nobody"},
                "secrets": [],
                "findings": [{"path": "name", "message": "is nobody"}],
            }))
        );
        let payload = br#"{"kind": "extension", "type": "greeter"}"#;
        assert_eq!(
            default_config(&factories(), payload),
            Ok(json!({"name": ""}))
        );
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_component() {
        let refused = decode_of(json!({"nmae": "x"})).unwrap_err();
        assert_eq!(
            (refused.component.as_str(), refused.is_bug),
            ("greeter", false)
        );
        assert_eq!(refused.errors[0].path, "greeter.Config");
        for (payload, message) in [
            (&b"{}"[..], "the operation's payload: missing field `kind`"),
            (
                br#"{"kind": "processor", "type": "greeter"}"#,
                "no processor of type `greeter` is linked in",
            ),
        ] {
            let refused = decode(&factories(), payload).unwrap_err();
            assert!(refused.message.starts_with(message), "{}", refused.message);
        }
    }
}
