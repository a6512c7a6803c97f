//! The Rust twins of three Go configurations in `tests/config`: the same fields, defaults and
//! rules.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use strait_component::prelude::*;
use strait_component::schemars;

/// One field of everything.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
struct Twin {
    name: String,
    #[serde(rename = "max_count")]
    count: i64,
    small: u8,
    big: u64,
    ratio: f64,
    on: bool,
    timeout: Duration,
    token: Secret,
    mode: Mode,
    tags: Vec<String>,
    ports: Vec<u16>,
    labels: BTreeMap<String, String>,
    weights: BTreeMap<String, f64>,
    vault: BTreeMap<String, Secret>,
    nested: Nested,
    section: Option<Nested>,
    maybe: Option<i64>,
    maybe_text: Option<String>,
    rules: Vec<Rule>,
    by_name: BTreeMap<String, Rule>,
    #[serde(flatten)]
    endpoint: Endpoint,
    any: serde_json::Value,
    #[serde(skip)]
    _hidden: String,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
struct Nested {
    depth: i64,
    on: bool,
    label: String,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
struct Rule {
    pattern: String,
    weight: i64,
    wait: Duration,
}

/// Stands among the keys of the whole.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
struct Endpoint {
    endpoint: String,
    wait: Duration,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Mode {
    #[default]
    Fast,
    Exact,
}

impl Default for Twin {
    fn default() -> Self {
        Self {
            name: "some".into(),
            count: 3,
            small: 1,
            big: 0,
            ratio: 0.5,
            on: true,
            timeout: Duration::from_secs(5),
            token: Secret::default(),
            mode: Mode::Fast,
            tags: vec!["a".into()],
            ports: Vec::new(),
            labels: [("team".to_owned(), "x".to_owned())].into(),
            weights: BTreeMap::new(),
            vault: BTreeMap::new(),
            nested: Nested {
                depth: 7,
                on: true,
                label: String::new(),
            },
            section: None,
            maybe: None,
            maybe_text: Some("there".into()),
            rules: Vec::new(),
            by_name: BTreeMap::new(),
            endpoint: Endpoint {
                endpoint: "localhost:1".into(),
                wait: Duration::from_millis(100),
            },
            any: serde_json::Value::Null,
            _hidden: String::new(),
        }
    }
}

impl Validate for Twin {
    fn validate(&self, findings: &mut Findings) {
        if self.count < 0 {
            findings.add(
                "max_count",
                format!("must not be negative, found {}", self.count),
            );
        }
        if self.timeout < Duration::default() {
            findings.add(
                "timeout",
                format!("must not be negative, found {}", self.timeout),
            );
        }
        findings.check("nested", &self.nested);
        findings.check("section", &self.section);
        findings.check("rules", &self.rules);
        findings.check("by_name", &self.by_name);
    }
}

impl Validate for Nested {
    fn validate(&self, findings: &mut Findings) {
        if self.depth > 100 {
            findings.add(
                "",
                format!("depth must be at most 100, found {}", self.depth),
            );
        }
    }
}

impl Validate for Rule {
    fn validate(&self, findings: &mut Findings) {
        if self.pattern.is_empty() {
            findings.add("", "pattern must not be empty");
        }
    }
}

/// Collects the keys that it does not know.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
struct Open {
    name: String,
    nested: Nested,
    #[serde(flatten)]
    rest: BTreeMap<String, serde_json::Value>,
}

impl Validate for Open {
    fn validate(&self, findings: &mut Findings) {
        findings.check("nested", &self.nested);
    }
}

struct TwinFactory<C> {
    type_name: &'static str,
    config: std::marker::PhantomData<fn() -> C>,
}

impl<C: strait_component::Configuration + Validate> ProcessorFactory for TwinFactory<C> {
    type Config = C;

    fn describe(&self) -> Description {
        Description::processor(self.type_name, package!()).logs(Stability::Development)
    }

    fn validate(&self, config: &C) -> Result<(), Vec<ConfigError>> {
        Findings::of(config)
    }

    fn access(&self, _: &C) -> Access {
        Access::new()
    }

    fn create(&self, _: C, _: &Settings) -> Result<Box<dyn Processor>, CreateError> {
        Err(CreateError::Failed("this one is only configured".into()))
    }
}

/// An exporter's own keys, beside which the Collector's exporter helper has its own.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
struct Sender {
    name: String,
    labels: BTreeMap<String, String>,
    nested: Nested,
}

impl Validate for Sender {
    fn validate(&self, findings: &mut Findings) {
        findings.check("nested", &self.nested);
    }
}

struct SenderFactory;

/// One that is only configured.
struct Nowhere;

impl Exporter for Nowhere {
    async fn export(&self, _: Batch) -> Result<(), Error> {
        Err(Error::permanent("this one is only configured"))
    }
}

impl ExporterFactory for SenderFactory {
    type Config = Sender;
    type Exporter = Nowhere;

    fn describe(&self) -> Description {
        Description::exporter("rust_sender", package!()).logs(Stability::Development)
    }

    fn validate(&self, config: &Sender) -> Result<(), Vec<ConfigError>> {
        Findings::of(config)
    }

    fn create(&self, _: Sender, _: &Settings) -> Result<Nowhere, CreateError> {
        Ok(Nowhere)
    }
}

pub(crate) fn closed() -> &'static dyn DynFactory {
    &TwinFactory::<Twin> {
        type_name: "rust_twin",
        config: std::marker::PhantomData,
    }
}

pub(crate) fn open() -> &'static dyn DynFactory {
    &TwinFactory::<Open> {
        type_name: "rust_open",
        config: std::marker::PhantomData,
    }
}

pub(crate) fn sender() -> &'static dyn DynFactory {
    &AsExporter(SenderFactory)
}
