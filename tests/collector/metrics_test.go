package collector

import (
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"

	"github.com/strait-data/strait/tests/otelcol"
)

const withMetrics = `
receivers:
  otlp: {protocols: {grpc: {endpoint: "${env:OTLP_IN}"}}}
processors:
  otap: {nodes: [{attribute: {actions: [{action: delete, key: a}]}}]}
  mask_cards: {}
exporters: {nop: {}}
service:
  telemetry:
    metrics:
      level: normal
      readers:
        - pull:
            exporter:
              prometheus:
                host: 127.0.0.1
                port: ${env:METRICS_PORT}
  pipelines:
    logs: {receivers: [otlp], processors: [otap, mask_cards], exporters: [nop]}
    logs/again: {receivers: [otlp], processors: [otap], exporters: [nop]}
`

// scrape reads the Collector's own metrics, one line each.
func scrape(t *testing.T, address string) []string {
	response, err := http.Get("http://" + address + "/metrics")
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return strings.Split(string(body), "\n")
}

// figure is the value of the one metric with this name and these labels.
func figure(t *testing.T, lines []string, name string, labels ...string) string {
	for _, line := range lines {
		found := regexp.MustCompile(`^` + name + `(?:\{(.*)\})? (\S+)$`).FindStringSubmatch(line)
		if found == nil {
			continue
		}
		missing := false
		for _, label := range labels {
			missing = missing || !strings.Contains(found[1], label)
		}
		if !missing {
			return found[2]
		}
	}
	require.Fail(t, "no such metric", "%s %v in\n%s", name, labels, strings.Join(lines, "\n"))
	return ""
}

// Guarantees: what rings and units count is in the Collector's own metrics, for each component,
// pipeline and direction; items are counted as the Collector counts them for its own processors,
// and the process's figures are there without an extension.
func TestRingCountersAreMetrics(t *testing.T) {
	address, err := otelcol.FreeAddress()
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	c, in := run(t, withMetrics, map[string]string{"METRICS_PORT": port})
	require.NoError(t, c.Ready(t.Context(), address))
	client := plogotlp.NewGRPCClient(connect(t, in))
	for range 3 {
		logs := plog.NewLogs()
		records := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
		for range 2 {
			lr := records.AppendEmpty()
			lr.Body().SetStr("x")
			lr.Attributes().PutStr("a", "1")
		}
		_, err := client.Export(t.Context(), plogotlp.NewExportRequestFromLogs(logs))
		require.NoError(t, err)
	}
	for _, of := range [][]string{
		{`otelcol_component_id="otap"`, `otelcol_pipeline_id="logs"`},
		{`otelcol_component_id="otap"`, `otelcol_pipeline_id="logs/again"`},
		{`otelcol_component_id="mask_cards"`, `otelcol_pipeline_id="logs"`},
	} {
		with := func(more ...string) []string { return append(more, of...) }
		// The last call's ack may still be on its way when its caller has its answer.
		require.Eventually(t, func() bool {
			return figure(t, scrape(t, address), "otelcol_strait_in_flight",
				with(`otelcol_signal="logs"`, `otelcol_component_kind="processor"`, `lane="0"`)...) == "0"
		}, 10*time.Second, 10*time.Millisecond)
		lines := scrape(t, address)
		toRust, fromRust := with(`direction="to_rust"`), with(`direction="from_rust"`)
		require.Equal(t, "3", figure(t, lines, "otelcol_strait_batches", toRust...))
		require.Equal(t, "3", figure(t, lines, "otelcol_strait_batches", fromRust...))
		require.NotEqual(t, "0", figure(t, lines, "otelcol_strait_bytes", toRust...))
		require.Equal(t, "0", figure(t, lines, "otelcol_strait_protocol_errors", toRust...))
		require.Equal(t, "0", figure(t, lines, "otelcol_strait_full_timeouts", fromRust...))
		require.Equal(t, "0", figure(t, lines, "otelcol_strait_late_outputs", of...))
		require.Equal(t, "0", figure(t, lines, "otelcol_strait_context_left_out", of...))
		figure(t, lines, "otelcol_strait_slab_used", fromRust...)
	}
	lines := scrape(t, address)
	// The Collector has one figure for a processor, whatever pipelines it is in.
	for processor, items := range map[string]string{
		`processor="otap"`: "12", `processor="mask_cards"`: "6",
	} {
		require.Equal(
			t,
			items,
			figure(t, lines, "otelcol_processor_incoming_items", processor, `otel_signal="logs"`),
		)
		require.Equal(
			t,
			items,
			figure(t, lines, "otelcol_processor_outgoing_items", processor, `otel_signal="logs"`),
		)
	}
	for _, name := range []string{"allocated_memory", "dropped_log_lines", "leaked_threads"} {
		figure(t, lines, "otelcol_strait_"+name)
	}
	require.NoError(t, c.Stop(t.Context()))
}
