//! What the host may ask an instance, as it crosses.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use strait_component::extension::{DynExtension, Event, ExtensionError, Headers};

/// One question. As JSON: `{"call": "client_headers", "uri": "https://host:4318"}`.
#[derive(Deserialize)]
#[serde(tag = "call", rename_all = "snake_case")]
pub(crate) enum Call {
    ClientHeaders { uri: String },
    Authenticate { headers: Headers },
    Notify { event: Event },
}

impl Call {
    /// The word for messages.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::ClientHeaders { .. } => "client_headers",
            Self::Authenticate { .. } => "authenticate",
            Self::Notify { .. } => "notify",
        }
    }

    /// Asks it. A refusal is an answer: `{"refused": why}`.
    pub(crate) async fn ask(
        self,
        extension: Arc<dyn DynExtension>,
    ) -> Result<Value, ExtensionError> {
        match self {
            Self::ClientHeaders { uri } => {
                let headers = extension.client_headers(uri).await?;
                Ok(json!({ "headers": headers }))
            }
            Self::Authenticate { headers } => match extension.authenticate(headers).await {
                Ok(identity) => Ok(json!({ "identity": identity })),
                Err(error) if error.is_unauthenticated() => {
                    Ok(json!({ "refused": error.message() }))
                }
                Err(error) => Err(error),
            },
            Self::Notify { event } => extension.notify(event).await.map(|()| Value::Null),
        }
    }
}
