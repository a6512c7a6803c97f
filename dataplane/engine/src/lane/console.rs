//! What a node writes to the console, on its way to the host's log.
//!
//! The engine's `debug` node writes to the process's standard output, which a Collector does not
//! use: so its text went past the log, with its level, its sampling and its file. Where its
//! configuration names no output it gets the writing end of a pipe, by the name that the system has
//! for it, and a thread gives what it reads to the log.
//!
//! Guarantees: nothing is held without a bound, a log that is slow holds the node up; a pipeline's
//! texts are in the log before its lane starts another or ends, unless the log takes longer than
//! [`LAST_TEXTS`].

use crate::ambient;
use crate::calls::Upcalls;
use otel_arrow_dfe_config::node::NodeUserConfig;
use serde_json::Value;
use std::io::{ErrorKind, PipeWriter, Read};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// The node that writes to the console.
pub(crate) const DEBUG: &str = "urn:otel:processor:debug";
/// The one whose output the console is: it keeps it.
pub(crate) const EXPORTER: &str = "urn:otel:exporter:console";

/// How long the log may take for what a pipeline that has ended wrote last.
const LAST_TEXTS: Duration = Duration::from_secs(1);
/// What one line of the log may hold, where the text itself has no line end before.
const LONGEST: usize = 64 << 10;

/// One node's: dropping it ends the thread.
struct Console {
    writer: PipeWriter,
    done: Receiver<()>,
}

impl Console {
    /// The node that wrote has ended.
    fn end(self) {
        drop(self.writer);
        // The thread ends by itself; what counts is that it had its time.
        let _ = self.done.recv_timeout(LAST_TEXTS);
    }
}

/// The configuration of a node that writes to the host's log, till its pipeline ends; `None` where
/// it writes somewhere of its own, or where that cannot be had.
pub(crate) fn redirect(name: &str, config: &NodeUserConfig) -> Option<NodeUserConfig> {
    let upcalls = Arc::clone(ambient::port()?.upcalls());
    let (redirected, console) = open(name, config, upcalls)?;
    ambient::at_end(|| console.end());
    Some(redirected)
}

fn open(
    name: &str,
    config: &NodeUserConfig,
    upcalls: Arc<dyn Upcalls>,
) -> Option<(NodeUserConfig, Console)> {
    if config
        .config
        .get("output")
        .is_some_and(|output| !output.is_null())
    {
        return None;
    }
    let (reader, writer) = std::io::pipe().ok()?;
    let path = format!("/proc/self/fd/{}", writer.as_raw_fd());
    if !Path::new(&path).exists() {
        return None;
    }
    let (ended, done) = channel();
    let node = name.to_owned();
    std::thread::Builder::new()
        .name("strait-console".into())
        .spawn(move || {
            upcalls.attach();
            copy(
                reader,
                |text| tracing::info!(target: "debug", node, "{text}"),
            );
            // The lane may have gone.
            let _ = ended.send(());
        })
        .ok()?;
    let mut redirected = config.clone();
    redirected.config["output"] = Value::String(path);
    Some((redirected, Console { writer, done }))
}

/// Gives whole lines to `tell`, as many as come at once, until every writer has gone.
fn copy(mut from: impl Read, mut tell: impl FnMut(&str)) {
    let mut tell = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let text = text.trim_end();
        if !text.is_empty() {
            tell(text);
        }
    };
    let (mut buffer, mut held) = (vec![0; LONGEST], Vec::new());
    loop {
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => held.extend_from_slice(&buffer[..read]),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => break,
        }
        let end = match held.iter().rposition(|byte| *byte == b'\n') {
            Some(at) => at + 1,
            None if held.len() >= LONGEST => held.len(),
            None => continue,
        };
        tell(&held[..end]);
        held.drain(..end);
    }
    tell(&held);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn texts(pieces: &[&[u8]]) -> Vec<String> {
        struct Pieces<'a>(&'a [&'a [u8]]);
        impl Read for Pieces<'_> {
            fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
                let Some((first, rest)) = self.0.split_first() else {
                    return Ok(0);
                };
                self.0 = rest;
                to[..first.len()].copy_from_slice(first);
                Ok(first.len())
            }
        }
        let mut texts = Vec::new();
        copy(Pieces(pieces), |text| texts.push(text.to_owned()));
        texts
    }

    // Guarantees: what comes at once is one line of the log, cut between lines, and nothing is lost
    // at the end.
    #[test]
    fn lines_stay_whole() {
        assert_eq!(
            texts(&[b"one\ntwo\n", b"thr", b"ee\nfo", b"ur"]),
            ["one\ntwo", "three", "four"]
        );
        assert_eq!(texts(&[b"\n\n", b"x\xff\n"]), ["x\u{fffd}"]);
        assert!(texts(&[]).is_empty());
    }

    // Guarantees: a text without a line end is not held without a bound.
    #[test]
    fn a_text_without_an_end_is_cut() {
        let piece = [b'x'; LONGEST];
        assert_eq!(
            texts(&[&piece, b"y"])
                .iter()
                .map(String::len)
                .collect::<Vec<_>>(),
            [LONGEST, 1]
        );
    }

    struct Nobody;

    impl Upcalls for Nobody {
        fn batch_failed(&self, _: u64, _: &crate::Failure) {}
        fn batch_cancel(&self, _: u64) {}
        fn status(&self, _: crate::LaneStatus, _: &str) {}
    }

    // Guarantees: a node without an output gets one that can be opened by its name, as often as it
    // likes; one with an output keeps it; and its end is everybody's.
    #[test]
    fn a_node_without_an_output_gets_one() {
        let config = |json| {
            let json = serde_json::json!({"type": DEBUG, "config": json});
            serde_json::from_value::<NodeUserConfig>(json).expect("a node")
        };
        let none = config(serde_json::json!({}));
        assert!(redirect("d", &none).is_none(), "outside a lane");
        let own = config(serde_json::json!({"output": "/dev/null"}));
        assert!(open("d", &own, Arc::new(Nobody)).is_none());
        let (redirected, console) = open("d", &none, Arc::new(Nobody)).expect("an output");
        let path = redirected.config["output"].as_str().expect("a path");
        for _ in 0..2 {
            let mut file = std::fs::File::options()
                .append(true)
                .open(path)
                .expect("opens");
            file.write_all(b"text\n").expect("takes it");
        }
        console.end();
    }
}
