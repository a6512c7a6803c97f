//! The component as a host uses it: found through `factory()`, configured with JSON, run until it
//! has sent what is in its file.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use strait_component::testing::{block_on, host, receive, samples};
use strait_component::{Any, DynReceiver, Error, Settings, Signal};

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

// Guarantees: every mistake has its path.
#[test]
fn mistakes_are_found_with_their_paths() {
    for (config, path) in [
        (json!({}), "path"),
        (json!({"path": "x", "poll_interval": "0s"}), "poll_interval"),
        (json!({"path": "x", "start_at": "middle"}), "start_at"),
        (json!({"path": "x", "pol_interval": "1s"}), "pol_interval"),
    ] {
        let errors = file_lines::factory().validate(&config).unwrap_err();
        assert_eq!(errors[0].path, path, "{errors:?}");
    }
}
