//! What the system refuses. Alone in its file: the limits are the whole process's.
#![cfg(not(loom))]

mod common;

use common::options;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use strait_ringbuf::{Error, HostPending};

fn refused(resource: Resource, current: u64) -> Error {
    let before = getrlimit(resource);
    let lower = Rlimit {
        current: Some(current),
        ..before
    };
    setrlimit(resource, lower).expect("a lower limit");
    let result = HostPending::create(&options(8, 16)).map(|_| ());
    setrlimit(resource, before).expect("the limit of before");
    result.expect_err("beyond the limit")
}

/// Scenario: files may not be as large as a ring's object; no file may be opened any more.
/// Guarantees: an error that names the limit and what to raise, not a signal.
#[test]
fn limits_of_the_process_are_errors_that_say_what_to_raise() {
    let error = refused(Resource::Fsize, 65_536);
    assert!(
        matches!(error, Error::FileSize { limit: 65_536, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("`ulimit -f`"), "{error}");
    let error = refused(Resource::Nofile, 0);
    let text = error.to_string();
    assert!(
        text.contains("memfd_create failed: Too many open files"),
        "{text}"
    );
    assert!(
        text.contains("os error 24") && text.contains("`ulimit -n`"),
        "{text}"
    );
}
