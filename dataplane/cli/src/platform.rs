//! The platform that a Collector is built for: `GOOS` and `GOARCH`, as Go sees
//! them, and what Rust and C call the same.
//!
//! Rust components run on Linux, on amd64 and arm64. For the machine's own
//! platform the plain tools are used and cargo gets no target, so that such
//! builds share one compiled engine; for another one, that platform's.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::error::StepError;
use crate::process;
use crate::ui::Ui;

/// Where a Collector is to run.
#[derive(Debug, Clone, PartialEq)]
pub struct Platform {
    /// `GOOS`
    pub os: String,
    /// `GOARCH`
    pub arch: String,
    /// It is the one that this machine has.
    pub native: bool,
    /// `CC`, where it is set.
    compiler: Option<String>,
}

/// `go env -json`
#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
struct GoEnv {
    goos: String,
    goarch: String,
    gohostos: String,
    gohostarch: String,
}

/// `go env -changed -json`: what is set, in the environment or with `go env -w`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "UPPERCASE", default)]
struct Changed {
    cc: Option<String>,
    cgo_enabled: Option<String>,
}

impl Platform {
    /// Asks Go what it builds for, and checks that Rust can go there.
    ///
    /// # Errors
    /// A platform without Rust components, or cgo is switched off.
    pub fn for_rust(ui: &Ui) -> Result<Self, StepError> {
        let (platform, cgo) = Self::read(ui)?;
        if platform.rust_target().is_none() {
            let message = format!(
                "Rust components run on linux/amd64 and linux/arm64; this build is for {platform}"
            );
            return Err(StepError::new(
                message,
                "set GOOS=linux and GOARCH=amd64 or arm64, or build without Rust components",
            ));
        }
        if !cgo {
            let message = "CGO_ENABLED=0 is set, and Rust components are linked through cgo";
            return Err(StepError::new(
                message,
                "unset CGO_ENABLED, or build without Rust components",
            ));
        }
        platform.check_cargo()?;
        Ok(platform)
    }

    /// Asks Go what it builds for, and whether cgo is allowed.
    ///
    /// # Errors
    /// Go does not answer.
    pub fn read(ui: &Ui) -> Result<(Self, bool), StepError> {
        let go: GoEnv = ask(
            &["env", "-json", "GOOS", "GOARCH", "GOHOSTOS", "GOHOSTARCH"],
            ui,
        )?;
        let changed: Changed = ask(&["env", "-changed", "-json"], ui)?;
        let native = go.goos == go.gohostos && go.goarch == go.gohostarch;
        let platform = Self {
            os: go.goos,
            arch: go.goarch,
            native,
            compiler: changed.cc,
        };
        // For another platform it is Go's default, so that only the variable
        // itself tells a wish.
        let asked = std::env::var("CGO_ENABLED").ok();
        let cgo = changed.cgo_enabled.or(asked).as_deref() != Some("0");
        Ok((platform, cgo))
    }

    /// The one that this machine has, as far as this command knows.
    #[must_use]
    pub fn machine() -> Self {
        let arch = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        let os = match std::env::consts::OS {
            "macos" => "darwin",
            other => other,
        };
        Self {
            os: os.to_owned(),
            arch: arch.to_owned(),
            native: true,
            compiler: None,
        }
    }

    /// Those that Rust components run on, with the plain tools for each.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let machine = Self::machine();
        let other = |arch: &str| Self {
            os: "linux".to_owned(),
            arch: arch.to_owned(),
            native: false,
            compiler: None,
        };
        let platforms = ["amd64", "arm64"].map(other).into_iter();
        platforms
            .map(|p| {
                if (&p.os, &p.arch) == (&machine.os, &machine.arch) {
                    machine.clone()
                } else {
                    p
                }
            })
            .collect()
    }

    /// What is missing to build for it; nothing for the machine's own, whose
    /// tools are looked at one by one.
    #[must_use]
    pub fn lacks(&self) -> Vec<String> {
        if self.native {
            return Vec::new();
        }
        let (compiler, binutils) = self.packages();
        let runs = |program: &str| {
            Command::new(program)
                .arg("--version")
                .output()
                .is_ok_and(|o| o.status.success())
        };
        let mut lacks: Vec<String> = self.rust_target_lack().into_iter().collect();
        if !runs(&self.c_compiler()) {
            lacks.push(compiler);
        }
        if !runs(&self.binutil("ld")) || !runs(&self.binutil("objcopy")) {
            lacks.push(binutils);
        }
        lacks
    }

    /// What Rust calls it; `None` where no Rust component runs.
    #[must_use]
    pub fn rust_target(&self) -> Option<&'static str> {
        match (self.os.as_str(), self.arch.as_str()) {
            ("linux", "amd64") => Some("x86_64-unknown-linux-gnu"),
            ("linux", "arm64") => Some("aarch64-unknown-linux-gnu"),
            _ => None,
        }
    }

    /// The native object's file name: Go links it where the suffix fits.
    #[must_use]
    pub fn object_name(&self) -> String {
        format!("strait_{}_{}.syso", self.os, self.arch)
    }

    /// The prefix of its GNU tools.
    fn prefix(&self) -> &'static str {
        match (self.native, self.arch.as_str()) {
            (true, _) => "",
            (_, "arm64") => "aarch64-linux-gnu-",
            _ => "x86_64-linux-gnu-",
        }
    }

    /// The C compiler that links it: `CC`, else GNU's.
    #[must_use]
    pub fn c_compiler(&self) -> String {
        let given = self
            .compiler
            .as_deref()
            .and_then(|cc| cc.split_whitespace().next());
        given.map_or_else(|| format!("{}gcc", self.prefix()), str::to_owned)
    }

    /// A program of GNU binutils for it.
    #[must_use]
    pub fn binutil(&self, name: &str) -> String {
        format!("{}{name}", self.prefix())
    }

    /// How to get the C compiler and binutils.
    #[must_use]
    pub fn packages(&self) -> (String, String) {
        let install = |what: &str, name: &str| {
            format!("install {what}: `apt-get install {name}` or `dnf install {name}`")
        };
        if self.native {
            return (
                install("a C compiler", "gcc"),
                install("GNU binutils", "binutils"),
            );
        }
        let package = self.prefix().trim_end_matches('-');
        let compiler = format!(
            "install a C compiler for {self}: `apt-get install gcc-{package}`, or set CC to one"
        );
        (
            compiler,
            format!("install binutils for {self}: `apt-get install binutils-{package}`"),
        )
    }

    /// The environment that Go needs to link for it, beyond the user's.
    #[must_use]
    pub fn go_environment(&self) -> Vec<(&'static str, String)> {
        if self.native || self.compiler.is_some() {
            Vec::new()
        } else {
            vec![("CC", self.c_compiler())]
        }
    }

    /// Where cargo puts what is for it, below the target folder.
    #[must_use]
    pub fn target_folder(&self, target: &Path) -> PathBuf {
        self.rust_target()
            .filter(|_| !self.native)
            .map_or_else(|| target.to_owned(), |name| target.join(name))
    }

    /// Makes `command` compile for it.
    pub fn for_cargo(&self, command: &mut Command) {
        match self.rust_target() {
            Some(target) if !self.native => {
                command.args(["--target", target]);
            }
            // The same platform by name would be compiled apart.
            _ => {
                command.env_remove("CARGO_BUILD_TARGET");
            }
        }
    }

    /// What is missing where rustc has no standard library for it.
    #[must_use]
    pub fn rust_target_lack(&self) -> Option<String> {
        let target = self.rust_target().filter(|_| !self.native)?;
        let output = Command::new("rustc")
            .args(["--print", "target-libdir", "--target", target])
            .output()
            .ok()?;
        let folder = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let found = output.status.success() && Path::new(&folder).is_dir();
        (!found).then(|| {
            format!(
                "Rust has no standard library for {target}: `rustup target add {target}`, or, for \
                 a Rust of the system's, its package"
            )
        })
    }

    /// `CARGO_BUILD_TARGET` and `GOARCH` mean the same platform.
    fn check_cargo(&self) -> Result<(), StepError> {
        let target = self.rust_target().unwrap_or_default();
        match std::env::var("CARGO_BUILD_TARGET") {
            Ok(asked) if !asked.is_empty() && asked != target => {
                let message =
                    format!("CARGO_BUILD_TARGET is {asked}, and Go builds for {self} ({target})");
                Err(StepError::new(
                    message,
                    "unset CARGO_BUILD_TARGET; GOOS and GOARCH choose the platform",
                ))
            }
            _ => Ok(()),
        }
    }
}

impl std::fmt::Display for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.os, self.arch)
    }
}

fn ask<T: serde::de::DeserializeOwned>(arguments: &[&str], ui: &Ui) -> Result<T, StepError> {
    let text = process::output(
        Command::new("go").args(arguments),
        "asking go for its settings",
        ui,
    )?;
    serde_json::from_str(&text).map_err(|e| {
        StepError::new(
            format!("go env answers something else than expected: {e}"),
            "update Go",
        )
    })
}
