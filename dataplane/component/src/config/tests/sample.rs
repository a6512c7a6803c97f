//! Configurations with what an author may write in them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::{ByteSize, Duration, Secret};

/// One of everything that an author may write. Only the root has a default of its own.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(super) struct Config {
    pub(super) name: String,
    #[serde(rename = "retries")]
    pub(super) attempts: u8,
    pub(super) ratio: f64,
    pub(super) timeout: Duration,
    pub(super) limit: ByteSize,
    pub(super) token: Secret,
    pub(super) nested: Nested,
    #[serde(flatten)]
    pub(super) squashed: Squashed,
    pub(super) maybe: Option<u32>,
    pub(super) section: Option<Nested>,
    pub(super) rules: Vec<Rule>,
    pub(super) tags: Vec<String>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) vault: HashMap<String, Secret>,
    pub(super) action: Action,
    pub(super) source: Source,
    pub(super) mode: Mode,
    pub(super) set: BTreeSet<u16>,
    pub(super) any: Value,
    #[serde(skip)]
    pub(super) cache: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(super) struct Nested {
    pub(super) depth: i64,
    pub(super) on: bool,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(super) struct Squashed {
    pub(super) endpoint: String,
    pub(super) wait: Duration,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(super) struct Rule {
    #[schemars(extend("x-aliases" = ["regex"]))]
    #[serde(alias = "regex")]
    pub(super) pattern: String,
    #[serde(default)]
    pub(super) weight: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mode {
    #[default]
    Fast,
    #[serde(alias = "careful")]
    Exact,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Action {
    #[default]
    Keep,
    Limit {
        rows: u32,
    },
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Source {
    File { path: String },
    Http { url: String, key: Secret },
}

impl Default for Config {
    fn default() -> Self {
        Self {
            name: "some".into(),
            attempts: 3,
            ratio: 0.5,
            timeout: Duration::from_secs(5),
            limit: ByteSize::mib(1),
            token: Secret::default(),
            nested: Nested { depth: 7, on: true },
            squashed: Squashed {
                endpoint: "localhost".into(),
                wait: Duration::from_millis(100),
            },
            maybe: None,
            section: None,
            rules: vec![],
            tags: vec!["a".into()],
            labels: [("team".to_owned(), "x".to_owned())].into(),
            vault: HashMap::new(),
            action: Action::Keep,
            source: Source::File { path: "/".into() },
            mode: Mode::Fast,
            set: BTreeSet::new(),
            any: Value::Null,
            cache: 0,
        }
    }
}

/// Keys beside fields, collected; and an enum whose keys stand beside others.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(super) struct Open {
    pub(super) name: String,
    #[serde(flatten)]
    pub(super) rest: BTreeMap<String, u16>,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub(super) struct Joined {
    pub(super) name: String,
    #[serde(flatten)]
    pub(super) source: Source,
}

impl Default for Joined {
    fn default() -> Self {
        Self {
            name: "n".into(),
            source: Source::File {
                path: "/dev/null".into(),
            },
        }
    }
}

/// A secret that reads itself, and says what it read.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(extend("writeOnly" = true))]
pub(super) struct Key(String);

impl TryFrom<String> for Key {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.strip_prefix("key-") {
            Some(key) => Ok(Self(key.to_owned())),
            None => Err(format!("{text:?} does not begin with key-")),
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub(super) struct Keys {
    #[serde(default)]
    pub(super) key: Option<Key>,
    #[serde(default)]
    pub(super) more: Vec<Key>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub(super) struct Locked {
    #[serde(flatten)]
    pub(super) keys: Keys,
}
