//! What `strait build` writes before anything is compiled: the workspace, the
//! Go modules and the builder file for ocb, from this repository's sources.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use miette::GraphicalTheme;
use strait::builder_file::{BuilderFile, Kind};
use strait::checkout::{Checkout, Place};
use strait::error::Wrong;
use strait::files;
use strait::finding::{Finding, Report};
use strait::golang::types::{self, Types};
use strait::golang::{distribution, folders, modules, twins};
use strait::lock::{Locks, Mode};
use strait::nodes::{self, Choice};
use strait::platform::Platform;
use strait::rust::component::RustComponent;
use strait::rust::workspace::Workspace;
use strait::ui::{Level, Ui};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        files::absolute(self.0.path()).unwrap()
    }

    fn prepare(&self, text: &str) -> Result<(BuilderFile, Workspace), Wrong> {
        let file = BuilderFile::parse(text, &self.path().join("builder.yaml")).unwrap();
        let checkout = Checkout::find(&Place::default()).unwrap();
        let ui = Ui::new(Level::Quiet);
        let locks = Locks::open(&self.path().join("builder.yaml"), Mode::Keep)?;
        let root = self.path().join("rust");
        let platform = Platform::machine();
        let workspace = Workspace::prepare(&file, &checkout, &root, &locks, &platform, false, &ui)?;
        Ok((file, workspace))
    }

    /// A crate with this table as its `[package.metadata.strait]`.
    fn crate_with(&self, name: &str, metadata: &str) {
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"1.2.3+meta\"\nedition = \"2024\"\n\
             {metadata}\n"
        );
        files::write(&self.path().join(name).join("Cargo.toml"), manifest).unwrap();
        files::write(&self.path().join(name).join("src/lib.rs"), "").unwrap();
    }
}

const TABLE: &str = "[package.metadata.strait]\nkind = \"processor\"\ntype = \"mask\"\n\
    signals = { logs = \"alpha\", traces = \"beta\" }";
const CONNECTOR: &str = "[package.metadata.strait]\nkind = \"connector\"\ntype = \"count\"\n\
    signals = { traces_to_metrics = \"beta\", logs_to_metrics = \"alpha\" }";
const EXTENSION: &str =
    "[package.metadata.strait]\nkind = \"extension\"\ntype = \"tokens\"\nstability = \"alpha\"";

#[test]
fn a_distribution_is_written_as_shown() {
    let folder = Folder::new();
    folder.crate_with("mask-cards", TABLE);
    folder.crate_with("tokens", EXTENSION);
    folder.crate_with("count", CONNECTOR);
    let text = "
dist: {name: otelcol, output_path: ./build, version: '1.0', debug_compilation: true}
extensions:
  - cargo: tokens = { path = \"tokens\" }
receivers:
  - gomod: go.opentelemetry.io/collector/receiver/otlpreceiver v0.161.0
connectors:
  - cargo: count = { path = \"count\" }
processors:
  - gomod: github.com/strait-data/strait/go v0.1.0
    import: github.com/strait-data/strait/go/otapprocessor
  - cargo: cards = { path = \"mask-cards\", package = \"mask-cards\" }
    import: cards::logs
providers: []
replaces: ['example.com/a => ../a']
excludes: ['example.com/b v1.0.0']
conf_resolver: {default_uri_scheme: env}
";
    let (file, workspace) = folder.prepare(text).unwrap();
    let generated = folder.path().join("strait");
    modules::write(
        &generated,
        "otelcol",
        &workspace.components,
        &[(Kind::Processor, "mask"), (Kind::Processor, "otap")],
        &Checkout::find(&Place::default()).unwrap(),
    )
    .unwrap();
    let checkout = Checkout::find(&Place::default()).unwrap();
    let replaces = distribution::replaces(&file, &workspace.components, &checkout).unwrap();
    let builder = distribution::rewrite(&file, &workspace.components, &replaces, "0.63.0");
    files::write(&generated.join("builder.yaml"), builder).unwrap();
    let mut shown = String::new();
    for (root, name) in [
        (&workspace.root, "umbrella/Cargo.toml"),
        (&workspace.root, "umbrella/src/lib.rs"),
        (&generated, "builder.yaml"),
        (&generated, "processors/mask/go.mod"),
        (&generated, "processors/mask/factory.go"),
        (&generated, "connectors/count/factory.go"),
        (&generated, "extensions/tokens/go.mod"),
        (&generated, "extensions/tokens/factory.go"),
        (&generated, "native/native.go"),
        (&generated, "native/native_cgo.go"),
        (&generated, "native/entry/entry.go"),
        (&generated, "native/straitconverter/converter.go"),
    ] {
        shown += &format!(
            "==> {name} <==\n{}\n",
            fs::read_to_string(root.join(name)).unwrap()
        );
    }
    insta::assert_snapshot!(shown);
}

// Guarantees: one line brings all components of its crate, each with a Go module and a package of
// its own and its own factory, in the section of its kind; or those that are named.
#[test]
fn one_line_brings_every_component_of_its_crate() {
    let folder = Folder::new();
    let table = |kind: &str, factory: &str| {
        format!(
            "[[package.metadata.strait]]\nkind = \"{kind}\"\ntype = \"files\"\n\
             signals = {{ logs = \"alpha\" }}\nfactory = \"{factory}\"\n"
        )
    };
    let several = [
        table("exporter", "exporter::factory"),
        table("receiver", "receiver::factory"),
        TABLE.replace("[package.metadata.strait]", "[[package.metadata.strait]]"),
    ];
    folder.crate_with("files", &several.concat());
    let prepare = |more: &str| {
        let line = "cargo: 'files = { path = \"files\" }'";
        let sections = "dist: {name: x}\nprocessors:\n  - ";
        folder.prepare(&format!("{sections}{{{line}{more}}}\n"))
    };
    let (file, workspace) = prepare("").unwrap();
    let library = fs::read_to_string(workspace.root.join("umbrella/src/lib.rs")).unwrap();
    for factory in ["exporter::factory", "receiver::factory", "factory"] {
        assert!(
            library.contains(&format!("    files::{factory}(),")),
            "{library}"
        );
    }
    let builder = distribution::rewrite(&file, &workspace.components, &[], "0.63.0");
    for (section, module, name) in [
        ("receivers", "files/receiver/files", "files_receiver"),
        ("processors", "files/processor/mask", "mask"),
        ("exporters", "files", "files"),
    ] {
        let entry = format!(
            "{section}:\n  - gomod: \"crate.local/{module} v1.2.3\"\n    name: \"{name}\"\n"
        );
        assert!(builder.contains(&entry), "{builder}");
    }
    let (_, workspace) = prepare(", components: [mask], name: other").unwrap();
    let names: Vec<_> = workspace
        .components
        .iter()
        .map(|c| c.name.as_str())
        .collect();
    assert_eq!(names, ["other"]);
    for (more, mistake) in [
        (", components: [mask, tokens]", "has no component `tokens`"),
        (", components: [files]", "no processor of the crate"),
        (", name: other", "`files` has 3"),
    ] {
        let Err(Wrong::Findings(findings)) = prepare(more) else {
            panic!("no findings")
        };
        assert!(
            findings[0].message.contains(mistake),
            "{}",
            findings[0].message
        );
    }
}

#[test]
fn the_workspace_has_the_paths_of_the_repository() {
    let folder = Folder::new();
    folder.crate_with("mask-cards", TABLE);
    let text = "{dist: {name: x}, processors: [cargo: 'mask-cards = { path = \"mask-cards\" }']}";
    let (_, workspace) = folder.prepare(text).unwrap();
    let manifest = fs::read_to_string(workspace.root.join("Cargo.toml")).unwrap();
    let own =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.toml")).unwrap();
    // Everything that goes into Cargo's names is the repository's.
    for table in [
        "[workspace.package]",
        "[workspace.lints.rust]",
        "[workspace.dependencies]",
        "[profile.release]",
        "[patch.crates-io]",
    ] {
        let part = |text: &str| {
            text.split_once(table).map(|(_, rest)| {
                rest.split("\n[")
                    .next()
                    .unwrap_or_default()
                    .trim()
                    .to_owned()
            })
        };
        assert!(part(&own).is_some_and(|part| !part.is_empty()), "{table}");
        assert_eq!(part(&manifest), part(&own), "{table}");
    }
    assert!(workspace.root.join("dataplane/engine").is_symlink());
    assert!(!workspace.root.join("dataplane/facade").is_symlink());
    assert!(workspace.packages > 200, "{}", workspace.packages);
    // A second run changes nothing.
    let modified = |name: &str| {
        fs::metadata(workspace.root.join(name))
            .unwrap()
            .modified()
            .unwrap()
    };
    let names = [
        "Cargo.toml",
        "umbrella/src/lib.rs",
        "dataplane/facade/src/lib.rs",
        "components/mask-cards/Cargo.toml",
    ];
    let before = names.map(modified);
    folder.prepare(text).unwrap();
    assert_eq!(names.map(modified), before);
}

#[test]
fn crates_that_are_no_such_component_are_findings() {
    let folder = Folder::new();
    let crates = [
        ("plain", String::new()),
        ("exports", TABLE.replace("processor", "exporter")),
        ("hyphen", TABLE.replace("\"mask\"", "\"mask-cards\"")),
        ("signal", TABLE.replace("logs", "profiles")),
        ("level", TABLE.replace("alpha", "ready")),
        ("whole", format!("{TABLE}\nstability = \"alpha\"")),
        ("typo", format!("{TABLE}\nfactori = \"x\"")),
        ("one", TABLE.to_owned()),
        ("two", TABLE.to_owned()),
    ];
    let mut text = "dist: {name: x}\nprocessors:\n".to_owned();
    for (name, table) in crates {
        folder.crate_with(name, &table);
        text += &format!("  - cargo: {name} = {{ path = \"{name}\" }}\n");
    }
    let table = EXTENSION.replace("stability", "signals = {}\nsignal");
    folder.crate_with("unstable", &table.replace("signal = \"alpha\"", ""));
    text += "extensions:\n  - cargo: unstable = { path = \"unstable\" }\n";
    let Err(Wrong::Findings(findings)) = folder.prepare(&text) else {
        panic!("no findings")
    };
    let report = Report::new("builder.yaml", &text, findings);
    insta::assert_snapshot!(report.render(GraphicalTheme::unicode_nocolor()));
}

/// A Go module that says the type of its component, as the Collector's do.
fn go_module(folder: &Folder, name: &str, component_type: &str) {
    let root = folder.path().join(name);
    files::write(&root.join("go.mod"), format!("module example.com/{name}\n")).unwrap();
    files::write(
        &root.join("metadata.yaml"),
        format!("type: {component_type}\n"),
    )
    .unwrap();
}

/// A builder file with the Go component `masking` and the crate `one`, of one type.
fn twins(folder: &Folder, cargo: &str) -> String {
    folder.crate_with("one", TABLE);
    go_module(folder, "masking", "mask");
    let path = folder.path().join("masking");
    format!(
        "dist: {{name: x}}\nprocessors:\n  - gomod: example.com/masking v1.0.0\n    path: {}\n  - \
         cargo: one = {{ path = \"one\" }}\n{cargo}",
        path.display()
    )
}

fn join(
    folder: &Folder,
    text: &str,
) -> (
    BuilderFile,
    Types,
    Vec<RustComponent>,
    Result<(), Vec<Finding>>,
) {
    let (file, mut workspace) = folder.prepare(text).unwrap();
    let ui = Ui::new(Level::Quiet);
    let out = folder.path();
    let found = folders::find(&file, None, &out, true, &ui).unwrap();
    let types = types::of(&twins::candidates(&file, &workspace.components), &found);
    let joined = twins::join(&file, &types, &mut workspace.components);
    (file, types, workspace.components, joined)
}

#[test]
fn twins_become_one_factory_where_the_file_says_so() {
    let folder = Folder::new();
    let text = twins(&folder, "    runtime: auto\n");
    let (file, types, components, joined) = join(&folder, &text);
    joined.unwrap();
    let in_rust = twins::in_rust(&file, &types, &components);
    let generated = folder.path().join("strait");
    let checkout = Checkout::find(&Place::default()).unwrap();
    modules::write(&generated, "x", &components, &in_rust, &checkout).unwrap();
    let replaces = distribution::replaces(&file, &components, &checkout).unwrap();
    let mut shown = distribution::rewrite(&file, &components, &replaces, "0.63.0");
    for name in [
        "processors/mask/go.mod",
        "processors/mask/factory.go",
        "native/straitconverter/converter.go",
    ] {
        shown += &format!(
            "==> {name} <==\n{}\n",
            fs::read_to_string(generated.join(name)).unwrap()
        );
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn one_type_twice_is_a_finding_with_both_places() {
    let folder = Folder::new();
    let text = twins(&folder, "");
    let findings = join(&folder, &text).3.unwrap_err();
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].message, "two processors have the type `mask`");
    assert_eq!(&text[findings[0].at.clone()], "one = { path = \"one\" }");
    assert_eq!(
        &text[findings[0].also[0].0.clone()],
        "example.com/masking v1.0.0"
    );
    assert!(findings[0].help.contains("runtime: go"));
}

#[test]
fn a_twin_that_is_not_there_is_a_finding() {
    let folder = Folder::new();
    let text = twins(&folder, "    runtime: rust\n");
    go_module(&folder, "masking", "other");
    let findings = join(&folder, &text).3.unwrap_err();
    assert_eq!(findings.len(), 1);
    assert_eq!(
        findings[0].message,
        "no Go processor of the type `mask` is listed"
    );
    assert_eq!(&text[findings[0].at.clone()], "rust");
}

/// The features of a package in the workspace, as Cargo resolves them.
fn features(workspace: &Workspace, package: &str) -> String {
    let output = Command::new("cargo")
        .current_dir(&workspace.root)
        .args([
            "tree",
            "--offline",
            "--locked",
            "--package",
            "strait-umbrella",
        ])
        .args(["--prefix", "none", "--format", "{p} [{f}]"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines = text.lines().filter(|line| line.starts_with(package));
    let line = lines
        .next()
        .unwrap_or_else(|| panic!("no {package} in\n{text}"));
    line.split_once('[')
        .unwrap()
        .1
        .split_once(']')
        .unwrap()
        .0
        .to_owned()
}

#[test]
fn the_file_chooses_the_engines_nodes() {
    let folder = Folder::new();
    folder.crate_with("one", TABLE);
    let file = |dist: &str| {
        format!("{{dist: {{name: x{dist}}}, processors: [cargo: 'one = {{ path = \"one\" }}']}}")
    };
    let (_, workspace) = folder.prepare(&file("")).unwrap();
    assert_eq!(
        features(&workspace, "otel-arrow-dfe-core-nodes"),
        "durable-buffer,file,host-metrics,journald,otap,otlp,syslog-cef"
    );
    assert!(
        features(&workspace, "datafusion v").is_empty(),
        "the facade has one feature"
    );
    let packages = workspace.packages;

    let (_, workspace) = folder.prepare(&file(", engine_nodes: []")).unwrap();
    assert_eq!(features(&workspace, "otel-arrow-dfe-core-nodes"), "");

    let (_, workspace) = folder
        .prepare(&file(", engine_nodes: [transform]"))
        .unwrap();
    assert_eq!(
        features(&workspace, "otel-arrow-dfe-core-nodes"),
        "transform"
    );
    let manifest = fs::read_to_string(workspace.root.join("Cargo.toml")).unwrap();
    assert!(!manifest.contains("datafusion ="), "{manifest}");

    let mut every: Vec<String> = nodes::all()
        .unwrap()
        .into_iter()
        .filter(|node| node.choice != Choice::Always)
        .map(|node| node.name)
        .collect();
    every.sort();
    let (_, workspace) = folder
        .prepare(&file(&format!(", engine_nodes: {every:?}")))
        .unwrap();
    assert_eq!(
        features(&workspace, "otel-arrow-dfe-core-nodes"),
        "durable-buffer,file,host-metrics,journald,otap,otlp,partition,syslog-cef,transform"
    );
    let lock = fs::read_to_string(workspace.root.join("Cargo.lock")).unwrap();
    let (_, datafusion) = lock.split_once("name = \"datafusion\"\n").unwrap();
    let datafusion = datafusion.split("[[package]]").next().unwrap();
    assert!(
        datafusion.contains("source = \"registry+"),
        "the real one: {datafusion}"
    );
    assert!(
        workspace.packages > packages + 30,
        "{} and {packages}",
        workspace.packages
    );
}
