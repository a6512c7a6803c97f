//! The component as a host uses it: found through `factory()`, configured with JSON, run until it
//! has sent what is in its file.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use strait_component::testing::{Collector, block_on, host, receive, samples};
use strait_component::{Any, DynReceiver, Error, Settings, Signal, Status};

fn settings() -> Settings {
    Settings::new("file_lines", 0).makes([Signal::Logs])
}

fn receiver(path: &str) -> Box<dyn DynReceiver> {
    let factory = file_lines::factory().receiver().unwrap();
    let config = json!({"path": path, "start_at": "beginning", "poll_interval": "1ms"});
    factory.create(&config, &settings()).unwrap()
}

// Guarantees: each line is a log with its file, and one that is no text keeps its bytes.
#[test]
fn lines_are_logs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log");
    fs::write(&file, b"one\n\xff\n").unwrap();
    let path = file.to_str().unwrap();
    let sent = receive(&mut *receiver(path), settings(), 1).unwrap();
    let logs = samples(&sent[0]);
    let bodies: Vec<_> = logs.iter().map(|log| log.body.clone()).collect();
    assert_eq!(bodies, [Any::from("one"), Any::Bytes(vec![0xff])]);
    let attribute = ("log.file.path".to_owned(), Any::from(path));
    assert!(logs.iter().all(|log| log.attributes == [attribute.clone()]));
    assert!(sent[0].logs().get(0).unwrap().observed_time_unix_nano() > 0);
}

// Guarantees: what the pipelines cannot take now is offered again, after the time they ask for, and
// no line behind it comes before it.
#[test]
fn what_is_not_taken_is_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log");
    fs::write(&file, b"one\n").unwrap();
    let (offers, taken) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(Mutex::new(Vec::new())),
    );
    let (count, kept) = (Arc::clone(&offers), Arc::clone(&taken));
    let (host, stop) = host(settings(), move |batch| {
        let refused = count.fetch_add(1, Ordering::Relaxed) < 2;
        if !refused {
            kept.lock().unwrap().extend(samples(&batch));
        }
        let error = Error::retryable("full").retry_after(Duration::from_millis(2));
        async move { if refused { Err(error) } else { Ok(()) } }
    });
    let mut receiver = receiver(file.to_str().unwrap());
    let seen = Arc::clone(&taken);
    block_on(async {
        let until_taken = async {
            while seen.lock().unwrap().is_empty() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            stop.stop();
        };
        let (ended, ()) = tokio::join!(receiver.run(host), until_taken);
        ended.unwrap();
    });
    assert_eq!(offers.load(Ordering::Relaxed), 3);
    assert_eq!(taken.lock().unwrap().len(), 1);
}

/// Runs a receiver that keeps its position in this Collector until `answer` has taken so many
/// batches, then stops it, or drops it where it stands. Gives the bodies of what was offered.
fn runs(
    collector: &Collector,
    path: &str,
    start_at: &str,
    batches: usize,
    killed: bool,
) -> Vec<Any> {
    let factory = file_lines::factory().receiver().unwrap();
    let config = json!({
        "path": path, "start_at": start_at, "poll_interval": "1ms", "storage": "file_storage",
    });
    let settings = settings().runs_in(collector.of("file_lines"));
    let mut receiver = factory.create(&config, &settings).unwrap();
    let offered = Arc::new(Mutex::new(Vec::new()));
    let all = Arc::clone(&offered);
    let (host, stop) = host(settings, move |batch| {
        let mut all = all.lock().unwrap();
        all.push(samples(&batch));
        let last = all.len() == batches;
        async move {
            if last && killed {
                std::future::pending().await
            }
            Ok(())
        }
    });
    block_on(async {
        let enough = async {
            while offered.lock().unwrap().len() < batches {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let mut running = receiver.run(host);
        tokio::select! {
            ended = &mut running => ended.unwrap(),
            () = enough => if !killed {
                stop.stop();
                running.await.unwrap();
            }
        }
    });
    let offered = offered.lock().unwrap();
    offered
        .iter()
        .flatten()
        .map(|log| log.body.clone())
        .collect()
}

fn lines(range: std::ops::Range<usize>) -> String {
    range.map(|n| format!("{n}\n")).collect()
}

fn bodies(range: std::ops::Range<usize>) -> Vec<Any> {
    range.map(|n| Any::from(n.to_string().as_str())).collect()
}

// Guarantees: a receiver that was stopped in order goes on where it was: no line twice and none
// lost, also of a file that was renamed meanwhile.
#[test]
fn no_line_twice_and_none_lost_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log");
    let path = file.to_str().unwrap();
    let collector = Collector::default();
    fs::write(&file, lines(0..3)).unwrap();
    assert_eq!(runs(&collector, path, "beginning", 1, false), bodies(0..3));
    fs::write(&file, lines(0..5)).unwrap();
    fs::rename(&file, folder.path().join("log.1")).unwrap();
    fs::write(&file, lines(5..7)).unwrap();
    assert_eq!(runs(&collector, path, "beginning", 1, false), bodies(3..7));
    assert!(
        collector
            .statuses()
            .iter()
            .all(|status| *status == Status::Ok)
    );
}

// Guarantees: after a crash no line is lost, and at most the batch that was not answered is offered
// again.
#[test]
fn a_crash_repeats_one_batch_at_most() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log");
    let path = file.to_str().unwrap();
    let collector = Collector::default();
    fs::write(&file, lines(0..2500)).unwrap();
    assert_eq!(
        runs(&collector, path, "beginning", 2, true),
        bodies(0..2000)
    );
    assert_eq!(
        runs(&collector, path, "beginning", 2, false),
        bodies(1000..2500)
    );
}

// Guarantees: what comes between a start at the end of the file and the first batch is not skipped
// by the next start.
#[test]
fn the_end_of_the_file_is_kept_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log");
    let path = file.to_str().unwrap();
    let collector = Collector::default();
    fs::write(&file, lines(0..3)).unwrap();
    assert!(runs(&collector, path, "end", 0, false).is_empty());
    fs::write(&file, lines(0..5)).unwrap();
    assert_eq!(runs(&collector, path, "end", 1, false), bodies(3..5));
}

// Guarantees: a storage that is not there is why the receiver does not run.
#[test]
fn without_its_storage_it_does_not_run() {
    let factory = file_lines::factory().receiver().unwrap();
    let config = json!({"path": "x", "storage": "none"});
    let (host, _stop) = host(settings(), |_| std::future::ready(Ok(())));
    let mut receiver = factory.create(&config, &settings()).unwrap();
    let error = block_on(receiver.run(host)).unwrap_err();
    assert!(error.is_permanent(), "{error}");
}

// Guarantees: every mistake has its path.
#[test]
fn mistakes_are_found_with_their_paths() {
    for (config, path) in [
        (json!({}), "path"),
        (json!({"path": "x", "poll_interval": "0s"}), "poll_interval"),
        (json!({"path": "x", "start_at": "middle"}), "start_at"),
        (json!({"path": "x", "storage": ""}), "storage"),
        (
            json!({"path": "x", "multiline": {"line_start_pattern": "("}}),
            "multiline::line_start_pattern",
        ),
        (
            json!({"path": "x", "multiline": {}}),
            "multiline::line_start_pattern",
        ),
        (json!({"path": "x", "pol_interval": "1s"}), "pol_interval"),
    ] {
        let errors = file_lines::factory().validate(&config).unwrap_err();
        assert_eq!(errors[0].path, path, "{errors:?}");
    }
}
