//! What a batch carries beside its data: how long its caller waits, who that is, and the span that
//! the batch belongs to.
//!
//! A context travels with its batch ([`Batch::context`](crate::Batch::context)), is cheap to clone
//! and never changes, but that its caller may leave. That of a batch of nobody (merged, or made by
//! a component by itself) is the default one, which costs nothing and never ends.

use std::borrow::Cow;
use std::future::pending;
use std::sync::Arc;
use std::time::Instant;

use opentelemetry::trace::{TraceContextExt as _, Tracer as _};
use tokio_util::sync::CancellationToken;

use crate::telemetry::{Span, Tracer};
use crate::{Error, SpanContext};

/// The context of one batch.
#[derive(Clone, Debug, Default)]
pub struct Context(Option<Arc<Carried>>);

#[derive(Clone, Debug, Default)]
struct Carried {
    deadline: Option<Instant>,
    cancelled: Option<CancellationToken>,
    metadata: Vec<Entry<Vec<u8>>>,
    peer: Option<String>,
    auth: Vec<Entry<String>>,
    span: Option<SpanContext>,
}

/// A name and its values, in their order.
#[derive(Clone, Debug)]
struct Entry<V> {
    name: String,
    values: Vec<V>,
}

impl Context {
    /// A context to be filled: by the host, by a receiver, by a test.
    #[must_use]
    pub fn builder() -> ContextBuilder {
        ContextBuilder::default()
    }

    /// The same for a batch that nobody waits for any more, because its call has had its answer:
    /// without a deadline, and never cancelled.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self(self.carried().map(|carried| {
            Arc::new(Carried {
                deadline: None,
                cancelled: None,
                ..carried.clone()
            })
        }))
    }

    /// The same for an attempt that ends at that time, or when the caller stops to wait, or when
    /// the handle says so; what is said of the attempt is not said of the caller.
    #[must_use]
    pub fn bounded(&self, deadline: Instant) -> (Self, CancelHandle) {
        self.child_until(Some(deadline))
    }

    /// The same for a batch that somebody beside its caller may give up, by the handle.
    #[must_use]
    pub fn child(&self) -> (Self, CancelHandle) {
        self.child_until(None)
    }

    fn child_until(&self, deadline: Option<Instant>) -> (Self, CancelHandle) {
        let mut carried = self.carried().cloned().unwrap_or_default();
        let token = match &carried.cancelled {
            Some(caller) => caller.child_token(),
            None => CancellationToken::new(),
        };
        carried.cancelled = Some(token.clone());
        carried.deadline = carried.deadline.into_iter().chain(deadline).min();
        (Self(Some(Arc::new(carried))), CancelHandle(token))
    }

    /// When the caller stops to wait; `None` where it waits for as long as it takes.
    pub fn deadline(&self) -> Option<Instant> {
        self.carried()?.deadline
    }

    /// Waits until nobody waits for the batch any more: its caller has left, or the host has seen
    /// the deadline pass. Never ends where nobody can leave.
    ///
    /// ```
    /// use strait_component::{Context, Error};
    ///
    /// async fn deliver<T>(context: &Context, sent: impl Future<Output = T>) -> Result<T, Error> {
    ///     tokio::select! {
    ///         answer = sent => Ok(answer),
    ///         error = context.cancelled() => Err(error),
    ///     }
    /// }
    /// ```
    pub async fn cancelled(&self) -> Error {
        match self.token() {
            Some(token) => token.cancelled().await,
            None => pending().await,
        }
        self.why_cancelled()
    }

    /// Whether nobody waits for the batch any more.
    pub fn is_cancelled(&self) -> bool {
        self.token().is_some_and(CancellationToken::is_cancelled)
    }

    /// The values that the client sent under this key, in their order, without regard to the key's
    /// case. Those that are no text are left out: see [`metadata_bytes`](Self::metadata_bytes).
    pub fn metadata(&self, key: &str) -> impl Iterator<Item = &str> {
        self.metadata_bytes(key)
            .filter_map(|value| str::from_utf8(value).ok())
    }

    /// As [`metadata`](Self::metadata), whatever the values are: gRPC's keys that end in `-bin`
    /// have any bytes.
    pub fn metadata_bytes(&self, key: &str) -> impl Iterator<Item = &[u8]> {
        let entries = self.carried().map_or(&[][..], |carried| &carried.metadata);
        values(entries, key).map(Vec::as_slice)
    }

    /// The keys of the client's metadata, as they came.
    pub fn metadata_keys(&self) -> impl Iterator<Item = &str> {
        let entries = self.carried().map_or(&[][..], |carried| &carried.metadata);
        entries.iter().map(|entry| entry.name.as_str())
    }

    /// The client's address, such as `10.0.0.7:48122`.
    pub fn peer(&self) -> Option<&str> {
        self.carried()?.peer.as_deref()
    }

    /// What the receiver's authenticator found out under this name, such as `subject`, as text.
    pub fn auth(&self, name: &str) -> impl Iterator<Item = &str> {
        let entries = self.carried().map_or(&[][..], |carried| &carried.auth);
        values(entries, name).map(String::as_str)
    }

    /// The names of what the receiver's authenticator found out.
    pub fn auth_names(&self) -> impl Iterator<Item = &str> {
        let entries = self.carried().map_or(&[][..], |carried| &carried.auth);
        entries.iter().map(|entry| entry.name.as_str())
    }

    /// The span that the batch was handed over in.
    pub fn span(&self) -> Option<&SpanContext> {
        self.carried()?.span.as_ref()
    }

    /// Begins a span within that of the batch, or of a trace of its own where there is none. It
    /// ends when it is dropped.
    pub fn child_span(&self, tracer: &Tracer, name: impl Into<Cow<'static, str>>) -> Span {
        let none = opentelemetry::Context::new();
        let parent = match self.span() {
            Some(span) => none.with_remote_span_context(span.into()),
            None => none,
        };
        tracer.start_with_context(name, &parent)
    }

    /// The same for a batch that is handed over in this span, which begins where it is sent.
    #[must_use]
    pub fn within(&self, span: &Span) -> Self {
        let mut carried = self.carried().cloned().unwrap_or_default();
        carried.span = Some(span.context());
        Self(Some(Arc::new(carried)))
    }

    fn carried(&self) -> Option<&Carried> {
        self.0.as_deref()
    }

    fn token(&self) -> Option<&CancellationToken> {
        self.carried()?.cancelled.as_ref()
    }

    fn why_cancelled(&self) -> Error {
        match self.deadline() {
            Some(deadline) if deadline <= Instant::now() => Error::deadline(),
            _ => Error::cancelled(),
        }
    }
}

fn values<'e, V>(entries: &'e [Entry<V>], name: &str) -> impl Iterator<Item = &'e V> {
    entries
        .iter()
        .filter(move |entry| entry.name.eq_ignore_ascii_case(name))
        .flat_map(|entry| &entry.values)
}

/// Makes a [`Context`].
///
/// ```
/// use strait_component::Context;
///
/// let context = Context::builder()
///     .metadata("X-Tenant", ["blue"])
///     .peer("10.0.0.7:48122")
///     .build();
/// assert_eq!(context.metadata("x-tenant").next(), Some("blue"));
/// assert!(!context.is_cancelled());
/// ```
#[derive(Debug, Default)]
pub struct ContextBuilder(Carried);

impl ContextBuilder {
    /// The caller waits until then.
    #[must_use]
    pub fn deadline(mut self, deadline: Instant) -> Self {
        self.0.deadline = Some(deadline);
        self
    }

    /// The handle's owner can say that the caller has left.
    #[must_use]
    pub fn cancelled_by(mut self, handle: &CancelHandle) -> Self {
        self.0.cancelled = Some(handle.0.clone());
        self
    }

    /// Adds the values of one key of the client's metadata.
    #[must_use]
    pub fn metadata<V: Into<Vec<u8>>>(
        mut self,
        key: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        self.0.metadata.push(Entry {
            name: key.into(),
            values: values.into_iter().map(Into::into).collect(),
        });
        self
    }

    /// The client's address.
    #[must_use]
    pub fn peer(mut self, address: impl Into<String>) -> Self {
        self.0.peer = Some(address.into());
        self
    }

    /// Adds what the authenticator found out under one name.
    #[must_use]
    pub fn auth<V: Into<String>>(
        mut self,
        name: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        self.0.auth.push(Entry {
            name: name.into(),
            values: values.into_iter().map(Into::into).collect(),
        });
        self
    }

    /// The span that the batch is handed over in.
    #[must_use]
    pub fn span(mut self, span: SpanContext) -> Self {
        self.0.span = Some(span);
        self
    }

    /// The context.
    #[must_use]
    pub fn build(self) -> Context {
        Context(Some(Arc::new(self.0)))
    }
}

/// Who can say that a batch's caller has left: the host, or a test. Clones are the same handle;
/// one that is dropped says nothing.
#[derive(Clone, Debug, Default)]
pub struct CancelHandle(CancellationToken);

impl CancelHandle {
    /// A handle that has said nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The caller has left, or its deadline has passed: wakes whoever waits for that.
    pub fn cancel(&self) {
        self.0.cancel();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use strait_failure::Class;

    use super::*;
    use crate::testing::block_on;

    // Guarantees: metadata has no case and several values in order, of several entries too; what is
    // no text is not lost.
    #[test]
    fn metadata_has_no_case_and_many_values() {
        let context = Context::builder()
            .metadata("X-Tenant", ["a", "b"])
            .metadata("key-bin", [vec![0xff]])
            .metadata("x-tenant", ["c"])
            .auth("groups", ["ops", "dev"])
            .build();
        assert!(context.metadata("x-TENANT").eq(["a", "b", "c"]));
        assert_eq!(context.metadata("key-bin").next(), None);
        assert!(context.metadata_bytes("key-bin").eq([&[0xff][..]]));
        assert!(
            context
                .metadata_keys()
                .eq(["X-Tenant", "key-bin", "x-tenant"])
        );
        assert!(context.auth("Groups").eq(["ops", "dev"]));
        assert!(context.auth_names().eq(["groups"]));
    }

    // Guarantees: a batch of nobody has nothing, and its context never ends.
    #[test]
    fn nobody_has_nothing() {
        let context = Context::default();
        assert_eq!((context.deadline(), context.peer()), (None, None));
        assert_eq!(
            (context.span(), context.metadata_keys().next()),
            (None, None)
        );
        assert!(!context.is_cancelled());
        block_on(async {
            tokio::select! {
                biased;
                _ = context.cancelled() => panic!("nobody has left"),
                () = std::future::ready(()) => {}
            }
        });
    }

    // Guarantees: who waits in another thread is woken, with the class that the sender must know.
    #[test]
    fn who_waits_is_woken() {
        let past = Instant::now();
        let later = past + Duration::from_secs(3600);
        for (deadline, class) in [(past, Class::Deadline), (later, Class::Cancelled)] {
            let handle = CancelHandle::new();
            let context = Context::builder()
                .deadline(deadline)
                .cancelled_by(&handle)
                .build();
            let waits = context.clone();
            let waiting = std::thread::spawn(move || block_on(waits.cancelled()).class());
            assert!(!context.is_cancelled());
            handle.cancel();
            assert_eq!(waiting.join().unwrap(), class);
            assert!(context.is_cancelled());
        }
    }

    // Guarantees: an attempt ends with its caller, and a caller not with its attempt; it has the
    // nearer deadline, and what else the caller has.
    #[test]
    fn an_attempt_ends_with_its_caller() {
        let (now, caller) = (Instant::now(), CancelHandle::new());
        let later = now + Duration::from_secs(60);
        let of = |deadline| {
            let context = Context::builder().peer("a").cancelled_by(&caller);
            context.deadline(deadline).build()
        };
        let (first, end) = of(later).bounded(now);
        assert_eq!((first.deadline(), first.peer()), (Some(now), Some("a")));
        assert_eq!(of(now).bounded(later).0.deadline(), Some(now));
        end.cancel();
        let (second, _end) = of(later).bounded(later);
        assert!(first.is_cancelled() && !second.is_cancelled() && !of(later).is_cancelled());
        caller.cancel();
        assert!(second.is_cancelled());
        let (alone, end) = Context::default().bounded(later);
        assert_eq!(
            (alone.deadline(), alone.is_cancelled()),
            (Some(later), false)
        );
        end.cancel();
        assert!(alone.is_cancelled());
    }

    // Guarantees: a handle that is gone is not a caller who has left.
    #[test]
    fn a_dropped_handle_says_nothing() {
        let handle = CancelHandle::new();
        let context = Context::builder().cancelled_by(&handle).build();
        drop(handle);
        assert!(!context.is_cancelled());
    }
}
