package collector

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/strait-data/strait/go/ring"
	"github.com/strait-data/strait/tests/otelcol"
)

// One receiver, two pipelines: the engine's nodes, and contrib's processors for the same job.
const bothPipelines = `
receivers:
  otlp: {protocols: {grpc: {endpoint: "${env:OTLP_IN}"}}}
processors:
  otap:
    nodes:
      - attribute:
          actions:
            - {action: rename, source_key: http.method, destination_key: http.request.method}
            - {action: delete, key: internal.debug}
            - {action: insert, key: env, value: prod}
      - filter:
          logs:
            include:
              severity_number: {min: 9, match_undefined: false}
  attributes:
    actions:
      - {key: http.request.method, from_attribute: http.method, action: upsert}
      - {key: http.method, action: delete}
      - {key: internal.debug, action: delete}
      - {key: env, value: prod, action: insert}
  filter:
    error_mode: propagate
    logs: {log_record: ['severity_number < 9']}
exporters:
  file/in: {path: "${env:IN}"}
  file/rust: {path: "${env:RUST}"}
  file/go: {path: "${env:GO}"}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    logs/in: {receivers: [otlp], exporters: [file/in]}
    logs/rust: {receivers: [otlp], processors: [otap], exporters: [file/rust]}
    logs/go: {receivers: [otlp], processors: [attributes, filter], exporters: [file/go]}
`

// Guarantees: sent = filtered + exported, and the engine's nodes give what contrib's processors
// give; a run in which nothing is wrong says so to the end.
func TestLogsEqualContrib(t *testing.T) {
	dir := t.TempDir()
	env := map[string]string{
		"IN": filepath.Join(
			dir,
			"in",
		), "RUST": filepath.Join(dir, "rust"), "GO": filepath.Join(dir, "go"),
	}
	c, in := run(t, bothPipelines, env)
	sent, kept := 0, 0
	for i, severity := range []int{9, 5, 17, 1, 8, 24} {
		w := otelcol.Workload{
			Logs: 2_500 + i, Severity: severity, Text: "S", Body: "body",
			Attributes: []string{`http.method="GET"`, `internal.debug="x"`, `n=7`, `ok=true`},
		}
		if i%2 == 1 {
			w.Attributes = nil
		}
		_, err := otelcol.Generate(t.Context(), program(t, "TELEMETRYGEN"), in, w)
		require.NoError(t, err)
		sent += w.Logs
		if severity >= 9 {
			kept += w.Logs
		}
	}
	require.NoError(t, c.Stop(t.Context()), c.Output())
	require.NotContains(t, c.Output(), "\twarn\t")
	require.NotContains(t, c.Output(), "\terror\t")
	read := func(name string) map[string]int {
		logs, err := otelcol.ReadFile(env[name])
		require.NoError(t, err)
		return census(logs)
	}
	require.Equal(t, sent, total(read("IN")))
	rust := read("RUST")
	require.Equal(t, kept, total(rust), "sent = filtered + exported")
	require.Equal(t, read("GO"), rust)
}

// Guarantees: a Collector that is told to end under load loses nothing that it has acknowledged.
func TestStopUnderLoadLosesNothingAcknowledged(t *testing.T) {
	dir := t.TempDir()
	env := map[string]string{"OUT": filepath.Join(dir, "out")}
	c, in := run(t, `
receivers:
  otlp: {protocols: {grpc: {endpoint: "${env:OTLP_IN}"}}}
processors:
  otap: {nodes: [{filter: {logs: {include: {severity_number: {min: 9, match_undefined: false}}}}}]}
  mask_cards: {}
exporters:
  file: {path: "${env:OUT}"}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    logs: {receivers: [otlp], processors: [otap, mask_cards], exporters: [file]}
`, env)
	generated := make(chan error, 1)
	go func() {
		_, err := otelcol.Generate(t.Context(), program(t, "TELEMETRYGEN"), in, otelcol.Workload{
			Logs: 400_000, Severity: 9, Text: "Info", Body: "card 4111 1111 1111 1111",
		})
		generated <- err
	}()
	counters := func() (received uint64) {
		all, err := c.Counters()
		require.NoError(t, err)
		for _, k := range all {
			received = max(received, k.Values[ring.CounterBatchesReceived])
		}
		return received
	}
	require.Eventually(t, func() bool { return counters() > 100 }, 30e9, 1e6, "batches flow")
	require.NoError(t, c.Stop(t.Context()), c.Output())
	require.Error(t, <-generated, "the load generator was cut off, so the stop came under load")
	logs, err := otelcol.ReadFile(env["OUT"])
	require.NoError(t, err)
	require.Positive(t, total(census(logs)))
	for text := range census(logs) {
		require.NotContains(t, text, "4111 1111 1111 1111")
	}
}
