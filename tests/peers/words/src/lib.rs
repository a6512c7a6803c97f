//! How a component of the system tests is told to go wrong, and what a failure is in words.
//!
//! A batch says it by the body of its first log: `permanent` or `retryable`, then, one after the
//! other, `grpc N`, `http N`, `after MS` and `rejected N`; `panic`; `sleep MS`, which holds the
//! thread; `leak`, which keeps the batch for ever. A configuration says it by the name of a method:
//! `error`, `panic`, `block`, which holds the thread for [`BLOCK`], or `hang`, which waits for ever
//! where it is a future. `tests/native` writes both.

use std::collections::BTreeMap;
use std::future::pending;
use std::thread::sleep;
use std::time::Duration;

use strait_component::{Batch, ConfigError, CreateError, Error};

/// How long a method holds its thread.
pub const BLOCK: Duration = Duration::from_secs(2);

/// What the methods of a component are to meet, by their names.
pub type Fails = BTreeMap<String, String>;

/// Goes wrong where a method is to.
///
/// # Errors
/// It is told to fail.
pub fn meet(fails: &Fails, method: &str) -> Result<(), Error> {
    match fails.get(method).map(String::as_str) {
        Some("error") => Err(Error::permanent(format!("told to fail in {method}"))),
        Some("panic") => panic!("told to panic in {method}"),
        Some("block") => {
            sleep(BLOCK);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Goes wrong where a method that is a future is to.
///
/// # Errors
/// It is told to fail.
pub async fn meet_or_hang(fails: &Fails, method: &str) -> Result<(), Error> {
    match fails.get(method).map(String::as_str) {
        Some("hang") => pending().await,
        _ => meet(fails, method),
    }
}

/// What `validate` of a factory meets.
///
/// # Errors
/// It is told to fail.
pub fn validated(fails: &Fails) -> Result<(), Vec<ConfigError>> {
    let wrong = |error: Error| vec![ConfigError::new("fails", error.message())];
    meet(fails, "validate").map_err(wrong)
}

/// What `access` of a factory meets, which cannot fail.
pub fn accessed(fails: &Fails) {
    let _ = meet(fails, "access");
}

/// What `create` of a factory meets.
///
/// # Errors
/// It is told to fail.
pub fn created(fails: &Fails) -> Result<(), CreateError> {
    meet(fails, "create").map_err(|error| CreateError::Failed(error.message().into()))
}

/// Does what a batch says.
///
/// # Errors
/// It says that it fails.
pub fn obey(batch: &Batch) -> Result<(), Error> {
    let says = body(batch);
    match says.split_once(' ').unwrap_or((&says, "")) {
        ("panic", _) => panic!("told to panic"),
        ("leak", _) => {
            std::mem::forget(batch.clone());
            Ok(())
        }
        ("sleep", ms) => {
            let ms = ms
                .parse()
                .map_err(|error| Error::permanent(format!("sleep {ms}: {error}")))?;
            sleep(Duration::from_millis(ms));
            Ok(())
        }
        _ => failure(&says).map_or(Ok(()), Err),
    }
}

/// The body of the batch's first log; empty where it has none.
pub fn body(batch: &Batch) -> String {
    let logs = batch.logs();
    let text = logs
        .get(0)
        .and_then(|log| log.body().as_str().map(str::to_owned));
    text.unwrap_or_default()
}

/// The failure that these words ask for; `None` where they ask for something else.
pub fn failure(says: &str) -> Option<Error> {
    let mut words = says.split(' ');
    let mut failure = match words.next() {
        Some("permanent") => Error::permanent("told to fail for good"),
        Some("retryable") => Error::retryable("told to fail for now"),
        _ => return None,
    };
    while let (Some(word), Some(number)) = (words.next(), words.next()) {
        let number: u32 = match number.parse() {
            Ok(number) => number,
            Err(error) => return Some(Error::permanent(format!("{word} {number}: {error}"))),
        };
        failure = match word {
            "grpc" => failure.grpc(number),
            "http" => failure.http(u16::try_from(number).unwrap_or_default()),
            "after" => failure.retry_after(Duration::from_millis(number.into())),
            _ => failure.rejected(number.into()),
        };
    }
    Some(failure)
}

/// What became of a batch.
pub fn told(sent: &Result<(), Error>) -> String {
    match sent {
        Ok(()) => "taken".into(),
        Err(error) => format!(
            "{:?} grpc {:?} http {:?} after {:?} rejected {}: {}",
            error.class(),
            error.grpc_code(),
            error.http_code(),
            error.retry_delay(),
            error.rejected_items(),
            error.message(),
        ),
    }
}
