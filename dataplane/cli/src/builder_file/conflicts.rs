//! What entries of a builder file get wrong together.

use std::collections::HashMap;

use super::keys::Checker;
use super::{BuilderFile, GoEntry, Kind, RustEntry, STRAIT_GO_MODULE};
use crate::finding::Finding;

impl Checker<'_> {
    /// What two entries together get wrong.
    pub(super) fn conflicts(&mut self, file: &BuilderFile) {
        let mut seen: HashMap<(Kind, &str), &GoEntry> = HashMap::new();
        for (kind, go) in file.go_entries() {
            if let Some(first) = seen.insert((kind, go.import_path()), go) {
                let message = format!("the {kind} `{}` is listed twice", go.import_path());
                let help = "remove one: a Collector refuses two factories of one type";
                self.findings.push(
                    Finding::new(go.gomod.at.clone(), message, "again", help)
                        .also(first.gomod.at.clone(), "first"),
                );
            }
        }
        let mut crates: HashMap<&str, &RustEntry> = HashMap::new();
        for (_, rust) in file.rust_entries() {
            if let Some(first) = crates.insert(&rust.dependency.name, rust) {
                let message = format!("the crate `{}` is listed twice", rust.dependency.name);
                let help = "remove one; for two versions of a crate give one another name: `other = { package = \"...\", ... }`";
                self.findings.push(
                    Finding::new(rust.at.clone(), message, "again", help)
                        .also(first.at.clone(), "first"),
                );
            }
        }
        self.rust_needs(file);
    }

    /// What a file with Rust in it needs of `dist`.
    fn rust_needs(&mut self, file: &BuilderFile) {
        let strait = file
            .go_entries()
            .map(|(_, go)| go)
            .find(|go| go.needs_rust());
        let Some(cause) = file
            .rust_entries()
            .map(|(_, r)| &r.at)
            .chain(strait.map(|go| &go.gomod.at))
            .next()
        else {
            return;
        };
        if let Some(cgo) = file.dist.cgo_enabled.as_ref().filter(|cgo| !cgo.value) {
            let help = "remove the line, or set it to true: Rust components are linked through cgo";
            self.findings.push(
                Finding::new(
                    cgo.at.clone(),
                    "`dist.cgo_enabled` is false, and the file has Rust components",
                    "turns cgo off",
                    help,
                )
                .also(cause.clone(), "needs cgo"),
            );
        }
        if file.dist.name.is_none() {
            self.find(
                cause,
                "`dist.name` is missing",
                "needs a named binary",
                "write `dist:` with `name: otelcol-custom`",
            );
        }
        for (kind, go) in file.go_entries() {
            if !kind.is_in_rust() && go.needs_rust() {
                let help = format!("`{STRAIT_GO_MODULE}` has processors and extensions so far");
                self.find(
                    &go.gomod.at,
                    format!("Strait has no {kind}"),
                    "under the wrong section",
                    help,
                );
            }
        }
    }
}
