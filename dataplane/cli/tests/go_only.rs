//! A builder file without Rust gives the same bytes as ocb alone: sources,
//! go.mod, go.sum and the binary, on a machine without Rust. Needs Go and its
//! module proxy or cache.

mod shared;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use shared::{path_with, strait};
use strait::golang::ocb;
use strait::ui::{Level, Ui};

const BUILDER: &str = "
dist:
  name: otelcol
  module: example.com/otelcol
receivers:
  - gomod: go.opentelemetry.io/collector/receiver/nopreceiver v0.161.0
exporters:
  - gomod: go.opentelemetry.io/collector/exporter/nopexporter v0.161.0
providers:
  - gomod: go.opentelemetry.io/collector/confmap/provider/fileprovider v1.67.0
";

fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = strait::files::sources(folder).unwrap();
    files
        .into_iter()
        .map(|f| {
            (
                f.strip_prefix(folder).unwrap().to_owned(),
                fs::read(&f).unwrap(),
            )
        })
        .collect()
}

#[test]
fn the_result_is_that_of_ocb() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("builder.yaml");
    fs::write(&config, BUILDER).unwrap();
    let (ours, theirs) = (folder.path().join("ours"), folder.path().join("theirs"));

    // No Rust and no C compiler on this machine.
    let path = path_with(&["go"]);
    let status = strait()
        .env("PATH", path.path())
        .args(["build", "--quiet", "--config"])
        .arg(&config)
        .arg("--output-path")
        .arg(&ours)
        .status()
        .unwrap();
    assert!(status.success());

    let program = ocb::install(false, &Ui::new(Level::Quiet)).unwrap();
    let output = Command::new(program)
        .arg("--config")
        .arg(&config)
        .arg("--output-path")
        .arg(&theirs)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );

    let (ours, theirs) = (tree(&ours), tree(&theirs));
    assert!(theirs.contains_key(Path::new("otelcol")));
    assert_eq!(
        ours.keys().collect::<Vec<_>>(),
        theirs.keys().collect::<Vec<_>>()
    );
    for (name, content) in &theirs {
        assert!(ours[name] == *content, "{} differs", name.display());
    }
}

#[test]
fn edited_sources_are_compiled_as_they_stand() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("builder.yaml"), shared::GO_ONLY).unwrap();
    let build = |more: &[&str]| {
        strait()
            .current_dir(folder.path())
            .args(["build", "--config", "builder.yaml"])
            .args(more)
            .output()
            .unwrap()
    };
    let nothing = build(&["--skip-generate"]);
    assert_eq!(nothing.status.code(), Some(1));
    insta::assert_snapshot!(shared::stderr(&nothing));

    assert!(build(&["--generate-only"]).status.success());
    let main = folder.path().join("out/main.go");
    let written = fs::read_to_string(&main).unwrap();
    let edited = written.replace("\"1.2.3\"", "\"1.2.3-edited\"");
    assert_ne!(edited, written);
    fs::write(&main, &edited).unwrap();
    let version = || {
        let program = folder.path().join("out/otelcol");
        let output = Command::new(program).arg("--version").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let built = build(&["--skip-generate"]);
    assert!(built.status.success(), "{}", shared::stderr(&built));
    assert_eq!(version(), "otelcol version 1.2.3-edited\n");
    assert_eq!(fs::read_to_string(&main).unwrap(), edited);

    // A plain build is the builder file's again.
    assert!(build(&[]).status.success());
    assert_eq!(version(), "otelcol version 1.2.3\n");
    assert_eq!(fs::read_to_string(&main).unwrap(), written);
}
