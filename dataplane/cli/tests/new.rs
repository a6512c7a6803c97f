//! `strait new`: what it makes passes its own tests, and every name or folder
//! that it refuses has its message.

mod shared;

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use shared::{run, stderr, strait, target_folder};

#[test]
fn a_new_processor_passes_its_own_tests() {
    insta::assert_snapshot!(made_and_tested("processor", "my-filter"));
}

#[test]
fn a_new_receiver_passes_its_own_tests() {
    insta::assert_snapshot!(made_and_tested("receiver", "my-receiver"));
}

#[test]
fn a_new_exporter_passes_its_own_tests() {
    insta::assert_snapshot!(made_and_tested("exporter", "my-exporter"));
}

#[test]
fn a_new_connector_passes_its_own_tests() {
    insta::assert_snapshot!(made_and_tested("connector", "my-connector"));
}

#[test]
fn a_new_extension_passes_its_own_tests() {
    insta::assert_snapshot!(made_and_tested("extension", "my-ext"));
}

/// Makes a component, passes its tests, looks at its files; returns what the command said.
fn made_and_tested(kind: &str, name: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = strait()
        .current_dir(folder.path())
        .args(["new", kind, name])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let made = folder.path().join(name);

    let mut cargo = Command::new("cargo");
    cargo
        .current_dir(&made)
        .env("CARGO_TARGET_DIR", target_folder());
    let tests = cargo
        .args(["test", "--offline", "--quiet"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&tests.stdout);
    assert!(
        tests.status.success() && text.contains("2 passed"),
        "{text}{}",
        stderr(&tests)
    );

    let mut format = Command::new("rustfmt");
    format
        .current_dir(&made)
        .args(["--check", "--edition", "2024"]);
    assert!(
        format
            .args(["src/lib.rs", "tests/component.rs"])
            .status()
            .unwrap()
            .success()
    );
    let gofmt = Command::new("gofmt").arg("-l").arg(&made).output().unwrap();
    assert!(
        gofmt.status.success() && gofmt.stdout.is_empty(),
        "{gofmt:?}"
    );
    // Nothing is left unfilled.
    for file in strait::files::sources(&made).unwrap() {
        let text = fs::read_to_string(&file).unwrap();
        assert!(!text.contains("{{"), "{}", file.display());
    }
    stderr(&output)
}

#[test]
fn names_that_cannot_be() {
    let long = "a".repeat(64);
    let mut text = String::new();
    for name in [
        "",
        "My-Filter",
        "2fast",
        "a b",
        "a--b",
        "-a",
        "a_",
        "größe",
        "a/b",
        "match",
        "func",
        "serde-json",
        "strait-x",
        &long,
    ] {
        let folder = tempfile::tempdir().unwrap();
        let output = strait()
            .current_dir(folder.path())
            .args(["new", "processor", "--", name])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            0,
            "{name} left something behind"
        );
        text += &stderr(&output);
    }
    insta::assert_snapshot!(text);
}

#[test]
fn folders_that_cannot_be() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("full")).unwrap();
    fs::write(folder.path().join("full/notes"), "mine").unwrap();
    let mut text = String::new();
    for path in ["full", "full/notes", "full/notes/below"] {
        let output = strait()
            .current_dir(folder.path())
            .args(["new", "processor", "x", "--path", path])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{path}");
        let shown = folder.path().canonicalize().unwrap();
        let _ = write!(
            text,
            "{}",
            stderr(&output).replace(&*shown.to_string_lossy(), "FOLDER")
        );
    }
    insta::assert_snapshot!(text);
    assert_eq!(
        fs::read_to_string(folder.path().join("full/notes")).unwrap(),
        "mine"
    );
    assert_eq!(fs::read_dir(folder.path().join("full")).unwrap().count(), 1);
}

#[test]
fn an_empty_folder_will_do() {
    let folder = tempfile::tempdir().unwrap();
    let output = strait()
        .current_dir(folder.path())
        .args(["new", "processor", "x", "--path", "."])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(folder.path().join("Cargo.toml").is_file());
    assert_eq!(run(&["new", "gizmo", "x"]).status.code(), Some(2));
}

#[test]
fn a_new_component_can_depend_on_the_released_sdk() {
    let folder = tempfile::tempdir().unwrap();
    let made = strait()
        .current_dir(folder.path())
        .args(["new", "processor", "my-filter", "--released"])
        .output()
        .unwrap();
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    let manifest = fs::read_to_string(folder.path().join("my-filter/Cargo.toml")).unwrap();
    let manifest: toml_edit::DocumentMut = manifest.parse().unwrap();
    let sdk = manifest["dependencies"]["strait-component"].as_str();
    assert_eq!(sdk, Some(env!("CARGO_PKG_VERSION")));
}
