//! A panic as a value: the text of it, instead of an unwinding that would end the process at the
//! boundary between the languages.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// Runs `f`; the text of its panic is the error.
///
/// # Errors
/// It panicked.
pub fn contain<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(f)).map_err(panic_text)
}

/// Polls `future`; the text of its panic is the error, and it is not polled again.
///
/// # Errors
/// It panicked.
pub async fn contained<T>(future: impl Future<Output = T>) -> Result<T, String> {
    let mut future = pin!(future);
    poll_fn(
        move |cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(poll) => poll.map(Ok),
            Err(payload) => Poll::Ready(Err(panic_text(payload))),
        },
    )
    .await
}

/// The text that was given to `panic!`.
fn panic_text(payload: Box<dyn Any + Send>) -> String {
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => match payload.downcast::<&'static str>() {
            Ok(text) => (*text).to_owned(),
            Err(other) => {
                // Not ours to drop: its destructor could panic again, out of the boundary.
                std::mem::forget(other);
                "a panic without a text".to_owned()
            }
        },
    }
}
