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
		found := regexp.MustCompile(`^` + name + `\{(.*)\} (\S+)$`).FindStringSubmatch(line)
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

// Guarantees: what rings and units count is in the Collector's own metrics, for each component and direction; the
// figures of a component that is in two pipelines are added up.
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
		lr := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
		lr.Body().SetStr("x")
		lr.Attributes().PutStr("a", "1")
		_, err := client.Export(t.Context(), plogotlp.NewExportRequestFromLogs(logs))
		require.NoError(t, err)
	}
	for component, batches := range map[string]string{`component="otap"`: "6", `component="mask_cards"`: "3"} {
		// The last call's ack may still be on its way when its caller has its answer.
		require.Eventually(t, func() bool {
			return figure(t, scrape(t, address), "otelcol_strait_in_flight", component, `signal="logs"`, `lane="0"`) == "0"
		}, 10*time.Second, 10*time.Millisecond)
		lines := scrape(t, address)
		require.Equal(t, batches, figure(t, lines, "otelcol_strait_batches", component, `direction="to_rust"`))
		require.Equal(t, batches, figure(t, lines, "otelcol_strait_batches", component, `direction="from_rust"`))
		require.NotEqual(t, "0", figure(t, lines, "otelcol_strait_bytes", component, `direction="to_rust"`))
		require.Equal(t, "0", figure(t, lines, "otelcol_strait_protocol_errors", component, `direction="to_rust"`))
		require.Equal(t, "0", figure(t, lines, "otelcol_strait_full_timeouts", component, `direction="from_rust"`))
		require.Equal(t, "0", figure(t, lines, "otelcol_strait_late_outputs", component))
		figure(t, lines, "otelcol_strait_slab_used", component, `direction="from_rust"`)
	}
	require.NoError(t, c.Stop(t.Context()))
}
