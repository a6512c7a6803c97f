package native

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/trace"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/rustcomponent"
)

// plainly has neither queue nor retries: the caller hears what Rust says.
func plainly(values map[string]any) map[string]any {
	all := map[string]any{
		"sending_queue":    map[string]any{"enabled": false},
		"retry_on_failure": map[string]any{"enabled": false},
	}
	for key, value := range values {
		all[key] = value
	}
	return all
}

func logsExporter(
	t *testing.T, values map[string]any, shown *componenttest.Telemetry,
) exporter.Logs {
	t.Helper()
	f := rustcomponent.NewExporter(crate("outlet"))
	set := exportertest.NewNopSettings(f.Type())
	set.ID = component.NewID(f.Type())
	if shown != nil {
		set.TelemetrySettings = shown.NewTelemetrySettings()
	}
	e, err := f.CreateLogs(t.Context(), set, configured(t, f, values))
	require.NoError(t, err)
	running(t, e)
	return e
}

// Guarantees: an exporter's verdict is its caller's, whole: class, codes, delay; whatever the way
// it fails, and the next batch is delivered.
func TestAnExportersVerdictIsTheCallers(t *testing.T) {
	e := logsExporter(t, plainly(nil), nil)
	require.NoError(t, e.ConsumeLogs(t.Context(), order(3, "hello")))
	for says, want := range map[string]control.Failure{
		"permanent":            {Class: control.Permanent},
		"retryable":            {Class: control.Retryable},
		"permanent http 400":   {Class: control.Permanent, HTTPCode: 400},
		"retryable grpc 8":     {Class: control.Retryable, GRPCCode: 8},
		"retryable after 7000": {Class: control.Retryable, RetryDelay: 7 * time.Second},
		"permanent rejected 2": {Class: control.Permanent, RejectedItems: 2},
		"retryable grpc 14 http 503 after 20": {
			Class: control.Retryable, GRPCCode: 14, HTTPCode: 503, RetryDelay: 20 * time.Millisecond,
		},
	} {
		err := e.ConsumeLogs(t.Context(), order(3, says))
		f, is := errors.AsType[*control.Failure](err)
		require.True(t, is, "%s: %v", says, err)
		got := *f
		require.Contains(t, got.Component, "outlet")
		got.Component, got.Message = "", ""
		require.Equal(t, want, got, says)
		require.Equal(t, want.Class == control.Permanent, consumererror.IsPermanent(err), says)
	}
	require.True(t, consumererror.IsPermanent(e.ConsumeLogs(t.Context(), order(3, "panic"))))
	require.NoError(t, e.ConsumeLogs(t.Context(), order(3, "hello")))
}

// Guarantees: an exporter sees what its caller's context says, and that it ends: by its deadline,
// by a cancel, and by the timeout of the exporter helper.
func TestAnExporterSeesItsCallersContext(t *testing.T) {
	e := logsExporter(t, plainly(nil), nil)
	ctx := client.NewContext(t.Context(), client.Info{
		Addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 4317}, Auth: subject("somebody"),
		Metadata: client.NewMetadata(map[string][]string{"tenant": {"blue", "red"}}),
	})
	ctx = trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: [16]byte{1}, SpanID: [8]byte{2}, TraceFlags: 1,
	}))
	require.ErrorContains(t, e.ConsumeLogs(ctx, order(2, "context")),
		"peer 192.0.2.7:4317 tenant blue,red subject somebody deadline true span "+
			"00-01000000000000000000000000000000-0200000000000000-01")

	within, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, e.ConsumeLogs(within, order(2, "wait")), context.DeadlineExceeded)
	until, leave := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, leave)
	require.ErrorIs(t, e.ConsumeLogs(until, order(2, "wait")), context.Canceled)
	hurried := logsExporter(t, plainly(map[string]any{"timeout": "50ms"}), nil)
	require.ErrorIs(t, hurried.ConsumeLogs(t.Context(), order(2, "wait")), context.DeadlineExceeded)
	require.NoError(t, e.ConsumeLogs(t.Context(), order(2, "hello")))
}

// subject is authentication data of one attribute.
type subject string

func (s subject) GetAttribute(name string) any {
	if name != "subject" {
		return nil
	}
	return string(s)
}

func (subject) GetAttributeNames() []string { return []string{"subject"} }

// Guarantees: an exporter's metrics are those of a Go exporter that ends in the same ways.
func TestAnExporterCountsAsOneInGo(t *testing.T) {
	inRust, inGo := telemetry(t), telemetry(t)
	e := logsExporter(t, plainly(nil), inRust)
	set := exportertest.NewNopSettings(component.MustNewType("outlet"))
	set.ID = component.MustNewID("outlet")
	set.TelemetrySettings = inGo.NewTelemetrySettings()
	twin, err := exporterhelper.NewLogs(t.Context(), set, struct{}{},
		func(_ context.Context, d plog.Logs) error {
			switch bodyOf(d) {
			case "permanent":
				return consumererror.NewPermanent(errTest)
			case "retryable":
				return errTest
			default:
				return nil
			}
		})
	require.NoError(t, err)
	running(t, twin)
	for _, says := range []string{"hello", "permanent", "retryable", "hello"} {
		n := len(says)
		wrong := e.ConsumeLogs(t.Context(), order(n, says)) != nil
		require.Equal(t, wrong, twin.ConsumeLogs(t.Context(), order(n, says)) != nil, says)
	}
	sameMetrics(t, inRust, inGo, "otelcol_exporter_")
}

// Guarantees: traces and metrics reach an exporter as logs do.
func TestAnExporterTakesEverySignal(t *testing.T) {
	f := rustcomponent.NewExporter(crate("outlet"))
	set := exportertest.NewNopSettings(f.Type())
	for says, permanent := range map[string]bool{"": false, "permanent": true} {
		cfg := configured(t, f, plainly(map[string]any{"says": says}))
		traces, err := f.CreateTraces(t.Context(), set, cfg)
		require.NoError(t, err)
		metrics, err := f.CreateMetrics(t.Context(), set, cfg)
		require.NoError(t, err)
		running(t, traces)
		running(t, metrics)
		spans := ptrace.NewTraces()
		spans.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
		points := pmetric.NewMetrics()
		scope := points.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty()
		scope.Metrics().AppendEmpty().SetEmptyGauge().DataPoints().AppendEmpty()
		err = traces.ConsumeTraces(t.Context(), spans)
		require.Equal(t, permanent, consumererror.IsPermanent(err), "%v", err)
		err = metrics.ConsumeMetrics(t.Context(), points)
		require.Equal(t, permanent, consumererror.IsPermanent(err), "%v", err)
	}
}

// Guarantees: the helper tries again what Rust says may work later, and a batch that waits in its
// queue is delivered before the exporter ends.
func TestAnExporterHasTheHelpersQueue(t *testing.T) {
	shown := telemetry(t)
	e := logsExporter(t, map[string]any{
		"retry_on_failure": map[string]any{"max_elapsed_time": "100ms", "initial_interval": "10ms",
			"max_interval": "20ms"},
	}, shown)
	require.NoError(t, e.ConsumeLogs(t.Context(), order(2, "retryable")), "the queue has it")
	require.NoError(t, e.ConsumeLogs(t.Context(), order(3, "hello")))
	require.Eventually(t, func() bool {
		metrics := counted(t, shown, "otelcol_exporter_")
		_, sent := metrics["otelcol_exporter_sent_log_records"]
		_, failed := metrics["otelcol_exporter_send_failed_log_records"]
		return sent && failed
	}, patience, time.Millisecond)
}
