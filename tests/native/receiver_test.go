package native

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver/receiverhelper"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/strait-data/strait/go/rustcomponent"
)

// sends is one batch that the receiver `source` sends.
func sends(signal, text string, more ...any) map[string]any {
	s := map[string]any{"signal": signal, "text": text}
	for i := 0; i < len(more); i += 2 {
		s[more[i].(string)] = more[i+1]
	}
	return s
}

// came is a batch at the next consumer: what it says, and under what.
type came struct {
	text string
	ctx  context.Context
}

// sources is a running receiver of all signals and what it sends; answer decides on each batch but
// for what the receiver tells.
func sources(
	t *testing.T, shown *componenttest.Telemetry, answer func(context.Context, string) error,
	steps ...any,
) (sent <-chan came, told <-chan string) {
	t.Helper()
	all, heard := make(chan came, 100), make(chan string, 100)
	take := func(ctx context.Context, text string) error {
		if what, is := strings.CutPrefix(text, "told "); is {
			heard <- what
			return nil
		}
		all <- came{text, ctx}
		return answer(ctx, text)
	}
	logs, err := consumer.NewLogs(func(ctx context.Context, d plog.Logs) error {
		return take(ctx, bodyOf(d))
	})
	require.NoError(t, err)
	traces, err := consumer.NewTraces(func(ctx context.Context, d ptrace.Traces) error {
		return take(ctx, d.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Name())
	})
	require.NoError(t, err)
	metrics, err := consumer.NewMetrics(func(ctx context.Context, d pmetric.Metrics) error {
		return take(ctx, d.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Name())
	})
	require.NoError(t, err)
	f := rustcomponent.NewReceiver(crate("source"))
	set := receivertest.NewNopSettings(f.Type())
	set.ID = component.NewID(f.Type())
	if shown != nil {
		set.TelemetrySettings = shown.NewTelemetrySettings()
	}
	cfg := configured(t, f, map[string]any{"steps": steps})
	ofLogs, err := f.CreateLogs(t.Context(), set, cfg, logs)
	require.NoError(t, err)
	ofTraces, err := f.CreateTraces(t.Context(), set, cfg, traces)
	require.NoError(t, err)
	ofMetrics, err := f.CreateMetrics(t.Context(), set, cfg, metrics)
	require.NoError(t, err)
	for _, one := range []component.Component{ofLogs, ofTraces, ofMetrics} {
		running(t, one)
	}
	return all, heard
}

// Guarantees: one instance makes the batches of all signals, each goes to the consumers of its
// signal under what its sender says, and the sender hears that it was taken.
func TestAReceiverSendsEverySignal(t *testing.T) {
	sent, told := sources(t, nil, func(context.Context, string) error { return nil },
		sends("logs", "a", "client", true, "deadline", 60_000), sends("traces", "b"),
		sends("metrics", "c"))
	for _, text := range []string{"a", "b", "c"} {
		one := soon(t, sent)
		require.Equal(t, text, one.text)
		require.Equal(t, text+": taken", soon(t, told))
		info := client.FromContext(one.ctx)
		deadline, has := one.ctx.Deadline()
		parent := trace.SpanContextFromContext(one.ctx)
		if text != "a" {
			require.Nil(t, info.Addr)
			require.False(t, has)
			continue
		}
		require.Equal(t, "192.0.2.7:4317", info.Addr.(*net.TCPAddr).String())
		require.Equal(t, []string{"blue", "red"}, info.Metadata.Get("tenant"))
		require.Equal(t, "somebody", info.Auth.GetAttribute("subject"))
		require.WithinDuration(t, time.Now().Add(time.Minute), deadline, patience)
		require.Equal(t, trace.TraceID(bytes.Repeat([]byte{1}, 16)), parent.TraceID())
	}
}

// Guarantees: what the pipelines say of a batch is what its sender hears, whole.
func TestASenderHearsWhatThePipelinesSay(t *testing.T) {
	errs := map[string]error{
		"plain":     errTest,
		"permanent": consumererror.NewPermanent(errTest),
		"throttled": exporterhelper.NewThrottleRetry(errTest, 7*time.Second),
		"grpc":      status.Error(codes.ResourceExhausted, "full"),
		"http":      consumererror.NewOTLPHTTPError(errTest, 429),
		"a list":    consumererror.NewLogs(errTest, logs(3)),
	}
	want := map[string]string{
		"plain":     "Retryable grpc None http None after None rejected 0: " + errTest.Error(),
		"permanent": "Permanent grpc None http None after None rejected 0: " + errTest.Error(),
		"throttled": "Retryable grpc None http None after Some(7s) rejected 0: " + errTest.Error(),
		"grpc":      "Retryable grpc Some(8) http None after None rejected 0: full",
		"http":      "Retryable grpc None http Some(429) after None rejected 0: " + errTest.Error(),
		"a list":    "Retryable grpc None http None after None rejected 3: " + errTest.Error(),
	}
	var steps []any
	for name := range errs {
		steps = append(steps, sends("logs", name))
	}
	_, told := sources(t, nil, func(_ context.Context, text string) error { return errs[text] },
		steps...)
	for range errs {
		name, what, _ := strings.Cut(soon(t, told), ": ")
		require.Equal(t, want[name], what, name)
	}
}

// Guarantees: a sender that leaves hears nothing more and costs nobody else; a deadline that passes
// ends the work of the consumer, and the sender hears of it.
func TestASenderThatLeavesOrHurries(t *testing.T) {
	left, ends := make(chan struct{}), make(chan error, 1)
	answer := func(ctx context.Context, text string) error {
		if text == "leaves" {
			<-left
			return nil
		}
		<-ctx.Done()
		ends <- ctx.Err()
		return ctx.Err()
	}
	_, told := sources(t, nil, answer,
		sends("logs", "leaves", "leaves", 50), sends("logs", "hurries", "deadline", 50))
	require.Equal(t, "leaves: left", soon(t, told))
	close(left)
	require.ErrorIs(t, soon(t, ends), context.DeadlineExceeded)
	require.True(t, strings.HasPrefix(soon(t, told), "hurries: Deadline "))
}

// Guarantees: a receiver's metrics are those of a Go receiver that received the same.
func TestAReceiverCountsAsOneInGo(t *testing.T) {
	inRust, inGo := telemetry(t), telemetry(t)
	answer := func(_ context.Context, text string) error {
		if text == "refused" {
			return errTest
		}
		return nil
	}
	_, told := sources(t, inRust, answer, sends("logs", "taken"), sends("logs", "refused"),
		sends("traces", "taken"), sends("metrics", "refused"))
	for range 4 {
		soon(t, told)
	}
	set := receivertest.NewNopSettings(component.MustNewType("source"))
	set.ID = component.MustNewID("source")
	set.TelemetrySettings = inGo.NewTelemetrySettings()
	twin, err := receiverhelper.NewObsReport(receiverhelper.ObsReportSettings{
		ReceiverID: set.ID, ReceiverCreateSettings: set,
	})
	require.NoError(t, err)
	ctx := t.Context()
	for _, err := range []error{nil, errTest, nil, nil, nil, nil} { // with what it tells
		twin.EndLogsOp(twin.StartLogsOp(ctx), "source", 1, err)
	}
	twin.EndTracesOp(twin.StartTracesOp(ctx), "source", 1, nil)
	twin.EndMetricsOp(twin.StartMetricsOp(ctx), "source", 1, errTest)
	const lastOfAll = "otelcol_receiver_accepted_log_records" // it was counted after it was told
	require.Eventually(t, func() bool {
		accepted, is := counted(t, inRust, lastOfAll)[lastOfAll].Data.(metricdata.Sum[int64])
		return is && len(accepted.DataPoints) == 1 && accepted.DataPoints[0].Value == 5
	}, patience, time.Millisecond)
	sameMetrics(t, inRust, inGo, "otelcol_receiver_")
}

// Guarantees: receivers start and end as often as one wants, also while they send and the next
// consumer is slow, and without having been started.
func TestReceiversComeAndGo(t *testing.T) {
	f := rustcomponent.NewReceiver(crate("source"))
	cfg := configured(t, f, map[string]any{
		"steps": []any{sends("logs", "again")}, "repeat": 1_000_000,
	})
	slow, err := consumer.NewLogs(func(context.Context, plog.Logs) error {
		time.Sleep(time.Millisecond)
		return nil
	})
	require.NoError(t, err)
	for i := range 20 {
		set := receivertest.NewNopSettings(f.Type())
		set.ID = component.MustNewIDWithName("source", fmt.Sprint(i))
		r, err := f.CreateLogs(t.Context(), set, cfg, slow)
		require.NoError(t, err)
		if i%4 != 0 {
			require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
		}
		require.NoError(t, r.Shutdown(t.Context()))
		require.NoError(t, r.Shutdown(t.Context()))
	}
}
