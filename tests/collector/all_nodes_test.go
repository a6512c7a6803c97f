//go:build all_nodes

package collector

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"

	"github.com/strait-data/strait/tests/otelcol"
)

const queries = `
receivers: {otlp: {protocols: {grpc: {endpoint: "${env:OTLP_IN}"}}}}
processors:
  otap/opl:
    nodes:
      - transform:
          opl_query: 'logs | where severity_number > 8 | extend attributes["opl"] = "seen"'
  otap/kql: {nodes: [{transform: {kql_query: 'logs | where attributes["level"] != "17"'}}]}
  otap/ottl: {nodes: [{transform: {ottl: {log_statements: ['set(severity_text, "seen")']}}}]}
  otap/shops:
    nodes:
      - partition:
          partition_by: {opl_expression: 'resource.attributes["service.name"]'}
          partition_header_name: shop
exporters:
  otlp_grpc:
    endpoint: ${env:SINK}
    compression: none
    sending_queue: {enabled: false}
    tls: {insecure: true}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    logs:
      receivers: [otlp]
      processors: [otap/opl, otap/kql, otap/ottl, otap/shops]
      exporters: [otlp_grpc]
`

// Guarantees: in a Collector whose builder file asks for them, the nodes that need the whole of
// DataFusion do what their queries say, in each of the three languages, and a batch leaves in as
// many as it has partitions.
func TestQueriesInTheBuiltCollector(t *testing.T) {
	sink, err := otelcol.StartSink()
	require.NoError(t, err)
	t.Cleanup(sink.Stop)
	c, in := run(t, queries, map[string]string{"SINK": sink.Address})

	const shops, severities = 3, 24
	sent := plog.NewLogs()
	want := map[string]int{}
	for shop := range shops {
		name := fmt.Sprint("shop-", shop)
		rl := sent.ResourceLogs().AppendEmpty()
		rl.Resource().Attributes().PutStr("service.name", name)
		sl := rl.ScopeLogs().AppendEmpty()
		for severity := 1; severity <= severities; severity++ {
			lr := sl.LogRecords().AppendEmpty()
			lr.SetSeverityNumber(plog.SeverityNumber(severity))
			lr.Attributes().PutStr("level", fmt.Sprint(severity))
			if severity > 8 && severity != 17 {
				want[fmt.Sprintf("%s %d seen seen", name, severity)] = 1
			}
		}
	}
	_, err = plogotlp.NewGRPCClient(connect(t, in)).
		Export(t.Context(), plogotlp.NewExportRequestFromLogs(sent))
	require.NoError(t, err)

	got := map[string]int{}
	text := func(m pcommon.Map, key string) string {
		v, _ := m.Get(key)
		return v.AsString()
	}
	for _, batch := range sink.Received() {
		names := map[string]bool{}
		otelcol.Each(
			[]plog.Logs{batch},
			func(res pcommon.Resource, _ pcommon.InstrumentationScope, lr plog.LogRecord) {
				name := text(res.Attributes(), "service.name")
				names[name] = true
				opl := text(lr.Attributes(), "opl")
				got[fmt.Sprintf("%s %d %s %s", name, lr.SeverityNumber(), opl, lr.SeverityText())]++
			},
		)
		require.Len(t, names, 1, "a batch of one partition")
	}
	require.Equal(t, want, got)
	require.Len(t, sink.Received(), shops)
	require.NoError(t, c.Stop(t.Context()))
}
