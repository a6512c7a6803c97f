package builder

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.yaml.in/yaml/v3"

	"github.com/strait-data/strait/tests/otelcol"
)

const contrib = "github.com/open-telemetry/opentelemetry-collector-contrib"

// Every way to name a crate, in every quoting: a path and an inline table, two versions from a
// registry, two crates that depend on two versions of a third; a twin of a Go component; and an
// extension.
const every = `
dist:
  name: otelcol
  description: Every way to name a crate
  version: 1.2.3
  module: example.com/otelcol
  output_path: out
extensions:
  - cargo: token-provider = { path = "%[1]s/examples/token-provider" }
receivers:
  - gomod: go.opentelemetry.io/collector/receiver/otlpreceiver v0.161.0
processors:
  - gomod: %[2]s/processor/attributesprocessor v0.161.0
  - cargo: attributes = { path = "%[1]s/tests/builder/attributes" }
    runtime: auto
  - cargo: published = { version = "1.4", registry = "tests" }
  - cargo: "newer = { package = \"published\", version = \"2\", registry = \"tests\" }"
  - cargo: 'first = { path = "first" }'
  - cargo: |
      [second]
      path = "second"
      features = []
    name: seconds
exporters:
  - gomod: go.opentelemetry.io/collector/exporter/nopexporter v0.161.0
  - gomod: go.opentelemetry.io/collector/exporter/otlpexporter v0.161.0
`

// writeEvery writes the builder file and its crates.
func writeEvery(t *testing.T, folder string) {
	write(t, filepath.Join(folder, "builder.yaml"), fmt.Sprintf(every, root(t), contrib))
	helper(t, filepath.Join(folder, "helper-1"), "0.1.0", "one")
	helper(t, filepath.Join(folder, "helper-2"), "0.2.0", "two")
	for i, name := range []string{"first", "second"} {
		component{
			name: name, version: "0.1.0", typ: name, appends: "helper::WORD",
			dependencies: fmt.Sprintf(`helper = { path = "../helper-%d" }`, i+1),
		}.write(t, filepath.Join(folder, name))
	}
}

// buildEvery builds the distribution in a folder that stays, so that a second run of the tests is
// fast.
func buildEvery(t *testing.T) string {
	folder := filepath.Join(root(t), "build/builder-tests")
	writeEvery(t, folder)
	// The registry is at another place in every run.
	require.NoError(t, os.RemoveAll(filepath.Join(folder, "builder.lock")))
	code, out := build(t, folder)
	require.Zero(t, code, out)
	return filepath.Join(folder, "out/otelcol")
}

func output(t *testing.T, program string, args ...string) string {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

func TestEveryWayToNameACrate(t *testing.T) {
	program := buildEvery(t)
	t.Run("components", func(t *testing.T) { listsComponents(t, program) })
	t.Run("data", func(t *testing.T) { runsEachVersion(t, program) })
	t.Run("twin", func(t *testing.T) { runsTwins(t, program) })
	t.Run("edited", func(t *testing.T) { compilesEditedSources(t, program) })
	t.Run("reproducible", func(t *testing.T) { isReproducible(t, program) })
}

// Guarantees: `components` lists Rust components with their stability, and with crate and
// version as the module.
func listsComponents(t *testing.T, program string) {
	var listed struct {
		BuildInfo  struct{ Command, Description, Version string }
		Extensions []struct {
			Name, Module string
			Stability    map[string]string
		}
		Processors []struct {
			Name, Module string
			Stability    map[string]string
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(output(t, program, "components")), &listed))
	require.Equal(t, "1.2.3", listed.BuildInfo.Version)
	require.Regexp(
		t,
		`^Every way to name a crate \(Strait 0\.1\.0, engine 0\.\d+\.\d+\)$`,
		listed.BuildInfo.Description,
	)
	require.Len(t, listed.Extensions, 1)
	require.Equal(t, "token_provider", listed.Extensions[0].Name)
	require.Equal(t, "crate.local/token-provider v0.1.0", listed.Extensions[0].Module)
	require.Equal(t, "Alpha", listed.Extensions[0].Stability["extension"])
	modules := map[string]string{}
	for _, p := range listed.Processors {
		modules[p.Name] = p.Module + " " + p.Stability["logs"]
	}
	require.Equal(t, map[string]string{
		"attributes":  "crate.local/attributes v0.2.0 Development",
		"published":   "crate.local/published v1.4.0 Alpha",
		"published_2": "crate.local/published/v2 v2.0.1 Alpha",
		"first":       "crate.local/first v0.1.0 Alpha",
		"second":      "crate.local/second v0.1.0 Alpha",
	}, modules)
}

// Guarantees: each crate runs with its own version of what it depends on.
func runsEachVersion(t *testing.T, program string) {
	log, logs := send(t, program, "first, second, published, published_2", "")
	require.Equal(
		t,
		[]string{"body one two v1 v2"},
		distinct(logs, func(lr plog.LogRecord) string { return lr.Body().AsString() }),
	)
	require.Regexp(t, `Rust side.*"strait": "0\.1\.0".*"engine": "0\.\d+\.\d+"`, log)
}

// Guarantees: a twin runs in Rust beside a Rust component and in Go elsewhere, with the same
// result; a configuration that only Go takes is refused where Rust runs.
func runsTwins(t *testing.T, program string) {
	const update = `attributes: {actions: [{key: http.method, value: POST, action: update}]}`
	method := func(lr plog.LogRecord) string {
		v, _ := lr.Attributes().Get("http.method")
		return v.AsString()
	}
	for _, processors := range []string{"attributes", "attributes, first"} {
		_, logs := send(t, program, processors, update)
		require.Equal(t, []string{"POST"}, distinct(logs, method), processors)
	}
	onlyGo := `attributes: {actions: [{key: secret, action: hash}]}`
	_, logs := send(t, program, "attributes", onlyGo)
	require.Equal(t, []string{"GET"}, distinct(logs, method))
	config := writeConfig(t, "first, attributes", onlyGo)
	out, err := exec.Command(program, "validate", "--config", config).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), `unknown value "hash" (expected "update")`)
	require.Contains(t, string(out), `reading configuration for "attributes"`)
}

// Guarantees: sources that were edited by hand, of both languages, are compiled as they stand,
// the start-up check names what is missing in one of them, and the next plain build is the
// builder file's again.
func compilesEditedSources(t *testing.T, program string) {
	folder := filepath.Dir(program)
	edit := func(name, old, now string) {
		content, err := os.ReadFile(filepath.Join(folder, name))
		require.NoError(t, err)
		require.Contains(t, string(content), old)
		write(t, filepath.Join(folder, name), strings.Replace(string(content), old, now, 1))
	}
	edit("main.go", "Every way to name a crate", "Edited by hand")
	edit("strait/rust/umbrella/src/lib.rs", "    second::factory(),\n", "")
	code, out := build(t, filepath.Dir(folder), "--skip-generate")
	require.Zero(t, code, out)
	require.Contains(t, output(t, program, "components"), "Edited by hand")
	refused, err := exec.Command(program, "validate", "--config", writeConfig(t, "first", "")).
		CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(refused), "the Rust side of this Collector lacks processor second")

	code, out = build(t, filepath.Dir(folder))
	require.Zero(t, code, out)
	require.Contains(t, output(t, program, "components"), "Every way to name a crate")
	_, logs := send(t, program, "second", "")
	require.Len(t, distinct(logs, func(lr plog.LogRecord) string { return lr.Body().AsString() }), 1)
}

// Guarantees: the same inputs in another folder give the same bytes.
func isReproducible(t *testing.T, program string) {
	folder := t.TempDir()
	writeEvery(t, folder)
	code, out := build(t, folder)
	require.Zero(t, code, out)
	for _, name := range []string{
		"otelcol", "main.go", "components.go", "go.mod", "go.sum", "strait/builder.yaml",
		"strait/rust/umbrella/src/lib.rs",
	} {
		one, err := os.ReadFile(filepath.Join(filepath.Dir(program), name))
		require.NoError(t, err)
		two, err := os.ReadFile(filepath.Join(folder, "out", name))
		require.NoError(t, err)
		require.True(t, string(one) == string(two), "%s differs", name)
	}
}

// Guarantees: a crate that does not compile ends the build with the compiler's own words, the
// component, and the command that repeats the step; a crate without its factory likewise.
func TestCratesThatDoNotFit(t *testing.T) {
	file := func(name string) string {
		return fmt.Sprintf(
			"dist: {name: otelcol, output_path: out}\nprocessors:\n  - cargo: %[1]s = { path = %[1]q }\n",
			name,
		)
	}
	folder := t.TempDir()
	component{
		name:    "broken",
		version: "0.3.0",
		typ:     "broken",
		appends: "no_such_word",
	}.write(
		t,
		filepath.Join(folder, "broken"),
	)
	write(t, filepath.Join(folder, "builder.yaml"), file("broken"))
	code, out := build(t, folder)
	require.Equal(t, 1, code)
	require.Contains(t, out, "cannot find value `no_such_word`")
	require.Contains(t, out, filepath.Join(folder, "broken/src/lib.rs"))
	require.Contains(t, out, "the processor `broken` (crate broken 0.3.0) does not compile")
	require.Contains(t, out, "repeat just this step: cd ")

	helper(t, filepath.Join(folder, "helper"), "0.1.0", "x")
	write(t, filepath.Join(folder, "helper/src/lib.rs"), "pub const WORD: u8 = nothing;")
	component{
		name: "needs", version: "0.1.0", typ: "needs_helper", appends: "helper::WORD",
		dependencies: `helper = { path = "../helper" }`,
	}.write(t, filepath.Join(folder, "needs"))
	write(t, filepath.Join(folder, "builder.yaml"), file("needs"))
	code, out = build(t, folder)
	require.Equal(t, 1, code)
	require.Contains(t, out, filepath.Join(folder, "helper/src/lib.rs"))
	require.Contains(
		t,
		out,
		"the crate `helper`, needed by the processor `needs_helper`, does not compile",
	)

	component{
		name:    "lacking",
		version: "0.1.0",
		typ:     "lacking",
		appends: `"x"`,
	}.write(
		t,
		filepath.Join(folder, "lacking"),
	)
	source := filepath.Join(folder, "lacking/src/lib.rs")
	text, err := os.ReadFile(source)
	require.NoError(t, err)
	write(t, source, strings.ReplaceAll(string(text), "pub fn factory()", "pub fn other()"))
	write(t, filepath.Join(folder, "builder.yaml"), file("lacking"))
	code, out = build(t, folder)
	require.Equal(t, 1, code)
	require.Contains(t, out, "cannot find function `factory` in crate `lacking`")
	require.Contains(t, out, "pub fn factory() -> &'static dyn strait_component::DynFactory")
}

// writeConfig writes a Collector's configuration with one pipeline of these processors.
func writeConfig(t *testing.T, processors, configured string) string {
	if configured == "" {
		configured = "attributes: {actions: [{key: x, value: x, action: update}]}"
	}
	path := filepath.Join(t.TempDir(), "otelcol.yaml")
	write(t, path, fmt.Sprintf(`
receivers: {otlp: {protocols: {grpc: {endpoint: "${env:OTLP_IN}"}}}}
processors:
  %s
  first: {}
  second: {}
  published: {}
  published_2: {}
exporters: {otlp_grpc: {endpoint: "${env:OTLP_OUT}", compression: none, tls: {insecure: true}}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {logs: {receivers: [otlp], processors: [%s], exporters: [otlp_grpc]}}
`, configured, processors))
	return path
}

// send runs the Collector with these processors, sends it logs, and returns its own log and what
// came out.
func send(t *testing.T, program, processors, configured string) (string, []plog.Logs) {
	const n = 100
	sink, err := otelcol.StartSink()
	require.NoError(t, err)
	t.Cleanup(sink.Stop)
	in, err := otelcol.FreeAddress()
	require.NoError(t, err)
	c, err := otelcol.Start(
		program,
		writeConfig(t, processors, configured),
		map[string]string{"OTLP_IN": in, "OTLP_OUT": sink.Address},
	)
	require.NoError(t, err)
	t.Cleanup(c.Kill)
	require.NoError(t, c.Ready(t.Context(), in))
	_, err = otelcol.Generate(t.Context(), os.Getenv("TELEMETRYGEN"), in, otelcol.Workload{
		Logs: n, Severity: 9, Text: "S", Body: "body",
		Attributes: []string{`http.method="GET"`, `secret="x"`},
	})
	require.NoError(t, err)
	require.Eventually(
		t,
		func() bool { return sink.Count() == n },
		20*time.Second,
		10*time.Millisecond,
		"%s",
		c.Output(),
	)
	require.NoError(t, c.Stop(t.Context()))
	return c.Output(), sink.Received()
}

func distinct(logs []plog.Logs, of func(plog.LogRecord) string) []string {
	var found []string
	seen := map[string]bool{}
	otelcol.Each(logs, func(_ pcommon.Resource, _ pcommon.InstrumentationScope, lr plog.LogRecord) {
		if text := of(lr); !seen[text] {
			seen[text] = true
			found = append(found, text)
		}
	})
	return found
}
