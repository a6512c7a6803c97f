//! This repository's Rust sources keep the house's rules.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use strait_tidy::{Finding, functions, modules, pages, parse};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The repository's own Rust files, but for those that a tool makes and the templates of new
/// crates.
fn files() -> Vec<PathBuf> {
    let out = Command::new("git")
        .args(["ls-files", "-z", "*.rs"])
        .current_dir(root())
        .output()
        .expect("git lists the repository's files");
    let list = String::from_utf8(out.stdout).expect("names are UTF-8");
    let files = list.split_terminator('\0').map(PathBuf::from);
    let files: Vec<PathBuf> = files
        .filter(|file| !file.starts_with("dataplane/cli/templates") && !is_generated(file))
        .collect();
    assert!(files.len() > 100, "git listed {} Rust files", files.len());
    files
}

fn is_generated(file: &Path) -> bool {
    let text = std::fs::read_to_string(root().join(file)).expect("a listed file can be read");
    text.lines().take(3).any(|line| line.contains("@generated"))
}

/// Fails for what is found and is not known, and for what is known and is found no more: the list
/// of known ones only shrinks.
fn only_known(rule: &str, findings: Vec<Finding>) {
    let known = include_str!("known.txt").lines();
    let known: BTreeSet<&str> = known.filter_map(|line| line.strip_prefix(rule)).collect();
    let found: Vec<String> = findings.iter().map(|found| format!(" {found}")).collect();
    let found: BTreeSet<&str> = found.iter().map(String::as_str).collect();
    let new: Vec<_> = found.difference(&known).collect();
    assert!(new.is_empty(), "found: {new:#?}");
    let gone: Vec<_> = known.difference(&found).collect();
    assert!(
        gone.is_empty(),
        "mended, so remove it from known.txt: {gone:#?}"
    );
}

/// The folders of the crates' roots (`src`), relative to the repository.
fn crate_roots(files: &[PathBuf]) -> Vec<PathBuf> {
    let root = |file: &PathBuf| {
        let name = file.file_name()?;
        (name == "lib.rs" || name == "main.rs").then(|| file.parent().map(Path::to_path_buf))?
    };
    let mut roots: Vec<PathBuf> = files.iter().filter_map(root).collect();
    roots.dedup();
    roots
}

#[test]
fn functions_are_short() {
    let sources = parse(&root(), &files());
    only_known(
        "functions",
        sources.iter().flat_map(functions::too_long).collect(),
    );
}

#[test]
fn no_modules_need_each_other() {
    let files = files();
    let mut findings = Vec::new();
    for crate_root in crate_roots(&files) {
        let sources = parse(&root(), &modules::under(&crate_root, &files));
        findings.extend(modules::circles(&crate_root, &sources));
    }
    only_known("modules", findings);
}

#[test]
fn every_published_crate_opens_with_an_example() {
    let files = files();
    let libs: Vec<PathBuf> = files
        .iter()
        .filter(|file| file.ends_with("src/lib.rs") && is_published(file))
        .cloned()
        .collect();
    only_known(
        "pages",
        parse(&root(), &libs)
            .iter()
            .filter_map(pages::lacks)
            .collect(),
    );
}

fn is_published(lib: &Path) -> bool {
    let manifest = root().join(lib).with_file_name("../Cargo.toml");
    let text = std::fs::read_to_string(&manifest).expect("a crate has a manifest");
    !text.lines().any(|line| line.trim() == "publish = false")
}
