//! Bearer tokens from a file, for requests that are sent and for those that are received.
//!
//! The file holds one token a line; empty lines and lines that begin with `#` do not count. It is
//! read again when it changes, so that a token can be replaced without a restart: requests are sent
//! with the first, and every one is accepted.

mod tokens;

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use strait_component::extension::prelude::*;
use strait_component::{Duration, Findings, Validate};

use tokens::Tokens;

/// Authenticates what is sent and what is received with bearer tokens from a file.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// One token a line; empty lines and lines that begin with `#` do not count. Required.
    pub file: PathBuf,
    /// The header that carries the token.
    pub header: String,
    /// What stands before the token in the header; empty: nothing.
    pub scheme: String,
    /// How long between two looks at the file.
    pub check_interval: Duration,
    /// Lets the token leave over gRPC connections without TLS.
    pub allow_unencrypted: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            file: PathBuf::new(),
            header: "authorization".to_owned(),
            scheme: "Bearer".to_owned(),
            check_interval: Duration::from_secs(5),
            allow_unencrypted: false,
        }
    }
}

impl Validate for Config {
    fn validate(&self, findings: &mut Findings) {
        if self.file.as_os_str().is_empty() {
            findings.add(
                "file",
                "is missing: the path of a file with one token a line",
            );
        }
        if self.header.is_empty() {
            findings.add("header", "is empty: the name of a header is expected");
        }
        if self.check_interval < Duration::from_millis(10) {
            findings.add(
                "check_interval",
                format!("is {}, expected 10ms or more", self.check_interval),
            );
        }
    }
}

/// One instance.
pub struct TokenProvider {
    config: Config,
    /// What the file held when it was last read.
    tokens: Arc<RwLock<Tokens>>,
}

impl TokenProvider {
    fn tokens(&self) -> Tokens {
        self.tokens
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Extension for TokenProvider {
    fn capabilities(&self) -> Capabilities {
        let both = Capabilities::none().server_auth();
        if self.config.allow_unencrypted {
            both.client_auth_without_tls()
        } else {
            both.client_auth()
        }
    }

    /// Reads the file, so that a Collector without its tokens does not start, and watches it.
    async fn start(&self, host: &Host) -> Result<(), ExtensionError> {
        let read = Tokens::read(&self.config.file).map_err(ExtensionError::failed)?;
        *self.tokens.write().unwrap_or_else(PoisonError::into_inner) = read;
        let watch = watch(self.config.clone(), Arc::clone(&self.tokens), host.clone());
        host.spawn("watching the file", watch);
        Ok(())
    }

    async fn client_headers(&self, _uri: &str) -> Result<Headers, ExtensionError> {
        let value = self.tokens().to_send(&self.config.scheme);
        Ok(Headers::new().with(&self.config.header, value))
    }

    async fn authenticate(&self, headers: &Headers) -> Result<Identity, ExtensionError> {
        let Config { header, scheme, .. } = &self.config;
        let Some(value) = headers.get(header) else {
            return Err(ExtensionError::unauthenticated(format!(
                "the header `{header}` is missing"
            )));
        };
        match self.tokens().find(value, scheme) {
            Some(line) => Ok(Identity::new().with("token_line", line)),
            None => Err(ExtensionError::unauthenticated("the token is not known")),
        }
    }
}

/// Reads the file again whenever it differs. While it cannot be read the tokens stay as they were,
/// and the status says so.
async fn watch(config: Config, tokens: Arc<RwLock<Tokens>>, host: Host) {
    let interval = config.check_interval.to_std().unwrap_or_default();
    loop {
        tokio::time::sleep(interval).await;
        match Tokens::read(&config.file) {
            Ok(read) => {
                let mut known = tokens.write().unwrap_or_else(PoisonError::into_inner);
                if *known != read {
                    tracing::info!(tokens = read.len(), "the file of tokens has changed");
                    *known = read;
                }
                drop(known);
                host.report(Status::Ok);
            }
            Err(why) => host.report(Status::Recoverable(why)),
        }
    }
}

struct TokenProviderFactory;

impl ExtensionFactory for TokenProviderFactory {
    type Config = Config;
    type Extension = TokenProvider;

    fn describe(&self) -> Description {
        Description::extension("token_provider", package!(), Stability::Alpha)
    }

    fn validate(&self, config: &Config) -> Result<(), Vec<ConfigError>> {
        Findings::of(config)
    }

    fn create(&self, config: Config, _: &ExtensionSettings) -> Result<TokenProvider, CreateError> {
        Ok(TokenProvider {
            config,
            tokens: Arc::default(),
        })
    }
}

/// The component, for the host.
pub fn factory() -> &'static dyn DynFactory {
    &AsExtension(TokenProviderFactory)
}
