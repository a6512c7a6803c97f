// Package builder holds the tests of `strait build` that compile: whole distributions, with Cargo,
// Go and ocb as they are. All of them share one target folder, and in it one engine. run.sh names
// the command.
package builder

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func strait(t *testing.T) string {
	path := os.Getenv("STRAIT")
	require.NotEmpty(t, path, "STRAIT names no program: run these tests with `make test-system`")
	return path
}

// root is the repository.
func root(t *testing.T) string {
	path, err := filepath.Abs("../..")
	require.NoError(t, err)
	return path
}

// write leaves a file that has this content already as it is: Cargo compiles by time.
func write(t *testing.T, path, content string) {
	if old, err := os.ReadFile(path); err == nil && string(old) == content {
		return
	}
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o750))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
}

// build runs `strait build` in folder and returns its exit code and what it wrote.
func build(t *testing.T, folder string, args ...string) (int, string) {
	return buildWith(t, folder, nil, args...)
}

// buildWith builds with further environment variables.
func buildWith(t *testing.T, folder string, env []string, args ...string) (int, string) {
	c := exec.Command(strait(t), append([]string{"build", "--config", "builder.yaml"}, args...)...)
	c.Dir = folder
	c.Env = append(append(os.Environ(), "CARGO_REGISTRIES_TESTS_INDEX=file://"+registry(t)), env...)
	out, err := c.CombinedOutput()
	if c.ProcessState == nil {
		require.NoError(t, err)
	}
	return c.ProcessState.ExitCode(), string(out)
}

// component is a crate whose processor appends an expression to the bodies of logs.
type component struct {
	name, version, typ string
	// appends is a Rust expression of type &str.
	appends string
	// dependencies are lines of its Cargo.toml; sdk is the source of strait-component.
	dependencies, sdk string
}

func (c component) manifest() string {
	return fmt.Sprintf(`[package]
name = "%s"
version = "%s"
edition = "2024"

[package.metadata.strait]
kind = "processor"
type = "%s"
signals = { logs = "alpha" }

[dependencies]
strait-component = %s
%s
`, c.name, c.version, c.typ, c.sdk, c.dependencies)
}

func (c component) source() string {
	return strings.NewReplacer("TYPE", c.typ, "APPENDS", c.appends).
		Replace(`//! Appends to the bodies of logs.

use std::borrow::Cow;
use std::collections::BTreeMap;

use strait_component::prelude::*;

struct Append;

impl Processor for Append {
    fn process(&mut self, batch: &mut Batch) -> Result<(), Error> {
        batch.edit_bodies(|text| Cow::Owned(format!("{text} {}", APPENDS)))?;
        Ok(())
    }
}

struct AppendFactory;

impl ProcessorFactory for AppendFactory {
    type Config = BTreeMap<String, String>;

    fn describe(&self) -> Description {
        Description::processor("TYPE", package!()).logs(Stability::Alpha)
    }

    fn access(&self, _: &Self::Config) -> Access {
        Access::new().write(Columns::BODY)
    }

    fn create(&self, _: Self::Config, _: &Settings) -> Result<Box<dyn Processor>, CreateError> {
        Ok(Box::new(Append))
    }
}

/// The component.
pub fn factory() -> &'static dyn DynFactory {
    &AppendFactory
}
`)
}

func (c component) write(t *testing.T, folder string) {
	if c.sdk == "" {
		c.sdk = fmt.Sprintf("{ path = %q }", filepath.Join(root(t), "dataplane/component"))
	}
	write(t, filepath.Join(folder, "Cargo.toml"), c.manifest())
	write(t, filepath.Join(folder, "src/lib.rs"), c.source())
}

// helper is a library crate with one constant.
func helper(t *testing.T, folder, version, word string) {
	write(
		t,
		filepath.Join(folder, "Cargo.toml"),
		fmt.Sprintf("[package]\nname = \"helper\"\nversion = %q\nedition = \"2024\"\n", version),
	)
	write(
		t,
		filepath.Join(folder, "src/lib.rs"),
		fmt.Sprintf("//! A word.\n\n/// It.\npub const WORD: &str = %q;\n", word),
	)
}

// published are two versions of one crate. Their SDK is the published one: the builder puts its own
// in its place.
var published = []component{
	{name: "published", version: "1.4.0", typ: "published", appends: `"v1"`, sdk: `"0.1"`},
	{name: "published", version: "2.0.1", typ: "published_2", appends: `"v2"`, sdk: `"0.1"`},
}

var registryFolder string

// registry is a registry of crates in the file system, with the published ones; made once.
func registry(t *testing.T) string {
	if registryFolder != "" {
		return filepath.Join(registryFolder, "index")
	}
	folder, err := os.MkdirTemp("", "strait-registry-")
	require.NoError(t, err)
	registryFolder = folder
	write(
		t,
		filepath.Join(folder, "index/config.json"),
		fmt.Sprintf(`{"dl": "file://%s/crates/{crate}-{version}.crate"}`, folder),
	)
	var index strings.Builder
	for _, c := range published {
		archive := crateFile(t, c.name+"-"+c.version, c.manifest(), c.source())
		write(t, filepath.Join(folder, "crates", c.name+"-"+c.version+".crate"), string(archive))
		sum := sha256.Sum256(archive)
		fmt.Fprintf(
			&index,
			`{"name":%q,"vers":%q,"cksum":%q,"features":{},"yanked":false,`+
				`"deps":[{"name":"strait-component","req":"^0.1","features":[],"optional":false,`+
				`"default_features":true,"target":null,"kind":"normal",`+
				`"registry":"https://github.com/rust-lang/crates.io-index"}]}`+"\n",
			c.name,
			c.version,
			hex.EncodeToString(sum[:]),
		)
	}
	write(t, filepath.Join(folder, "index/pu/bl/published"), index.String())
	commit(t, filepath.Join(folder, "index"))
	return filepath.Join(folder, "index")
}

// commit makes what is in an index known to Cargo, which reads it as a Git repository.
func commit(t *testing.T, index string) {
	for _, args := range [][]string{
		{"init", "--quiet"}, {"add", "."},
		{
			"-c", "user.name=tests", "-c", "user.email=tests@example.com",
			"commit", "--quiet", "--message", "crates",
		},
	} {
		c := exec.Command("git", args...)
		c.Dir = index
		out, err := c.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
}

// crateFile is what `cargo publish` would upload.
func crateFile(t *testing.T, name, manifest, source string) []byte {
	var archive bytes.Buffer
	zip := gzip.NewWriter(&archive)
	files := tar.NewWriter(zip)
	for path, content := range map[string]string{"Cargo.toml": manifest, "src/lib.rs": source} {
		require.NoError(
			t,
			files.WriteHeader(&tar.Header{Name: name + "/" + path, Mode: 0o644, Size: int64(len(content))}),
		)
		_, err := files.Write([]byte(content))
		require.NoError(t, err)
	}
	require.NoError(t, files.Close())
	require.NoError(t, zip.Close())
	return archive.Bytes()
}

func TestMain(m *testing.M) {
	code := m.Run()
	if registryFolder != "" {
		_ = os.RemoveAll(registryFolder)
	}
	os.Exit(code)
}
