//! A new component's whole way, as its author goes it: `strait new`, `build`
//! with interruptions and mistakes, `test` against the Collector's own suites,
//! `run` with real telemetry. It links the engine, which it shares with every
//! other build in the target folder, so it runs with the system's tests:
//! `cargo test -p strait --test whole -- --ignored`.

mod shared;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use shared::{interrupt, stderr, strait, target_folder};

/// A folder with a new component in it. Its name has a space and letters beyond ASCII.
struct Author {
    _folder: tempfile::TempDir,
    made: PathBuf,
}

impl Author {
    fn new(kind: &str, name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = folder
            .path()
            .canonicalize()
            .unwrap()
            .join("größe und raum")
            .join(name);
        let output = strait()
            .args(["new", kind, name, "--path"])
            .arg(&made)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        Self {
            _folder: folder,
            made,
        }
    }

    /// `strait COMMAND --config builder.yaml OPTIONS`, in the component's folder.
    fn strait(&self, command: &str, options: &[&str]) -> Command {
        let mut strait = strait();
        strait
            .current_dir(&self.made)
            .env("CARGO_TARGET_DIR", target_folder());
        strait
            .args([command, "--config", "builder.yaml"])
            .args(options);
        strait
    }

    /// Builds without a word, then has Go hold the component to what the Collector asks of its
    /// kind; `strait test` succeeds or not, and says this.
    fn held_to_its_contract(&self, succeeds: bool, says: &str) {
        let options = ["--quiet", "--", "-v"];
        let tested = self.strait("test", &options).output().unwrap();
        let text = String::from_utf8_lossy(&tested.stdout);
        assert!(
            tested.status.success() == succeeds && text.contains(says),
            "{text}{}",
            stderr(&tested)
        );
    }

    /// Changes a file of the component, so that there is something to build.
    fn edit(&self, file: &str, change: impl FnOnce(String) -> String) {
        let path = self.made.join(file);
        fs::write(&path, change(fs::read_to_string(&path).unwrap())).unwrap();
    }
}

/// The Collector while it runs, and what it has printed.
struct Collector {
    child: Child,
    log: BufReader<std::process::ChildStderr>,
    seen: String,
    address: String,
}

impl Collector {
    fn start(author: &Author) -> Self {
        // Free now, and nobody else's on this machine in a moment.
        let address = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .to_string();
        let mut command = author.strait("run", &["--quiet", "--", "--config", "otelcol.yaml"]);
        let mut child = command
            .env("OTLP_HTTP", &address)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let mut collector = Self {
            child,
            log,
            seen: String::new(),
            address,
        };
        collector.wait_for("Everything is ready");
        collector
    }

    fn wait_for(&mut self, text: &str) {
        while !self.seen.contains(text) {
            let read = self.log.read_line(&mut self.seen).unwrap();
            assert!(read > 0, "no `{text}` in:\n{}", self.seen);
        }
    }

    /// Posts logs; returns the status code of the answer. The body is sent when the
    /// Collector asks for it, as it does unless it refuses the request by its headers.
    fn post(&self, logs: &Path, header: &str) -> u16 {
        let body = fs::read_to_string(logs).unwrap();
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let mut answer = BufReader::new(stream.try_clone().unwrap());
        let mut line = || {
            let mut line = String::new();
            answer.read_line(&mut line).unwrap();
            line
        };
        let code = |line: &str| line.split(' ').nth(1).unwrap_or_default().parse().unwrap();
        let length = body.len();
        write!(
            stream,
            "POST /v1/logs HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             Expect: 100-continue\r\nContent-Length: {length}\r\n{header}\r\n",
            self.address
        )
        .unwrap();
        let first = code(&line());
        if first != 100 {
            return first;
        }
        write!(stream, "{body}").unwrap();
        // An empty line ends the interim answer.
        assert_eq!(line(), "\r\n");
        code(&line())
    }

    /// Ends it by SIGTERM; returns all that it printed.
    fn stop(mut self) -> String {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.log.read_to_string(&mut self.seen).unwrap();
        let ended = self.child.wait().unwrap();
        assert_eq!(ended.code(), Some(0), "{ended}:\n{}", self.seen);
        self.seen
    }
}

#[test]
#[ignore = "links the engine: part of the system's tests"]
fn a_processor_is_built_in_spite_of_its_author_and_drops_logs() {
    let author = Author::new("processor", "my-filter");
    // Ctrl-C while crates resolve, compile, are prelinked, and while ocb works.
    for point in [
        "cargo metadata",
        "Compiling strait-umbrella",
        " ld -r ",
        "objcopy",
        "Getting go modules",
        "Building with cgo enabled",
    ] {
        author.edit("src/lib.rs", |text| format!("{text}\n// {point}\n"));
        interrupt(&mut author.strait("build", &["--verbose"]), point);
    }
    let built = author.strait("build", &["--quiet"]).output().unwrap();
    assert!(
        built.status.success() && built.stderr.is_empty(),
        "{}",
        stderr(&built)
    );

    let mut collector = Collector::start(&author);
    assert_eq!(collector.post(&author.made.join("logs.json"), ""), 200);
    collector.wait_for("payment refused");
    let printed = collector.stop();
    assert!(
        printed.contains("order accepted") && !printed.contains("cache miss"),
        "{printed}"
    );

    // Nothing has changed: nothing is built.
    let again = stderr(&author.strait("build", &[]).output().unwrap());
    assert!(
        again.contains(": 0 of ") && again.contains("the Go side is unchanged"),
        "{again}"
    );

    the_compilers_own_message_is_shown(&author);

    author.held_to_its_contract(true, "--- PASS: TestShutdown");
    // The suite sends logs of level INFO, 9.
    author.edit("src/lib.rs", |text| {
        text.replace("min_severity: 9 }", "min_severity: 10 }")
    });
    author.held_to_its_contract(false, "--- FAIL: TestShutdown");
}

#[test]
#[ignore = "links the engine: part of the system's tests"]
fn a_receiver_holds_its_contract() {
    let author = Author::new("receiver", "my-receiver");
    author.held_to_its_contract(true, "--- PASS: TestContract");
}

#[test]
#[ignore = "links the engine: part of the system's tests"]
fn an_exporter_holds_its_contract() {
    let author = Author::new("exporter", "my-exporter");
    author.held_to_its_contract(true, "--- PASS: TestVerdict");
}

#[test]
#[ignore = "links the engine: part of the system's tests"]
fn a_connector_holds_its_contract() {
    let author = Author::new("connector", "my-connector");
    author.held_to_its_contract(true, "--- PASS: TestVerdict");
}

/// A mistake in the component is shown at its place in the author's own file,
/// with the component's name and a command that repeats just that step.
fn the_compilers_own_message_is_shown(author: &Author) {
    author.edit("src/lib.rs", |text| text.replace("Ok(())", "Ok(1)"));
    let failed = author.strait("build", &[]).output().unwrap();
    let text = stderr(&failed);
    assert_eq!(failed.status.code(), Some(1), "{text}");
    let place = author.made.join("src/lib.rs");
    for part in [
        "error[E0308]: mismatched types",
        &*place.to_string_lossy(),
        "the processor `my_filter` (crate my-filter 0.1.0) does not compile",
    ] {
        assert!(text.contains(part), "no `{part}` in:\n{text}");
    }
    let repeat = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("repeat just this step: "));
    let repeated = Command::new("sh")
        .args(["-c", repeat.unwrap()])
        .output()
        .unwrap();
    assert!(
        !repeated.status.success() && stderr(&repeated).contains("E0308")
            || String::from_utf8_lossy(&repeated.stdout).contains("E0308")
    );
    author.edit("src/lib.rs", |text| text.replace("Ok(1)", "Ok(())"));
}

#[test]
#[ignore = "links the engine: part of the system's tests"]
fn an_extension_lets_in_who_has_a_key() {
    let author = Author::new("extension", "my-ext");
    let built = author.strait("build", &["--quiet"]).output().unwrap();
    assert!(
        built.status.success() && built.stderr.is_empty(),
        "{}",
        stderr(&built)
    );
    author.held_to_its_contract(true, "--- PASS: TestAuthenticator");
    let mut collector = Collector::start(&author);
    let logs = author.made.join("logs.json");
    assert_eq!(collector.post(&logs, ""), 401);
    assert_eq!(collector.post(&logs, "x-api-key: guess\r\n"), 401);
    assert_eq!(collector.post(&logs, "x-api-key: let-me-in\r\n"), 200);
    collector.wait_for("payment refused");
    let printed = collector.stop();
    assert_eq!(printed.matches("payment refused").count(), 1, "{printed}");
}
