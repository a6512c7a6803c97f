package native

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/strait-data/strait/go/rustcomponent"
)

func tallies() connector.Factory {
	return rustcomponent.NewConnector(rustcomponent.Metadata{
		Type: "tally", Crate: "tally", Version: "0.1.0",
		LogsToLogs: level, LogsToTraces: level, LogsToMetrics: level,
		TracesToLogs: level, TracesToTraces: level, TracesToMetrics: level,
		MetricsToLogs: level, MetricsToTraces: level, MetricsToMetrics: level,
	})
}

// Guarantees: the other component of the connector's crate, which the builder file has no line for,
// is there and runs.
func TestASecondComponentOfACrate(t *testing.T) {
	s := new(sink)
	f := forms()[0]
	p := start(t, f.component("unnoticed", nil), f.transport, s)
	require.NoError(t, p.ConsumeLogs(t.Context(), logs(3)))
	require.Equal(t, 3, s.count())
}

// said is what a connector to metrics says: the names of metrics, and what becomes of them.
type said struct {
	names  chan string
	answer func(ctx context.Context) error
}

func newSaid() *said { return &said{names: make(chan string, 10)} }

func (*said) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

func (s *said) ConsumeMetrics(ctx context.Context, d pmetric.Metrics) error {
	s.names <- d.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Name()
	if s.answer == nil {
		return nil
	}
	return s.answer(ctx)
}

func logsToMetrics(t *testing.T, values map[string]any, next *said) connector.Logs {
	t.Helper()
	f := tallies()
	set := connectortest.NewNopSettings(component.MustNewType("tally"))
	c, err := f.CreateLogsToMetrics(t.Context(), set, configured(t, f, values), next)
	require.NoError(t, err)
	running(t, c)
	return c
}

func logsToLogs(t *testing.T, next consumer.Logs) connector.Logs {
	t.Helper()
	f := tallies()
	set := connectortest.NewNopSettings(component.MustNewType("tally"))
	c, err := f.CreateLogsToLogs(t.Context(), set, configured(t, f, nil), next)
	require.NoError(t, err)
	running(t, c)
	return c
}

// Guarantees: what a connector makes of a batch goes on under the batch's own context, and the
// caller's verdict is that of all of it: none, one or two batches, or the connector's own.
func TestAConnectorsOutputIsItsCallers(t *testing.T) {
	next := newSaid()
	c := logsToMetrics(t, nil, next)
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "mine")
	next.answer = func(ctx context.Context) error {
		if ctx.Value(key{}) != "mine" {
			return consumererror.NewPermanent(errTest)
		}
		return nil
	}
	for says, batches := range map[string]int{"hello": 1, "nothing": 0, "twice": 2} {
		require.NoError(t, c.ConsumeLogs(ctx, order(3, says)), says)
		require.Len(t, next.names, batches, says)
		for range batches {
			require.Equal(t, "3 items", <-next.names)
		}
	}
	require.True(t, consumererror.IsPermanent(c.ConsumeLogs(ctx, order(3, "permanent"))))
	require.True(t, consumererror.IsPermanent(c.ConsumeLogs(ctx, order(3, "panic"))))
	err := c.ConsumeLogs(ctx, order(3, "retryable"))
	require.ErrorContains(t, err, "told to fail for now")
	require.False(t, consumererror.IsPermanent(err))
	require.Empty(t, next.names)
	next.answer = func(context.Context) error { return errTest }
	err = c.ConsumeLogs(ctx, order(3, "hello"))
	require.ErrorIs(t, err, errTest)
	require.False(t, consumererror.IsPermanent(err))
	require.False(t, c.Capabilities().MutatesData)
}

// Guarantees: what a connector keeps comes out by its timer, and at the end, and belongs to no
// caller.
func TestAConnectorFlushes(t *testing.T) {
	next := newSaid()
	c := logsToMetrics(t, map[string]any{"flush": 20}, next)
	require.NoError(t, c.ConsumeLogs(t.Context(), order(4, "keep")))
	require.Equal(t, "4 items", soon(t, next.names))
	atEnd := newSaid()
	f := tallies()
	set := connectortest.NewNopSettings(component.MustNewType("tally"))
	last, err := f.CreateLogsToMetrics(t.Context(), set, configured(t, f, nil), atEnd)
	require.NoError(t, err)
	require.NoError(t, last.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, last.ConsumeLogs(t.Context(), order(5, "keep")))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, last.Shutdown(ctx))
	require.Equal(t, "5 items", <-atEnd.names)
}

// Guarantees: every pair of signals is connected.
func TestAConnectorConnectsEveryPair(t *testing.T) {
	f, next := tallies(), new(sink)
	cfg := configured(t, f, nil)
	set := connectortest.NewNopSettings(component.MustNewType("tally"))
	toLogs, err := f.CreateTracesToLogs(t.Context(), set, cfg, next)
	require.NoError(t, err)
	running(t, toLogs)
	spans := ptrace.NewTraces()
	scope := spans.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty()
	for range 3 {
		scope.Spans().AppendEmpty()
	}
	require.NoError(t, toLogs.ConsumeTraces(t.Context(), spans))
	require.Equal(t, "3 items", bodyOf(next.take()[0]))

	same := logsToLogs(t, next)
	require.NoError(t, same.ConsumeLogs(t.Context(), order(7, "hello")))
	require.Equal(t, "7 items", bodyOf(next.take()[0]))

	points, toMetrics := pmetric.NewMetrics(), newSaid()
	metric := points.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
	metric.AppendEmpty().SetEmptyGauge().DataPoints().AppendEmpty()
	metrics, err := f.CreateMetricsToMetrics(t.Context(), set, cfg, toMetrics)
	require.NoError(t, err)
	running(t, metrics)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, metrics.ConsumeMetrics(ctx, points))
	require.Equal(t, "1 items", <-toMetrics.names)
}
