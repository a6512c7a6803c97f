//! What the environment asks of a build: settings that Rust components cannot
//! follow have their message, before anything is compiled; the others are
//! followed.

mod shared;

use std::fs;
use std::path::Path;
use std::process::Command;

use shared::{GO_ONLY, path_with, stderr, strait};

/// A build of a Rust component, with these variables; it must not come to pass.
fn refused(variables: &[(&str, &str)], change: impl FnOnce(&mut Command)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let component = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/mask-cards");
    let builder = format!(
        "dist: {{name: x, output_path: out}}\nprocessors:\n  - cargo: mask-cards = {{ path = \
         {component:?} }}\n"
    );
    fs::write(folder.path().join("builder.yaml"), builder).unwrap();
    let mut command = strait();
    command
        .current_dir(folder.path())
        .args(["build", "--config", "builder.yaml"]);
    command
        .env_remove("CARGO_BUILD_TARGET")
        .envs(variables.iter().copied());
    change(&mut command);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{variables:?}");
    stderr(&output)
}

#[test]
fn go_os_without_rust_components() {
    insta::assert_snapshot!(refused(&[("GOOS", "darwin")], |_| ()));
}

#[test]
fn go_arch_without_rust_components() {
    insta::assert_snapshot!(refused(&[("GOARCH", "riscv64")], |_| ()));
}

#[test]
fn cgo_disabled_in_the_environment() {
    let native = refused(&[("CGO_ENABLED", "0")], |_| ());
    // For another platform 0 is Go's own default; set, it is still a wish.
    let cross = refused(&[("CGO_ENABLED", "0"), ("GOARCH", "arm64")], |_| ());
    assert_eq!(native, cross);
    insta::assert_snapshot!(native);
}

#[test]
fn cargo_build_target_of_another_platform() {
    insta::assert_snapshot!(refused(&[("CARGO_BUILD_TARGET", "wasm32-wasip1")], |_| ()));
}

#[test]
fn arm64_without_its_compiler() {
    let path = path_with(&["go", "cargo", "rustc", "gcc", "ld", "objcopy"]);
    let text = refused(&[("GOARCH", "arm64")], |command| {
        command.env("PATH", path.path());
    });
    insta::assert_snapshot!(text);
}

#[test]
fn nothing_of_rust_on_the_machine() {
    let path = path_with(&["go"]);
    let text = refused(&[], |command| {
        command.env("PATH", path.path());
    });
    insta::assert_snapshot!(text);
}

#[test]
fn a_relative_target_folder_is_below_the_working_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = strait();
    command
        .current_dir(folder.path())
        .args(["doctor", "--json"])
        .env("CARGO_TARGET_DIR", "some/where");
    let output = command.output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let checks = report["checks"].as_array().unwrap();
    let found = checks
        .iter()
        .find(|check| check["name"] == "target folder")
        .unwrap();
    let place = folder.path().canonicalize().unwrap().join("some/where");
    assert!(
        found["found"]
            .as_str()
            .unwrap()
            .starts_with(&*place.to_string_lossy()),
        "{found}"
    );
}

#[test]
fn go_flags_are_followed() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("builder.yaml"), GO_ONLY).unwrap();
    let build = |flags: &str| {
        let mut command = strait();
        command
            .current_dir(folder.path())
            .args(["build", "--config", "builder.yaml"]);
        command.env("GOFLAGS", flags).output().unwrap()
    };
    let output = build("-mod=mod -tags=strait_test");
    assert!(output.status.success(), "{}", stderr(&output));
    let built = Command::new("go")
        .args(["version", "-m", "out/otelcol"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let settings = String::from_utf8_lossy(&built.stdout).into_owned();
    assert!(settings.contains("-tags=strait_test"), "{settings}");
    // What Go refuses is said in Go's words.
    let refused = build("no-such-flag");
    assert_eq!(refused.status.code(), Some(1));
    insta::assert_snapshot!(stderr(&refused));
}
