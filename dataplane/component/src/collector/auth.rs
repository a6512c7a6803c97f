//! Authentication: who requests come from, and other extensions that know it,
//! or what a request of one's own has to carry.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Collector, ExtensionError, Headers, HostCall};

/// Who a request comes from: attributes that later components read under the Collector's
/// `auth.NAME`, such as `subject`. Empty: somebody who may send, and no more is known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Identity(BTreeMap<String, Value>);

impl Identity {
    /// Somebody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what is known: a text, number, bool, or a list of texts.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.0.insert(name.into(), value.into());
        self
    }

    /// What is known under a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
}

/// Another extension, of either language, that authenticates requests which are sent.
#[derive(Clone, Debug)]
pub struct ClientAuth {
    pub(super) collector: Collector,
    pub(super) extension: String,
}

impl ClientAuth {
    /// The headers for a request to `uri`.
    ///
    /// # Errors
    ///
    /// What the other extension says.
    pub async fn headers(&self, uri: &str) -> Result<Headers, ExtensionError> {
        let call = HostCall::ClientHeaders {
            extension: self.extension.clone(),
            uri: uri.to_owned(),
        };
        let Made { headers } = self.collector.ask(call).await?;
        Ok(headers)
    }
}

#[derive(Deserialize)]
struct Made {
    headers: Headers,
}

/// Another extension, of either language, that says who a request comes from.
#[derive(Clone, Debug)]
pub struct ServerAuth {
    pub(super) collector: Collector,
    pub(super) extension: String,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    identity: Identity,
    refused: Option<String>,
}

impl ServerAuth {
    /// Who a request with these headers comes from.
    ///
    /// # Errors
    ///
    /// [unauthenticated](ExtensionError::is_unauthenticated), or why it cannot be said.
    pub async fn authenticate(&self, headers: &Headers) -> Result<Identity, ExtensionError> {
        let call = HostCall::Authenticate {
            extension: self.extension.clone(),
            headers: headers.clone(),
        };
        let answer: Answer = self.collector.ask(call).await?;
        match answer.refused {
            Some(reason) => Err(ExtensionError::unauthenticated(reason)),
            None => Ok(answer.identity),
        }
    }
}
