package collector

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/strait-data/strait/tests/otelcol"
)

// What arrives goes out by an `otap` exporter over gRPC to another receiver of the same Collector,
// and by one into files.
const exporting = `
receivers:
  otlp: {protocols: {grpc: {endpoint: "${env:OTLP_IN}"}}}
  otlp/again: {protocols: {grpc: {endpoint: "${env:AGAIN}"}}}
exporters:
  otap:
    nodes:
      - attribute: {actions: [{action: delete, key: internal.debug}]}
      - otlp_grpc: {grpc_endpoint: "http://${env:AGAIN}"}
    sending_queue: {enabled: false} # the other receiver ends before this does
  otap/file: {nodes: [{file: {path: "${env:FOLDER}/{signal}-{core_id}-{generation}"}}]}
  file/in: {path: "${env:FOLDER}/in"}
  file/again: {path: "${env:FOLDER}/again"}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    logs: {receivers: [otlp], exporters: [otap, otap/file, file/in]}
    logs/again: {receivers: [otlp/again], exporters: [file/again]}
`

// Guarantees: what an `otap` exporter has taken arrives, item by item: at a Go receiver over gRPC,
// and in files; and what it has in its queue when the Collector ends is delivered.
func TestNodesExport(t *testing.T) {
	again, err := otelcol.FreeAddress()
	require.NoError(t, err)
	folder := t.TempDir()
	c, in := run(t, exporting, map[string]string{"AGAIN": again, "FOLDER": folder})
	const sent = 5_000
	_, err = otelcol.Generate(t.Context(), program(t, "TELEMETRYGEN"), in, otelcol.Workload{
		Logs: sent, Severity: 9, Text: "S", Body: "body of a log",
		Attributes: []string{`internal.debug="x"`, `n=7`},
	})
	require.NoError(t, err)
	require.NoError(t, c.Stop(t.Context()), c.Output())
	require.NotContains(t, c.Output(), "\terror\t")
	read := func(name string) map[string]int {
		logs, err := otelcol.ReadFile(filepath.Join(folder, name))
		require.NoError(t, err)
		return census(logs)
	}
	came := read("in")
	require.Equal(t, sent, total(came))
	require.Equal(t, came, read("logs-0-0"))
	arrived := read("again")
	require.Equal(t, sent, total(arrived))
	for log := range arrived {
		require.NotContains(t, log, "internal.debug")
		require.Contains(t, log, "n=")
	}
}

const toTheConsole = `
receivers:
  otlp: {protocols: {grpc: {endpoint: "${env:OTLP_IN}"}}}
exporters:
  otap: {nodes: [{console: {format: record_json}}], sending_queue: {enabled: false}}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    logs: {receivers: [otlp], exporters: [otap]}
`

// Guarantees: the console node prints one line for each log.
func TestTheConsoleNodePrints(t *testing.T) {
	c, in := run(t, toTheConsole, map[string]string{})
	_, err := otelcol.Generate(t.Context(), program(t, "TELEMETRYGEN"), in, otelcol.Workload{
		Logs: 7, Severity: 9, Text: "S", Body: "said to the console",
	})
	require.NoError(t, err)
	require.Equal(t, 7, strings.Count(c.Output(), `"said to the console"`), c.Output())
	require.NoError(t, c.Stop(t.Context()), c.Output())
}

// Guarantees: what is wrong with the nodes of an exporter is told by `validate`, with its place.
func TestNodesThatExportAreValidated(t *testing.T) {
	wrong := strings.ReplaceAll(toTheConsole, "record_json", "record_jsn")
	code, output := command(t, "validate", "--config", writeConfig(t, wrong))
	require.NotZero(t, code)
	require.Contains(t, output,
		"nodes::0::console::format: unknown value `record_jsn`, did you mean `record_json`?")
}
