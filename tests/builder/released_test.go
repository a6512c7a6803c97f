package builder

import (
	"archive/zip"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The crates that are released, each after what it needs.
var releasedCrates = []string{
	"strait-ringbuf", "strait-failure", "strait-records", "strait-control", "strait-description",
	"strait-component", "strait-extension", "strait-engine", "strait-host",
}

// addReleased puts Strait's crates into the registry as `cargo publish` would upload them.
func addReleased(t *testing.T) {
	target := t.TempDir()
	args := []string{"package", "--quiet", "--no-verify", "--allow-dirty", "--target-dir", target}
	for _, name := range releasedCrates {
		args = append(args, "--package", name)
	}
	c := exec.Command("cargo", args...)
	c.Dir = root(t)
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%s", out)
	// To package crates that need each other cargo makes a registry of them, index and all.
	made := filepath.Join(target, "package/tmp-registry")
	index := registry(t)
	for _, name := range releasedCrates {
		place := "st/ra/" + name
		line, err := os.ReadFile(filepath.Join(made, "index", place))
		require.NoError(t, err)
		// Other versions may be there already.
		others, _ := os.ReadFile(filepath.Join(index, place))
		write(t, filepath.Join(index, place), string(others)+strings.TrimSpace(string(line))+"\n")
		file := name + "-0.1.0.crate"
		archive, err := os.ReadFile(filepath.Join(made, file))
		require.NoError(t, err)
		write(t, filepath.Join(filepath.Dir(index), "crates", file), string(archive))
	}
	commit(t, index)
}

// goProxy makes a Go module proxy in the file system with Strait's module; the rest comes from what
// is cached.
func goProxy(t *testing.T) []string {
	folder, module := t.TempDir(), "github.com/strait-data/strait/go"
	place := filepath.Join(folder, module, "@v")
	source := filepath.Join(root(t), "go")
	mod, err := os.ReadFile(filepath.Join(source, "go.mod"))
	require.NoError(t, err)
	write(t, filepath.Join(place, "list"), "v0.1.0\n")
	write(t, filepath.Join(place, "v0.1.0.info"), `{"Version":"v0.1.0","Time":"2026-01-01T00:00:00Z"}`)
	write(t, filepath.Join(place, "v0.1.0.mod"), string(mod))
	file, err := os.Create(filepath.Join(place, "v0.1.0.zip"))
	require.NoError(t, err)
	archive := zip.NewWriter(file)
	require.NoError(t, filepath.WalkDir(source, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		way, err := filepath.Rel(source, path)
		if err != nil {
			return err
		}
		w, err := archive.Create(module + "@v0.1.0/" + filepath.ToSlash(way))
		if err == nil {
			_, err = w.Write(content)
		}
		return err
	}))
	require.NoError(t, archive.Close())
	require.NoError(t, file.Close())
	cached, err := exec.Command("go", "env", "GOMODCACHE").Output()
	require.NoError(t, err)
	usual, err := exec.Command("go", "env", "GOPROXY").Output()
	require.NoError(t, err)
	// A module cache of its own: what is called v0.1.0 here is not what will be.
	cache := t.TempDir()
	env := []string{
		"GOMODCACHE=" + cache, "GONOSUMDB=" + module, "GOFLAGS=-modcacherw",
		fmt.Sprintf(
			"GOPROXY=file://%s,file://%s/cache/download,%s",
			folder,
			strings.TrimSpace(string(cached)),
			strings.TrimSpace(string(usual)),
		),
	}
	return env
}

// Guarantees: without sources, crates and Go module come from the registries, in the command's
// version.
func TestReleasedVersions(t *testing.T) {
	addReleased(t)
	folder := t.TempDir()
	var patches strings.Builder
	for _, name := range releasedCrates {
		fmt.Fprintf(&patches, "%s = { version = \"=0.1.0\", registry = \"tests\" }\n", name)
	}
	// They are not in the registry of everyone yet.
	write(t, filepath.Join(folder, ".cargo/config.toml"), "[patch.crates-io]\n"+patches.String())
	write(t, filepath.Join(folder, "builder.yaml"), `
dist: {name: otelcol, output_path: out, module: example.com/otelcol}
receivers:
  - gomod: go.opentelemetry.io/collector/receiver/nopreceiver v0.161.0
processors:
  - gomod: github.com/strait-data/strait/go v0.1.0
    import: github.com/strait-data/strait/go/otapprocessor
  - cargo: published = { version = "1.4", registry = "tests" }
exporters:
  - gomod: go.opentelemetry.io/collector/exporter/nopexporter v0.161.0
`)
	code, out := buildWith(t, folder, goProxy(t), "--released", "--generate-only")
	require.Zero(t, code, out)
	lock, err := os.ReadFile(filepath.Join(folder, "builder.lock/Cargo.lock"))
	require.NoError(t, err)
	for _, name := range releasedCrates {
		require.Regexp(t, `name = "`+name+`"\nversion = "0.1.0"\nsource = "registry\+`, string(lock))
	}
	require.Regexp(
		t,
		`name = "datafusion"\nversion = "[0-9.]+"\ndependencies`,
		string(lock),
		"the facade has no source",
	)
	modules, err := os.ReadFile(filepath.Join(folder, "builder.lock/go.mod"))
	require.NoError(t, err)
	require.Contains(t, string(modules), "\tgithub.com/strait-data/strait/go v0.1.0")
	require.NotContains(t, string(modules), "github.com/strait-data/strait/go =>")
	sums, err := os.ReadFile(filepath.Join(folder, "builder.lock/go.sum"))
	require.NoError(t, err)
	require.Contains(t, string(sums), "github.com/strait-data/strait/go v0.1.0 h1:")
}

// Guarantees: a component that was made for another SDK is an error that names the versions of
// command, crates and Go module.
func TestAnotherSDK(t *testing.T) {
	const manifest = `[package]
name = "strait-component"
version = "0.2.0"
edition = "2024"
`
	index := registry(t)
	archive := crateFile(t, "strait-component-0.2.0", manifest, "")
	write(
		t,
		filepath.Join(filepath.Dir(index), "crates/strait-component-0.2.0.crate"),
		string(archive),
	)
	place := filepath.Join(index, "st/ra/strait-component")
	released, _ := os.ReadFile(place) // there or not: tests run in any order
	entry := fmt.Sprintf(`{"name":"strait-component","vers":"0.2.0","cksum":"%x",`+
		`"features":{},"yanked":false,"deps":[]}`+"\n", sha256.Sum256(archive))
	write(t, place, string(released)+entry)
	commit(t, index)

	folder := t.TempDir()
	write(t, filepath.Join(folder, "sdk/Cargo.toml"), manifest)
	write(t, filepath.Join(folder, "sdk/src/lib.rs"), "")
	for sdk, crate := range map[string]string{
		`{ path = "../sdk" }`:                     "sdk/Cargo.toml is 0.2.0",
		`{ version = "0.2", registry = "tests" }`: "strait-component 0.2.0 (",
	} {
		component{
			name:    "newer",
			version: "1.0.0",
			typ:     "newer",
			appends: `"x"`,
			sdk:     sdk,
		}.write(
			t,
			filepath.Join(folder, "newer"),
		)
		write(t, filepath.Join(folder, "builder.yaml"), `dist: {name: otelcol, output_path: out}
processors:
  - cargo: newer = { path = "newer" }
`)
		code, out := build(t, folder, "--generate-only")
		require.Equal(t, 1, code)
		require.Contains(t, out, "versions differ: this command")
		require.Contains(t, out, "the Go module are 0.1.0")
		require.Contains(t, out, crate)
	}
}
