//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::graph::Format;
use crate::scaffold;

/// Builds OpenTelemetry Collectors with Go and Rust components.
#[derive(Debug, Parser)]
#[command(name = "strait", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build a Collector from a builder file
    #[command(after_help = BUILD_HELP)]
    Build(Build),
    /// Build a Collector if needed, then run it
    #[command(after_help = RUN_HELP)]
    Run(Run),
    /// Build a Collector if needed, then pass the Go tests beside its builder file
    #[command(after_help = TEST_HELP)]
    Test(Test),
    /// Make a new component: a crate that builds, passes its tests, and runs
    #[command(after_help = NEW_HELP)]
    New(New),
    /// Show what this machine has for a build, what it lacks, and how to get it
    #[command(after_help = DOCTOR_HELP)]
    Doctor(Doctor),
    /// Print the JSON Schema of a Rust component's configuration, or its reference page
    #[command(after_help = SCHEMA_HELP)]
    Schema(Schema),
    /// Draw what of a Collector's pipelines runs together in Rust, and why the rest does not
    #[command(after_help = GRAPH_HELP)]
    Graph(Graph),
    /// List the engine nodes that are compiled in, with their keys
    Nodes(Nodes),
}

const BUILD_HELP: &str = "\
The builder file is ocb's; a Rust component has `cargo:` where a Go component has `gomod:`, with one
line as in Cargo.toml:

  processors:
    - gomod: go.opentelemetry.io/collector/processor/batchprocessor v0.161.0
    - cargo: mask_cards = { path = \"../mask-cards\" }

Without Rust components the file goes to stock ocb as it is.
Exit codes: 0 built, 1 findings or a failed step, 2 wrong usage.";

const RUN_HELP: &str = "\
Everything after `--` goes to the Collector:

  strait run --config builder.yaml -- --config otelcol.yaml

The Collector takes this command's place (the same process, working folder, environment, standard
input and output), so signals reach it and the exit code is its own.
Exit codes before it starts: 1 findings or a failed step, 2 wrong usage.";

const TEST_HELP: &str = "\
The tests are a Go module that imports what a build writes: the factories of the Rust components,
and `strait.local/native`, which links them in. Everything after `--` goes to `go test`:

  strait test --config builder.yaml -- -race -run Contract

Exit codes before they start: 1 findings or a failed step, 2 wrong usage; then those of `go test`.";

/// What a build is told, whatever it is for.
#[derive(Debug, Args)]
pub struct BuildOptions {
    /// Builder file
    #[arg(long, short, value_name = "FILE")]
    pub config: PathBuf,
    /// Folder for everything that is written [default: `dist.output_path`]
    #[arg(long, value_name = "FOLDER")]
    pub output_path: Option<PathBuf>,
    /// Strait's sources [default: `dist.strait_path`, STRAIT_PATH, what this command was built
    /// from]
    #[arg(long, value_name = "FOLDER")]
    pub strait_path: Option<PathBuf>,
    /// Take Strait's crates and Go module from the registries, in this command's version
    #[arg(long, conflicts_with = "strait_path")]
    pub released: bool,
    /// Use only what the caches of Cargo and Go hold
    #[arg(long)]
    pub offline: bool,
    /// Fail where the locks beside the builder file would change
    #[arg(long)]
    pub locked: bool,
    /// Show every command and its output
    #[arg(long, short, conflicts_with = "quiet")]
    pub verbose: bool,
    /// Show errors only
    #[arg(long, short)]
    pub quiet: bool,
}

/// `strait build`
#[derive(Debug, Args)]
pub struct Build {
    /// What every build is told.
    #[command(flatten)]
    pub options: BuildOptions,
    /// Resolve crates and Go modules anew, and lock what comes out
    #[arg(long, conflicts_with = "locked")]
    pub update: bool,
    /// Write all sources, compile nothing
    #[arg(long)]
    pub generate_only: bool,
    /// Compile the sources as they stand, whatever was edited in them, and write none
    #[arg(long, conflicts_with_all = ["generate_only", "update", "locked"])]
    pub skip_generate: bool,
    /// Write what is in the binary as CycloneDX JSON [default file: the binary's with `.cdx.json`]
    #[arg(long, value_name = "FILE", num_args = 0..=1, conflicts_with = "generate_only")]
    pub sbom: Option<Option<PathBuf>>,
}

/// `strait run`
#[derive(Debug, Args)]
pub struct Run {
    /// What every build is told.
    #[command(flatten)]
    pub options: BuildOptions,
    /// Arguments of the Collector
    #[arg(last = true, value_name = "ARGUMENTS")]
    pub arguments: Vec<OsString>,
}

/// `strait test`
#[derive(Debug, Args)]
pub struct Test {
    /// What every build is told.
    #[command(flatten)]
    pub options: BuildOptions,
    /// Folder of the Go tests [default: `contract`, beside the builder file]
    #[arg(long, value_name = "FOLDER")]
    pub tests: Option<PathBuf>,
    /// Arguments of `go test`
    #[arg(last = true, value_name = "ARGUMENTS")]
    pub arguments: Vec<OsString>,
}

/// `strait new`
#[derive(Debug, Args)]
pub struct New {
    /// What it is
    #[arg(value_name = "KIND")]
    pub kind: scaffold::Offered,
    /// Its name: lower-case words, separated by `-` or `_`
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Folder for it, empty or not there yet [default: its name]
    #[arg(long, value_name = "FOLDER")]
    pub path: Option<PathBuf>,
    /// Strait's sources [default: STRAIT_PATH, what this command was built from]
    #[arg(long, value_name = "FOLDER")]
    pub strait_path: Option<PathBuf>,
    /// Depend on the released SDK, in this command's version, wherever sources are
    #[arg(long, conflicts_with = "strait_path")]
    pub released: bool,
}

const NEW_HELP: &str = "\
  strait new processor my-filter      (or a receiver, an exporter, a connector, an extension)
  cd my-filter
  cargo test
  strait test --config builder.yaml
  strait run --config builder.yaml -- --config otelcol.yaml

In the Collector's configuration the component is called `my_filter`.";

/// `strait doctor`
#[derive(Debug, Args)]
pub struct Doctor {
    /// Builder file: whether this machine's limits fit what it has in Rust
    #[arg(long, short, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
}

const DOCTOR_HELP: &str = "\
Nothing is asked of a network.
Exit codes: 0 Collectors with Go and Rust components can be built, 1 something for them is \
missing.";

/// `strait schema`
#[derive(Debug, Args)]
pub struct Schema {
    /// What every build is told.
    #[command(flatten)]
    pub options: BuildOptions,
    /// Type of a component in the builder file, as in `mask_cards` or `processor/mask_cards`
    /// [default: all]
    #[arg(value_name = "TYPE")]
    pub name: Option<String>,
    /// Print a reference page instead
    #[arg(long)]
    pub markdown: bool,
}

const SCHEMA_HELP: &str = "\
Without TYPE it is the schema of a Collector's configuration file, as far as the Rust components of
the builder file go: an editor that knows YAML schemas completes and checks their keys with it.
Components are compiled without the engine, and asked; the nodes of `otap` are known.
Exit codes: 0 printed, 1 findings or a failed step, 2 wrong usage.";

/// `strait graph`
#[derive(Debug, Args)]
pub struct Graph {
    /// Configuration of the Collector: a file, or what else its `--config` takes
    #[arg(long, short, value_name = "FILE")]
    pub config: PathBuf,
    /// The Collector: a binary that `strait build` has made
    #[arg(long, value_name = "FILE")]
    pub collector: PathBuf,
    /// How it is drawn
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

const GRAPH_HELP: &str = "\
The Collector is asked to validate the configuration, and starts nothing:

  strait graph --collector build/otelcol -c otelcol.yaml --format svg > parts.svg

Processors in a row in Rust are one part: batches cross once for all of them. Where batches leave
Rust between two components that run there, the reason is said.
Exit codes: 0 drawn, 1 the Collector cannot be run or refuses the configuration, 2 wrong usage.";

/// `strait nodes`
#[derive(Debug, Args)]
pub struct Nodes {
    /// Short names or URNs [default: all]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Print the table as JSON
    #[arg(long, conflicts_with = "names")]
    pub json: bool,
}
