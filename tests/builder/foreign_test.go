package builder

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/strait-data/strait/tests/otelcol"
)

// Two Rust libraries in one program: Strait's, and that of a Go component.
const besideForeign = `
dist: {name: otelcol, output_path: out}
receivers:
  - gomod: go.opentelemetry.io/collector/receiver/otlpreceiver v0.161.0
processors:
  - gomod: github.com/strait-data/strait/go v0.1.0
    import: github.com/strait-data/strait/go/otapprocessor
  - gomod: example.com/foreign v0.1.0
    path: foreign
  - cargo: mask-cards = { path = "%[1]s/examples/mask-cards" }
  - cargo: faulty = { path = "%[1]s/tests/peers/faulty" }
exporters:
  - gomod: go.opentelemetry.io/collector/exporter/otlpexporter v0.161.0
`

const besideForeignConfig = `
receivers: {otlp: {protocols: {grpc: {endpoint: "${env:OTLP_IN}"}}}}
processors:
  foreign:
  mask_cards:
  otap: {nodes: [{attribute: {actions: [{action: rename, source_key: a, destination_key: b}]}}]}
  faulty:
exporters: {otlp_grpc: {endpoint: "${env:OTLP_OUT}", compression: none, tls: {insecure: true},
  sending_queue: {enabled: false}}}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    logs:
      receivers: [otlp]
      processors: [foreign, mask_cards, otap, faulty]
      exporters: [otlp_grpc]
`

// buildBesideForeign builds the distribution, with the library where its Go package looks for it.
func buildBesideForeign(t *testing.T) string {
	folder := filepath.Join(root(t), "build/builder-tests/foreign")
	require.NoError(t, os.RemoveAll(filepath.Join(folder, "foreign")))
	require.NoError(t, os.CopyFS(filepath.Join(folder, "foreign"), os.DirFS("foreign")))
	c := exec.Command("cargo", "build", "--quiet", "--release", "--target-dir", "target")
	c.Dir = filepath.Join(folder, "foreign")
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%s", out)
	library := "libforeign.a"
	require.NoError(t, os.Rename(
		filepath.Join(c.Dir, "target/release", library), filepath.Join(c.Dir, library)))
	write(t, filepath.Join(folder, "builder.yaml"), fmt.Sprintf(besideForeign, root(t)))
	code, text := build(t, folder)
	require.Zero(t, code, text)
	return filepath.Join(folder, "out/otelcol")
}

// Guarantees: a Go component with a Rust library of its own builds beside Rust components, on a C
// library that has not all that std looks for; a panic in either is caught by its own side, and
// what comes after it is delivered.
func TestBesideAnotherRustLibrary(t *testing.T) {
	program := buildBesideForeign(t)
	sink, err := otelcol.StartSink()
	require.NoError(t, err)
	t.Cleanup(sink.Stop)
	in, err := otelcol.FreeAddress()
	require.NoError(t, err)
	config := filepath.Join(t.TempDir(), "otelcol.yaml")
	write(t, config, besideForeignConfig)
	env := map[string]string{"OTLP_IN": in, "OTLP_OUT": sink.Address}
	c, err := otelcol.Start(program, config, env)
	require.NoError(t, err)
	t.Cleanup(c.Kill)
	require.NoError(t, c.Ready(t.Context(), in))
	conn, err := grpc.NewClient(in, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer conn.Close()
	export := func(body string) error {
		d := plog.NewLogs()
		lr := d.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
		lr.Body().SetStr(body)
		lr.Attributes().PutStr("a", "v")
		request := plogotlp.NewExportRequestFromLogs(d)
		_, err := plogotlp.NewGRPCClient(conn).Export(t.Context(), request)
		return err
	}
	require.NoError(t, export("card 4111 1111 1111 1111"))
	require.ErrorContains(t, export("panic"), "told to panic")
	require.NoError(t, export("card 4111 1111 1111 1111"))
	require.NoError(t, c.Stop(t.Context()))

	require.Len(t, sink.Received(), 2, "%s", c.Output())
	for _, logs := range sink.Received() {
		resource := logs.ResourceLogs().At(0)
		require.Equal(t, map[string]any{"foreign.catches": true, "foreign.starts": true},
			resource.Resource().Attributes().AsRaw())
		lr := resource.ScopeLogs().At(0).LogRecords().At(0)
		require.Equal(t, "card **** **** **** 1111", lr.Body().Str())
		require.Equal(t, map[string]any{"b": "v"}, lr.Attributes().AsRaw())
	}
}
