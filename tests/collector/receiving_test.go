package collector

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/strait-data/strait/tests/otelcol"
)

// Engine nodes that receive; what they bring is written by Go.
const receiving = `
receivers:
  otap: {nodes: [{otlp: {protocols: {grpc: {listening_addr: "${env:OTLP_IN}"}}}}]}
  otap/syslog:
    nodes:
      - syslog_cef:
          protocol: {tcp: {listening_addr: "${env:SYSLOG}"}}
          batch: {max_batch_duration_ms: 10}
exporters:
  file/otlp: {path: "${env:FOLDER}/otlp"}
  file/syslog: {path: "${env:FOLDER}/syslog"}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    logs: {receivers: [otap], exporters: [file/otlp]}
    logs/syslog: {receivers: [otap/syslog], exporters: [file/syslog]}
`

// Guarantees: every log that telemetrygen has sent to an engine's receiver, and every line of
// syslog, goes through the Collector, once.
func TestNodesReceive(t *testing.T) {
	syslog, err := otelcol.FreeAddress()
	require.NoError(t, err)
	folder := t.TempDir()
	c, in := run(t, receiving, map[string]string{"SYSLOG": syslog, "FOLDER": folder})
	const sent, lines = 5_000, 1_000
	_, err = otelcol.Generate(t.Context(), program(t, "TELEMETRYGEN"), in, otelcol.Workload{
		Logs: sent, Severity: 9, Text: "S", Body: "body", Attributes: []string{`n=7`},
	})
	require.NoError(t, err)
	conn, err := net.Dial("tcp", syslog)
	require.NoError(t, err)
	for i := range lines {
		_, err = fmt.Fprintf(conn, "<34>1 2026-01-01T00:00:00Z host app %d ID - line %d\n", i, i)
		require.NoError(t, err)
	}
	require.NoError(t, conn.Close())
	read := func(name string) map[string]int {
		logs, err := otelcol.ReadFile(filepath.Join(folder, name))
		require.NoError(t, err)
		return census(logs)
	}
	require.Eventually(t, func() bool {
		logs, err := otelcol.ReadFile(filepath.Join(folder, "syslog")) // its last line may be half there
		return err == nil && total(census(logs)) == lines
	}, time.Minute, 5*time.Millisecond, "%s", c.Output())
	require.NoError(t, c.Stop(t.Context()), c.Output())
	require.NotContains(t, c.Output(), "\terror\t")
	require.Equal(t, sent, total(read("otlp")))
	require.Len(t, read("syslog"), lines, "each line once")
}

const receivingAll = `
receivers:
  otap: {nodes: [{otlp: {protocols: {grpc: {listening_addr: "${env:OTLP_IN}"}}}}]}
exporters:
  otlp_grpc:
    endpoint: ${env:SINK}
    compression: none
    tls: {insecure: true}
    sending_queue: {enabled: false}
    retry_on_failure: {enabled: false}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    traces: {receivers: [otap], exporters: [otlp_grpc]}
    metrics: {receivers: [otap], exporters: [otlp_grpc]}
    logs: {receivers: [otap], exporters: [otlp_grpc]}
`

// Guarantees: one receiver serves three pipelines, each with its signal, unchanged; and a sender's
// answer is the pipeline's: whose fault it was, and whether to try again.
func TestOneReceiverServesEverySignal(t *testing.T) {
	s := &sinks{make(chan ptrace.Traces, 1), make(chan pmetric.Metrics, 1)}
	refusing := &refusingSink{answers: make(chan error, 1)}
	address := serve(t, func(g *grpc.Server) {
		ptraceotlp.RegisterGRPCServer(g, &traceSink{sinks: s})
		pmetricotlp.RegisterGRPCServer(g, &metricSink{sinks: s})
		plogotlp.RegisterGRPCServer(g, refusing)
	})
	c, in := run(t, receivingAll, map[string]string{"SINK": address})
	conn := connect(t, in)
	spans := ptrace.NewTraces()
	spans.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty().SetName("s")
	_, err := ptraceotlp.NewGRPCClient(conn).
		Export(t.Context(), ptraceotlp.NewExportRequestFromTraces(spans))
	require.NoError(t, err)
	require.Equal(t, spans, <-s.traces)
	points := pmetric.NewMetrics()
	scope := points.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty()
	scope.Metrics().AppendEmpty().SetEmptyGauge().DataPoints().AppendEmpty().SetIntValue(7)
	_, err = pmetricotlp.NewGRPCClient(conn).
		Export(t.Context(), pmetricotlp.NewExportRequestFromMetrics(points))
	require.NoError(t, err)
	require.Equal(t, points, <-s.metrics)
	logs := plog.NewLogs()
	logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	send := func(ctx context.Context) error {
		_, err := plogotlp.NewGRPCClient(conn).Export(ctx, plogotlp.NewExportRequestFromLogs(logs))
		return err
	}
	for answer, want := range map[codes.Code]codes.Code{
		codes.OK: codes.OK, codes.InvalidArgument: codes.InvalidArgument,
		codes.PermissionDenied: codes.Internal, codes.Unavailable: codes.Unavailable,
	} {
		refusing.answers <- status.Error(answer, "the sink's own words")
		require.Equal(t, want, status.Code(send(t.Context())), answer)
	}
	require.NoError(t, c.Stop(t.Context()), c.Output())
}
