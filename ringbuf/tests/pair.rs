//! Two processes, host and peer, as `examples/pair` runs them.
#![cfg(not(loom))]

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// The example, which cargo builds beside the tests.
fn pair() -> PathBuf {
    let test = std::env::current_exe().expect("path of the test");
    let folder = test.ancestors().nth(2).expect("target folder");
    let pair = folder.join("examples/pair");
    assert!(
        pair.exists(),
        "build it first: `cargo build -p strait-ringbuf --examples`"
    );
    pair
}

/// Starts a side with the socket as its descriptor 3.
fn start(role: &str, options: &[&str], socket: UnixStream) -> Child {
    Command::new("sh")
        .args(["-c", "exec \"$@\" 3<&0 0</dev/null", "sh"])
        .arg(pair())
        .arg(role)
        .args(options)
        .stdin(OwnedFd::from(socket))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("start a side")
}

fn run(host: &[&str], peer: &[&str]) -> [Output; 2] {
    let (a, b) = UnixStream::pair().expect("socket pair");
    let sides = [start("host", host, a), start("peer", peer, b)];
    sides.map(|side| side.wait_with_output().expect("wait"))
}

fn report(output: &Output) -> Value {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    serde_json::from_slice(&output.stdout).expect("a JSON line")
}

/// Scenario: 2,000 batches there and back between two processes, in a roomy ring and in the
/// smallest one, trusted and not, with both policies. Guarantees: every batch comes back once with
/// its bytes and is answered, and the link ends in order on both sides.
#[test]
fn every_batch_crosses_two_processes_and_comes_back() {
    let small = ["--descriptors", "8", "--blocks", "16"];
    let cases: [(&[&str], &[&str]); 4] = [
        (&[], &[]),
        (&small, &[]),
        (&["--untrusted"], &["--untrusted", "--latency"]),
        (&["--latency", "--untrusted"], &[]),
    ];
    for (host, peer) in cases {
        let host = [&["--batches", "2000"], host].concat();
        let [host, peer] = run(&host, peer).map(|output| report(&output));
        for side in [&host, &peer] {
            assert_eq!(side["ended"], "closed");
            for count in ["sent", "received", "acks_sent", "acks_received"] {
                assert_eq!(side[count], 2000, "{side}");
            }
        }
    }
}

/// Scenario: one side's process ends without a word in the middle. Guarantees: the other one
/// notices through the socket, and ends without an error and without waiting.
#[test]
fn a_side_outlives_the_other_ones_death() {
    let [host, peer] = run(&[], &["--kill-after", "777"]);
    assert_eq!(peer.status.code(), Some(9));
    assert_eq!(report(&host)["ended"], "peer_lost");
    let [host, peer] = run(&["--kill-after", "777"], &[]);
    assert_eq!(host.status.code(), Some(9));
    assert_eq!(report(&peer)["ended"], "peer_lost");
}
