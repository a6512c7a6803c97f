//! The locks beside the builder file, with Cargo, Go and ocb as they are.
//! Nothing is compiled. Needs Go's and Cargo's registries or caches.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use strait::files;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new(builder: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        fs::write(folder.path("builder.yaml"), builder).unwrap();
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// Replaces a text of the builder file.
    fn edit(&self, from: &str, to: &str) {
        let text = self.read("builder.yaml");
        assert!(text.contains(from));
        fs::write(self.path("builder.yaml"), text.replace(from, to)).unwrap();
    }

    fn generate(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_strait"))
            .args(["build", "--generate-only", "--config"])
            .arg(self.path("builder.yaml"))
            .arg("--output-path")
            .arg(self.path("out"))
            .args(arguments)
            .output()
            .unwrap()
    }
}

fn succeeds(output: &Output) {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn error(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const GO_ONLY: &str = "
dist: {name: otelcol, module: example.com/otelcol}
receivers:
  - gomod: go.opentelemetry.io/collector/receiver/nopreceiver v0.161.0
exporters:
  - gomod: go.opentelemetry.io/collector/exporter/nopexporter v0.161.0
providers:
  - gomod: go.opentelemetry.io/collector/confmap/provider/fileprovider v1.67.0
";

#[test]
fn a_go_only_file_has_locks_once_it_was_given_some() {
    let folder = Folder::new(GO_ONLY);
    succeeds(&folder.generate(&[]));
    assert!(!folder.path("builder.lock").exists());
    let resolved = folder.read("out/go.mod");
    succeeds(&folder.generate(&["--update"]));
    assert_eq!(folder.read("builder.lock/go.mod"), resolved);

    // Locked files are what is used, whatever stands in the output folder.
    fs::remove_dir_all(folder.path("out")).unwrap();
    succeeds(&folder.generate(&["--locked", "--offline"]));
    assert_eq!(folder.read("out/go.mod"), resolved);
    assert_eq!(
        folder.read("out/go.sum"),
        folder.read("builder.lock/go.sum")
    );

    folder.edit(
        "exporter/nopexporter v0.161.0",
        "exporter/debugexporter v0.161.0",
    );
    let text = error(&folder.generate(&["--locked"]));
    assert!(
        text.contains("- require go.opentelemetry.io/collector/exporter/nopexporter v0.161.0")
            && text.contains("+ require go.opentelemetry.io/collector/exporter/debugexporter"),
        "{text}"
    );
    assert_eq!(
        folder.read("builder.lock/go.mod"),
        resolved,
        "an error changes nothing"
    );
    succeeds(&folder.generate(&[]));
    assert!(folder.read("builder.lock/go.mod").contains("debugexporter"));
    succeeds(&folder.generate(&["--locked"]));
}

const WITH_RUST: &str = "
dist: {name: otelcol, module: example.com/otelcol}
receivers:
  - gomod: go.opentelemetry.io/collector/receiver/nopreceiver v0.161.0
processors:
  - cargo: mine = { path = \"mine\" }
exporters:
  - gomod: go.opentelemetry.io/collector/exporter/nopexporter v0.161.0
providers:
  - gomod: go.opentelemetry.io/collector/confmap/provider/fileprovider v1.67.0
";

fn write_crate(folder: &Path, dependencies: &str) {
    let manifest = format!(
        "[package]\nname = \"mine\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
         [package.metadata.strait]\nkind = \"processor\"\ntype = \"mine\"\n\
         signals = {{ logs = \"alpha\" }}\n\
         [dependencies]\n{dependencies}\n"
    );
    files::write(&folder.join("Cargo.toml"), manifest).unwrap();
    files::write(&folder.join("src/lib.rs"), "").unwrap();
}

#[test]
fn a_file_with_rust_locks_crates_and_go_modules() {
    let folder = Folder::new(WITH_RUST);
    write_crate(&folder.path("mine"), "");
    assert!(error(&folder.generate(&["--locked"])).contains("there are no locks"));
    succeeds(&folder.generate(&[]));
    let (crates, modules) = (
        folder.read("builder.lock/Cargo.lock"),
        folder.read("builder.lock/go.mod"),
    );
    assert!(
        crates.contains("name = \"mine\"") && crates.contains("name = \"otel-arrow-dfe-otap\"")
    );
    assert!(
        modules.contains("crate.local/mine => ./strait/processors/mine"),
        "{modules}"
    );

    // Another folder, nothing from the net: the same resolution.
    fs::rename(folder.path("out"), folder.path("before")).unwrap();
    succeeds(&folder.generate(&["--locked", "--offline"]));
    for name in [
        "go.mod",
        "go.sum",
        "main.go",
        "components.go",
        "strait/builder.yaml",
        "strait/rust/Cargo.lock",
    ] {
        assert_eq!(
            folder.read(&format!("out/{name}")),
            folder.read(&format!("before/{name}")),
            "{name}"
        );
    }

    write_crate(&folder.path("mine"), "itoa = \"1\"");
    let text = error(&folder.generate(&["--locked"]));
    assert!(
        text.contains("builder.lock/Cargo.lock would change"),
        "{text}"
    );
    assert_eq!(folder.read("builder.lock/Cargo.lock"), crates);
    succeeds(&folder.generate(&[]));
    succeeds(&folder.generate(&["--locked"]));
}
