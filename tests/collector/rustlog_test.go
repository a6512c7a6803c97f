package collector

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
)

const withDebugNode = `
receivers:
  otlp: {protocols: {grpc: {endpoint: "${env:OTLP_IN}"}}}
processors:
  otap: {nodes: [{debug: {verbosity: detailed}}]}
exporters: {nop: {}}
service:
  telemetry:
    metrics: {level: none}
    logs: {encoding: json, level: debug}
  pipelines:
    logs: {receivers: [otlp], processors: [otap], exporters: [nop]}
`

// Guarantees: everything that the Rust side says is a line of the Collector's log, what the
// engine's debug node shows among it: with the place in Rust as its caller, the component's name,
// and fields of its own.
func TestRustSpeaksThroughTheLog(t *testing.T) {
	c, in := run(t, withDebugNode, map[string]string{})
	logs := plog.NewLogs()
	lr := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	lr.Body().SetStr("a body that the node shows")
	_, err := plogotlp.NewGRPCClient(connect(t, in)).
		Export(t.Context(), plogotlp.NewExportRequestFromLogs(logs))
	require.NoError(t, err)
	require.NoError(t, c.Stop(t.Context()), c.Output())
	shown, ended := false, false
	for text := range strings.Lines(c.Output()) {
		if strings.TrimSpace(text) == "" {
			continue
		}
		var line map[string]any
		require.NoError(t, json.Unmarshal([]byte(text), &line), "past the log: %s", text)
		if line["target"] == nil { // not from Rust
			continue
		}
		require.Regexp(t, `^.+/[a-z_]+\.rs:\d+$`, line["caller"], text)
		require.NotContains(t, line, "fields")
		message, _ := line["msg"].(string)
		if strings.Contains(message, "a body that the node shows") {
			shown = true
			require.Equal(t, "debug", line["target"])
			require.Equal(t, "info", line["level"])
			require.Equal(t, "otap", line["otelcol.component.id"])
		}
		if message == "a lane has ended" {
			ended = true
			require.EqualValues(t, 1, line["calls"])
			require.Equal(t, "debug", line["level"])
		}
	}
	require.True(t, shown, c.Output())
	require.True(t, ended, c.Output())
}
