package collector

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// connect makes a client of the Collector's receiver.
func connect(t *testing.T, address string) *grpc.ClientConn {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return conn
}

// sinks answers all three services.
type sinks struct {
	traces  chan ptrace.Traces
	metrics chan pmetric.Metrics
}

type traceSink struct {
	ptraceotlp.UnimplementedGRPCServer
	*sinks
}

func (s *traceSink) Export(
	_ context.Context,
	r ptraceotlp.ExportRequest,
) (ptraceotlp.ExportResponse, error) {
	s.traces <- r.Traces()
	return ptraceotlp.NewExportResponse(), nil
}

type metricSink struct {
	pmetricotlp.UnimplementedGRPCServer
	*sinks
}

func (s *metricSink) Export(
	_ context.Context,
	r pmetricotlp.ExportRequest,
) (pmetricotlp.ExportResponse, error) {
	s.metrics <- r.Metrics()
	return pmetricotlp.NewExportResponse(), nil
}

const otlpToOTLP = `
receivers:
  otlp: {protocols: {grpc: {endpoint: "${env:OTLP_IN}"}}}
processors:
  otap/plain: {nodes: [{retry: {}}]}
  otap/converts:
    fidelity: best_effort
    nodes: [{attribute: {apply_to: [resource], actions: [{action: delete, key: a}]}}]
  otap/logs: {nodes: [{attribute: {actions: [{action: delete, key: a}]}}]}
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
    traces: {receivers: [otlp], processors: [otap/plain], exporters: [otlp_grpc]}
    metrics: {receivers: [otlp], processors: [%PROCESSOR%], exporters: [otlp_grpc]}
    logs: {receivers: [otlp], processors: [otap/logs], exporters: [otlp_grpc]}
`

// Guarantees: traces and metrics pass a unit that does not convert as they are, also in strict
// mode; metrics pass one that does with best effort, where its work is done.
func TestTracesAndMetrics(t *testing.T) {
	for processor, deletes := range map[string]bool{"otap/plain": false, "otap/converts": true} {
		t.Run(processor, func(t *testing.T) {
			s := &sinks{make(chan ptrace.Traces, 1), make(chan pmetric.Metrics, 1)}
			address := serve(t, func(g *grpc.Server) {
				ptraceotlp.RegisterGRPCServer(g, &traceSink{sinks: s})
				pmetricotlp.RegisterGRPCServer(g, &metricSink{sinks: s})
			})
			c, in := run(t, replace(otlpToOTLP, processor), map[string]string{"SINK": address})
			conn := connect(t, in)

			spans := ptrace.NewTraces()
			span := spans.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
			span.SetName("s")
			span.SetTraceID([16]byte{1})
			span.SetSpanID([8]byte{2})
			span.Attributes().PutStr("a", "x")
			span.Attributes().PutStr("b", "y")
			span.Events().AppendEmpty().SetName("event")
			_, err := ptraceotlp.NewGRPCClient(conn).
				Export(t.Context(), ptraceotlp.NewExportRequestFromTraces(spans))
			require.NoError(t, err)
			got := <-s.traces
			require.Equal(t, 1, got.SpanCount())

			points := pmetric.NewMetrics()
			resource := points.ResourceMetrics().AppendEmpty()
			resource.Resource().Attributes().PutStr("a", "x")
			resource.Resource().Attributes().PutStr("b", "y")
			metric := resource.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
			metric.SetName("m")
			point := metric.SetEmptyGauge().DataPoints().AppendEmpty()
			point.SetIntValue(7)
			point.Attributes().PutStr("a", "x")
			point.Attributes().PutStr("b", "y")
			_, err = pmetricotlp.NewGRPCClient(conn).
				Export(t.Context(), pmetricotlp.NewExportRequestFromMetrics(points))
			require.NoError(t, err)
			gotPoints := <-s.metrics
			require.Equal(t, 1, gotPoints.DataPointCount())

			require.Equal(t, spans, got)
			if deletes {
				resource.Resource().Attributes().Remove("a")
				gotResource := gotPoints.ResourceMetrics().At(0)
				require.Equal(
					t,
					resource.Resource().Attributes().AsRaw(),
					gotResource.Resource().Attributes().AsRaw(),
				)
				gotPoint := gotResource.ScopeMetrics().At(0).Metrics().At(0).Gauge().DataPoints().At(0)
				require.Equal(t, point.Attributes().AsRaw(), gotPoint.Attributes().AsRaw())
				require.EqualValues(t, 7, gotPoint.IntValue())
			} else {
				require.Equal(t, points, gotPoints)
			}
			require.NoError(t, c.Stop(t.Context()))
		})
	}
}

// refusingSink answers with the error that it is told.
type refusingSink struct {
	plogotlp.UnimplementedGRPCServer
	answers chan error
}

func (s *refusingSink) Export(
	context.Context,
	plogotlp.ExportRequest,
) (plogotlp.ExportResponse, error) {
	return plogotlp.NewExportResponse(), <-s.answers
}

// Guarantees: what the destination answers reaches the sender through the unit: code, message and
// the delay that it asked for; and a later batch passes.
func TestDestinationsAnswerReachesTheSender(t *testing.T) {
	s := &refusingSink{answers: make(chan error, 1)}
	address := serve(t, func(g *grpc.Server) { plogotlp.RegisterGRPCServer(g, s) })
	c, in := run(t, replace(otlpToOTLP, "otap/plain"), map[string]string{"SINK": address})
	client := plogotlp.NewGRPCClient(connect(t, in))
	d := plog.NewLogs()
	d.ResourceLogs().
		AppendEmpty().
		ScopeLogs().
		AppendEmpty().
		LogRecords().
		AppendEmpty().
		Body().
		SetStr("x")
	send := func(answer error) *status.Status {
		s.answers <- answer
		_, err := client.Export(t.Context(), plogotlp.NewExportRequestFromLogs(d))
		return status.Convert(err)
	}
	for _, code := range []codes.Code{
		codes.InvalidArgument, codes.Unavailable, codes.PermissionDenied,
	} {
		st := send(status.Error(code, "the sink's own words"))
		require.Equal(t, code, st.Code(), st.Message())
		require.Contains(t, st.Message(), "the sink's own words")
	}
	slow, err := status.New(codes.ResourceExhausted, "slow down").
		WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(7 * time.Second)})
	require.NoError(t, err)
	st := send(slow.Err())
	require.Equal(t, codes.ResourceExhausted, st.Code(), st.Message())
	require.Len(t, st.Details(), 1)
	require.Equal(
		t,
		7*time.Second,
		st.Details()[0].(*errdetails.RetryInfo).GetRetryDelay().AsDuration(),
	)
	require.Equal(t, codes.OK, send(nil).Code())
	require.NoError(t, c.Stop(t.Context()))
}
