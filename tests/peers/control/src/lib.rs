//! A peer that does what the tests in `tests/control` ask: no engine, no ring.
//!
//! The payload of every operation is one [`Work`] in JSON. Linked into those tests only.

use std::thread;
use std::time::Duration;

use serde::Deserialize;
use strait_control::host::{self, Level, LogRecord, StatusCode};
use strait_control::{
    BoxFuture, Class, Failure, OpResult, Operation, OperationError, PathError, Peer,
};

/// What a test asks for.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", tag = "do")]
enum Work {
    /// Give the payload back.
    Echo,
    /// Succeed after this long.
    Sleep { ns: u64 },
    /// Never succeed.
    Hang,
    /// Panic when polled.
    Panic,
    /// Panic before there is a future.
    PanicEarly,
    /// Fail with a class, a component and a path.
    Fail { class: u32 },
    /// Call the host from this many threads of ours, each so many times.
    Calls {
        threads: u64,
        times: u64,
        call_id: u64,
        what: What,
    },
    /// How many threads of this process have our name.
    Threads,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum What {
    Log,
    Status,
    Cancel,
    Failed,
}

struct TestPeer;

fn work(operation: &Operation) -> Result<Work, OperationError> {
    serde_json::from_slice(&operation.payload).map_err(|e| {
        OperationError::new(
            Class::Permanent,
            format!("the payload is not a test's: {e}"),
        )
    })
}

fn failed(class: u32) -> OpResult {
    let errors = vec![PathError {
        path: "nodes::0::x".into(),
        message: "expected a number".into(),
    }];
    let error = OperationError {
        class: Class::from_code(class),
        ..OperationError::invalid("as asked", errors)
    };
    Err(error.at("test"))
}

/// The names in /proc end at 15 bytes.
fn our_threads() -> OpResult {
    let tasks = std::fs::read_dir("/proc/self/task")
        .map_err(|e| OperationError::new(Class::Internal, e.to_string()))?;
    let names = tasks
        .flatten()
        .filter_map(|t| std::fs::read_to_string(t.path().join("comm")).ok());
    Ok(names
        .filter(|n| n.starts_with("strait-control"))
        .count()
        .to_string()
        .into_bytes())
}

fn call_host(handle: u64, times: u64, call_id: u64, what: What) {
    let failure = Failure {
        grpc_code: 14,
        http_code: 503,
        retry_delay: Duration::from_millis(1500),
        rejected_items: 3,
        ..Failure::new(Class::Unavailable, "a message of ordinary length").at("test")
    };
    for _ in 0..times {
        match what {
            What::Log => host::log(LogRecord {
                level: Level::Info,
                target: "testpeer".into(),
                place: ("src/testpeer.rs".into(), 7),
                message: "a line of ordinary length".into(),
                fields_json: "{\"n\":1}".into(),
                handle,
            }),
            What::Status => host::status(handle, StatusCode::RecoverableError, "trying again"),
            What::Cancel => host::batch_cancel(call_id),
            What::Failed => host::batch_failed(call_id, &failure),
        }
    }
}

impl Peer for TestPeer {
    fn inline(&self, operation: Operation) -> OpResult {
        match work(&operation)? {
            Work::Echo => Ok(operation.payload),
            Work::Fail { class } => failed(class),
            Work::Threads => our_threads(),
            Work::Panic | Work::PanicEarly => panic!("asked to"),
            _ => Err(OperationError::new(Class::Permanent, "not inline")),
        }
    }

    fn spawn(&self, operation: Operation) -> BoxFuture<OpResult> {
        let work = work(&operation);
        assert!(!matches!(work, Ok(Work::PanicEarly)), "asked to, early");
        Box::pin(async move {
            match work? {
                Work::Echo => {
                    tokio::task::yield_now().await;
                    return Ok(operation.payload);
                }
                Work::Sleep { ns } => tokio::time::sleep(Duration::from_nanos(ns)).await,
                Work::Hang => std::future::pending().await,
                Work::Panic | Work::PanicEarly => panic!("asked to"),
                Work::Fail { class } => return failed(class),
                Work::Threads => return our_threads(),
                Work::Calls {
                    threads,
                    times,
                    call_id,
                    what,
                } => {
                    let run = move || {
                        let handle = operation.handle;
                        let all: Vec<_> = (0..threads)
                            .map(|_| thread::spawn(move || call_host(handle, times, call_id, what)))
                            .collect();
                        all.into_iter().all(|t| t.join().is_ok())
                    };
                    let joined = tokio::task::spawn_blocking(run).await;
                    if !matches!(joined, Ok(true)) {
                        return Err(OperationError::new(
                            Class::Internal,
                            "a thread of the test panicked",
                        ));
                    }
                }
            }
            Ok(Vec::new())
        })
    }

    /// Answers a cancellation as the engine does: the call fails.
    fn batch_cancel(&self, call_id: u64) {
        host::batch_failed(call_id, &Failure::new(Class::Cancelled, "as asked"));
    }

    /// Sends the failure back as it came.
    fn batch_failed(&self, call_id: u64, failure: Failure) {
        assert!(failure.message != "panic", "asked to");
        host::batch_failed(call_id, &failure);
    }
}

strait_control::export_entry!(|| Box::new(TestPeer));
