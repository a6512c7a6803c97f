//! An instance as the host holds it: any [`Extension`], behind one object-safe trait.

use std::sync::Arc;

use super::{BoxFuture, Capabilities, Event, Extension, ExtensionError, Headers, Host, Identity};

/// An instance as the host calls it. Every [`Extension`] is one, and its methods are the same.
#[allow(missing_docs)] // those of Extension say what each does
pub trait DynExtension: Send + Sync + 'static {
    fn capabilities(&self) -> Capabilities;
    fn dependencies(&self) -> Vec<String>;
    fn start(self: Arc<Self>, host: Host) -> BoxFuture<Result<(), ExtensionError>>;
    fn shutdown(self: Arc<Self>) -> BoxFuture<Result<(), ExtensionError>>;
    fn client_headers(self: Arc<Self>, uri: String) -> BoxFuture<Result<Headers, ExtensionError>>;
    fn authenticate(
        self: Arc<Self>,
        headers: Headers,
    ) -> BoxFuture<Result<Identity, ExtensionError>>;
    fn notify(self: Arc<Self>, event: Event) -> BoxFuture<Result<(), ExtensionError>>;
}

impl<E: Extension> DynExtension for E {
    fn capabilities(&self) -> Capabilities {
        Extension::capabilities(self)
    }

    fn dependencies(&self) -> Vec<String> {
        Extension::dependencies(self)
    }

    fn start(self: Arc<Self>, host: Host) -> BoxFuture<Result<(), ExtensionError>> {
        Box::pin(async move { Extension::start(&*self, &host).await })
    }

    fn shutdown(self: Arc<Self>) -> BoxFuture<Result<(), ExtensionError>> {
        Box::pin(async move { Extension::shutdown(&*self).await })
    }

    fn client_headers(self: Arc<Self>, uri: String) -> BoxFuture<Result<Headers, ExtensionError>> {
        Box::pin(async move { Extension::client_headers(&*self, &uri).await })
    }

    fn authenticate(
        self: Arc<Self>,
        headers: Headers,
    ) -> BoxFuture<Result<Identity, ExtensionError>> {
        Box::pin(async move { Extension::authenticate(&*self, &headers).await })
    }

    fn notify(self: Arc<Self>, event: Event) -> BoxFuture<Result<(), ExtensionError>> {
        Box::pin(async move { Extension::notify(&*self, event).await })
    }
}
