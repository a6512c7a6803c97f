package tidy

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/modfile"
)

// One place says which version is used: the root Cargo.toml for Rust, go/go.mod for Go. Others
// repeat it where a tool wants it written out, and may not differ. docs/upgrading.md says how to
// move it.

const collectorModules = "go.opentelemetry.io/collector/"

// Every module takes the Collector, and what else go/go.mod names for itself, in its version.
func TestGoModulesAgreeOnVersions(t *testing.T) {
	chosen := requires(t, "go/go.mod")
	for _, name := range listed(t, "*go.mod") {
		if strings.HasPrefix(name, "tools/") {
			continue // tools have versions of their own
		}
		for module, r := range requires(t, name) {
			if want, ok := chosen[module]; ok && !r.Indirect && !want.Indirect &&
				strings.HasPrefix(module, collectorModules) {
				assert.Equal(t, want.Mod.Version, r.Mod.Version, "%s: %s", name, module)
			}
		}
		assert.Equal(t, goVersion(t, "go/go.mod"), goVersion(t, name), "%s: go", name)
	}
}

// The command builds with the Collector that go/go.mod names, and so do the demo and the tests.
func TestTheCollectorHasOneVersion(t *testing.T) {
	version := requires(t, "go/go.mod")[collectorModules+"component/componentstatus"].Mod.Version
	stable := requires(t, "go/go.mod")[collectorModules+"component"].Mod.Version
	assert.Contains(t, read(t, "dataplane/cli/src/golang/mod.rs"), `COLLECTOR: &str = "`+version+`"`)
	assert.Contains(t, read(t, "Makefile"), "cmd/telemetrygen@"+version)

	modules := regexp.MustCompile(
		`gomod: (go\.opentelemetry\.io/collector|github\.com/open-telemetry/\S+)\S* (v\S+)`,
	)
	found := 0
	for _, name := range listed(t, "examples/*.yaml", "tests/*.yaml", "bench/*.yaml", "docs/*.md") {
		for _, match := range modules.FindAllStringSubmatch(read(t, name), -1) {
			found++
			assert.Contains(t, []string{version, stable}, match[2], "%s: %s", name, match[0])
		}
	}
	assert.NotZero(t, found)
}

// The engine's crates are of one version, which the code repeats for messages.
func TestTheEngineHasOneVersion(t *testing.T) {
	crates := regexp.MustCompile(`(?m)^otel-arrow-dfe-\S+ = .*"=([0-9.]+)"`)
	versions := map[string]bool{}
	for _, match := range crates.FindAllStringSubmatch(read(t, "Cargo.toml"), -1) {
		versions[match[1]] = true
	}
	require.Len(t, versions, 1)
	for version := range versions {
		assert.Contains(t, read(t, "dataplane/engine/src/lib.rs"), `ENGINE_VERSION: &str = "`+version+`"`)
	}
}

// A crate that several use has its version in the root Cargo.toml alone.
func TestCratesTakeSharedVersionsFromTheWorkspace(t *testing.T) {
	_, shared, ok := strings.Cut(read(t, "Cargo.toml"), "[workspace.dependencies]")
	require.True(t, ok)
	shared, _, _ = strings.Cut(shared, "\n[profile")
	entry := regexp.MustCompile(`(?m)^([a-z0-9_-]+) = (?:"|\{[^}\n]*version)`)
	names := map[string]bool{}
	for _, match := range entry.FindAllStringSubmatch(shared, -1) {
		names[match[1]] = true
	}
	require.NotEmpty(t, names)
	for _, name := range listed(t, "*Cargo.toml") {
		if name == "Cargo.toml" || strings.HasPrefix(name, "fuzz/") ||
			strings.Contains(name, "templates") {
			continue // the workspace itself; another workspace; what `strait new` makes stands alone
		}
		for _, match := range entry.FindAllStringSubmatch(read(t, name), -1) {
			assert.False(t, names[match[1]], "%s: %s has a version of its own: write `%s.workspace = true`",
				name, match[1], match[1])
		}
	}
}

// What README asks of a machine is what the sources ask of the compilers.
func TestToolchainsHaveOneMinimum(t *testing.T) {
	goMinimum := strings.TrimSuffix(goVersion(t, "go/go.mod"), ".0")
	rust := regexp.MustCompile(`rust-version = "([0-9.]+)"`).FindStringSubmatch(read(t, "Cargo.toml"))
	require.NotNil(t, rust)
	asked := regexp.MustCompile(`(Go|Rust) (1\.[0-9]+)`)
	want := map[string]string{"Go": goMinimum, "Rust": rust[1]}
	for _, name := range []string{"README.md", "docs/build.md"} {
		matches := asked.FindAllStringSubmatch(read(t, name), -1)
		require.NotEmpty(t, matches, name)
		for _, match := range matches {
			assert.Equal(t, want[match[1]], match[2], "%s: %s", name, match[0])
		}
	}
}

func requires(t *testing.T, name string) map[string]*modfile.Require {
	t.Helper()
	out := map[string]*modfile.Require{}
	for _, r := range goMod(t, name).Require {
		out[r.Mod.Path] = r
	}
	return out
}

func goVersion(t *testing.T, name string) string {
	t.Helper()
	return goMod(t, name).Go.Version
}

func goMod(t *testing.T, name string) *modfile.File {
	t.Helper()
	file, err := modfile.Parse(name, []byte(read(t, name)), nil)
	require.NoError(t, err)
	return file
}

func listed(t *testing.T, patterns ...string) []string {
	t.Helper()
	var names []string
	for _, file := range sources(t, patterns...) {
		names = append(names, file.name)
	}
	return names
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	require.NoError(t, err)
	return string(text)
}
