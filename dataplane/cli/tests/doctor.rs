//! `strait doctor` on machines that lack something: a `PATH` with some of the
//! real programs.

mod shared;

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use shared::{path_with, run, strait};
use strait::doctor::{Check, Need, Report, Status, render};

fn doctor(path: &Path) -> Output {
    strait()
        .args(["doctor", "--json"])
        .env("PATH", path)
        .output()
        .unwrap()
}

/// What does not depend on this machine: the programs, without versions.
fn programs(output: &Output) -> String {
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut text = format!("exit {:?}, {}\n", output.status.code(), report["can_build"]);
    for check in report["checks"].as_array().unwrap() {
        let word = |key: &str| check[key].as_str().unwrap();
        if word("group") == "programs" {
            let found = if word("status") == "ok" {
                ""
            } else {
                word("found")
            };
            let _ = writeln!(
                text,
                "{} {} ({}): {found} -> {}",
                word("status"),
                word("name"),
                word("needed_for"),
                word("advice")
            );
        }
    }
    text
}

#[test]
fn a_machine_without_anything() {
    insta::assert_snapshot!(programs(&doctor(path_with(&[]).path())));
}

#[test]
fn a_machine_with_go_only() {
    insta::assert_snapshot!(programs(&doctor(path_with(&["go"]).path())));
}

#[test]
fn a_machine_with_an_old_rust() {
    let path = path_with(&["go", "gcc", "ld", "objcopy"]);
    for program in ["cargo", "rustc"] {
        let file = path.path().join(program);
        std::fs::write(
            &file,
            format!("#!/bin/sh\necho '{program} 1.80.1 (376290515 2024-07-16)'\n"),
        )
        .unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    insta::assert_snapshot!(programs(&doctor(path.path())));
}

#[test]
fn a_machine_that_tests_pass_on_can_build() {
    let output = run(&["doctor", "--json"]);
    assert_eq!(output.status.code(), Some(0));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        report["can_build"],
        serde_json::json!({"go": true, "rust": true})
    );
    let table = String::from_utf8(run(&["doctor"]).stdout).unwrap();
    for check in report["checks"].as_array().unwrap() {
        assert!(
            table.contains(check["name"].as_str().unwrap()),
            "{check} is not in the table"
        );
    }
}

#[test]
fn settings_are_shown_without_their_secrets() {
    let mut command = strait();
    command.args(["doctor", "--json"]);
    command
        .env("GOPROXY", "https://me:hidden@proxy.example,direct")
        .env("GOOS", "darwin")
        .env("CGO_ENABLED", "0");
    command
        .env("CARGO_REGISTRIES_OWN_TOKEN", "hidden")
        .env("CARGO_PROFILE_RELEASE_LTO", "true");
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!text.contains("hidden"), "{text}");
    let report: Value = serde_json::from_str(&text).unwrap();
    // With these settings a build with Rust components would be refused.
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(report["can_build"]["rust"], false);
    let found = |name: &str| {
        let checks = report["checks"].as_array().unwrap();
        let check = checks
            .iter()
            .find(|check| check["name"] == name)
            .unwrap_or_else(|| panic!("no {name}"));
        (
            check["status"].as_str().unwrap().to_owned(),
            check["found"].as_str().unwrap().to_owned(),
        )
    };
    assert_eq!(
        found("GOPROXY"),
        ("info".into(), "https://***@proxy.example,direct".into())
    );
    assert_eq!(found("GOOS"), ("warning".into(), "darwin".into()));
    assert_eq!(found("CGO_ENABLED"), ("warning".into(), "0".into()));
    assert_eq!(
        found("CARGO_REGISTRIES_OWN_TOKEN"),
        ("info".into(), "(set)".into())
    );
    assert_eq!(
        found("CARGO_PROFILE_RELEASE_LTO"),
        ("info".into(), "true".into())
    );
}

#[test]
fn a_low_limit_of_open_files_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let file = "dist: {name: x}\nprocessors: [{cargo: 'a = \"1\"'}]\n";
    std::fs::write(folder.path().join("b.yaml"), file).unwrap();
    let script = r#"ulimit -n 300 && exec "$0" doctor --json --config b.yaml"#;
    let output = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_strait")])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let checks = report["checks"].as_array().unwrap();
    let files = checks.iter().find(|c| c["name"] == "open files").unwrap();
    assert_eq!(files["status"], "warning");
    let advice = files["advice"].as_str().unwrap();
    assert!(advice.contains("`ulimit -n 416`"), "{advice}");
    // It builds; it is what runs there that would lack them.
    assert_eq!(report["can_build"]["rust"], true);
}

#[test]
fn the_table_is_for_people() {
    let check = |group, name: &str, status, needed_for, found: &str, advice: &str| Check {
        group,
        name: name.into(),
        status,
        needed_for,
        found: found.into(),
        advice: advice.into(),
    };
    let go = check(
        "programs",
        "go",
        Status::Ok,
        Need::Go,
        "go version go1.26.8 linux/amd64",
        "",
    );
    let cargo = check(
        "programs",
        "cargo",
        Status::Missing,
        Need::Rust,
        "not found",
        "install Rust from https://rustup.rs",
    );
    let arm = check(
        "platforms",
        "linux/arm64",
        Status::Absent,
        Need::Other,
        "not set up",
        "add a target\nadd a compiler",
    );
    let all = Report::of(vec![go.clone(), arm.clone()]);
    let no_rust = Report::of(vec![go.clone(), cargo.clone(), arm]);
    let no_go = Report::of(vec![
        Check {
            status: Status::Missing,
            ..go
        },
        cargo,
    ]);
    insta::assert_snapshot!(
        [all, no_rust, no_go]
            .map(|report| render(&report))
            .join("----\n")
    );
}
