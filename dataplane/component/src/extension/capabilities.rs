//! What an instance can be asked, and what it wants to hear of.

use serde::Serialize;

/// What an instance can do for others, and what of the Collector it watches. The Go side offers the
/// Collector exactly these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Capabilities {
    /// It makes the headers of the Collector's own requests: exporters name it under `auth`.
    pub client_auth: bool,
    /// Its headers are secrets that must not leave over an unencrypted gRPC connection.
    pub needs_tls: bool,
    /// It says who a request comes from: receivers name it under `auth`.
    pub server_auth: bool,
    /// It hears of the Collector's configuration.
    pub watches_config: bool,
    /// It hears when the pipelines are ready, and when they are about to stop.
    pub watches_pipelines: bool,
    /// It hears of the status of every component.
    pub watches_statuses: bool,
}

impl Capabilities {
    /// Nothing.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// It makes headers that are secrets: a gRPC exporter without TLS refuses it.
    #[must_use]
    pub fn client_auth(self) -> Self {
        Self {
            client_auth: true,
            needs_tls: true,
            ..self
        }
    }

    /// It makes headers that may cross an unencrypted connection.
    #[must_use]
    pub fn client_auth_without_tls(self) -> Self {
        Self {
            client_auth: true,
            needs_tls: false,
            ..self
        }
    }

    /// It authenticates requests to receivers.
    #[must_use]
    pub fn server_auth(self) -> Self {
        Self {
            server_auth: true,
            ..self
        }
    }

    /// It gets [`Event::Config`](super::Event::Config).
    #[must_use]
    pub fn watch_config(self) -> Self {
        Self {
            watches_config: true,
            ..self
        }
    }

    /// It gets [`Event::PipelinesReady`](super::Event::PipelinesReady) and
    /// [`Event::PipelinesStopping`](super::Event::PipelinesStopping).
    #[must_use]
    pub fn watch_pipelines(self) -> Self {
        Self {
            watches_pipelines: true,
            ..self
        }
    }

    /// It gets [`Event::Status`](super::Event::Status).
    #[must_use]
    pub fn watch_statuses(self) -> Self {
        Self {
            watches_statuses: true,
            ..self
        }
    }
}
