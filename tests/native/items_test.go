package native

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"pgregory.net/rapid"

	"github.com/strait-data/strait/go/otap"
	"github.com/strait-data/strait/go/otap/otaptest"
	"github.com/strait-data/strait/go/ring"
	"github.com/strait-data/strait/go/unit"
	"github.com/strait-data/strait/go/unit/call"
)

// One bad item never costs its neighbours (docs/decisions/0006-one-bad-item.md), with the real
// engine.

// keepsAll is a filter that reads bodies and drops nothing.
var keepsAll = node("filter", map[string]any{"logs": map[string]any{"exclude": map[string]any{
	"match_type": "strict", "bodies": []any{"there is no such body"},
}}})

// merges is a batch node that hands on after a short while.
var merges = node("batch", map[string]any{
	"otap": map[string]any{"min_size": 1000, "sizer": "items"}, "max_batch_duration": "20ms",
	"otlp": map[string]any{"min_size": 100_000_000, "sizer": "bytes"},
})

// small is a transport with a slab of 1 MiB, so that not every record fits.
func small(t unit.Transport) unit.Transport {
	t.Geometry = ring.Geometry{Descriptors: 64, Blocks: unit.BlocksPerMiB}
	return t
}

func nest(v pcommon.Value) {
	for range otap.MaxDepth + 1 {
		v = v.SetEmptySlice().AppendEmpty()
	}
}

// Guarantees: three logs, of which one cannot cross, through units that project, that send
// everything, and that merge: two are delivered, and the caller hears of the one, by place and
// reason.
func TestOneBadLog(t *testing.T) {
	spoils := map[string]struct {
		spoil func(plog.LogRecord)
		err   error
	}{
		"text":  {func(lr plog.LogRecord) { lr.Body().SetStr("a\xff\xfe") }, otap.ErrText},
		"depth": {func(lr plog.LogRecord) { nest(lr.Body()) }, otap.ErrDepth},
		"size": {
			func(lr plog.LogRecord) { lr.Body().SetStr(strings.Repeat("x", 2<<20)) },
			otap.ErrTooLarge,
		},
	}
	for _, f := range exactForms() {
		for how, s := range map[string]unit.Spec{
			"a filter by body": f.spec(chain(keepsAll)), "batch": f.spec(chain(merges)),
			"a component": f.component("mask_cards", map[string]any{}),
		} {
			for why, x := range spoils {
				t.Run(f.name+"/"+how+"/"+why, func(t *testing.T) {
					out := &sink{}
					p := start(t, s, small(f.transport), out)
					d := logs(6)
					x.spoil(d.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(1))
					err := p.ConsumeLogs(t.Context(), d)
					require.ErrorIs(t, err, x.err)
					require.True(t, consumererror.IsPermanent(err))
					require.ErrorContains(
						t, err,
						"1 of 6 items refused: resource_logs[0].scope_logs[0].log_records[1]",
					)
					require.Equal(t, 5, out.count())
					require.EqualValues(t, 1, p.Unit().Stats().Refused[why])
					quiet(t, p)
				})
			}
		}
	}
}

// Guarantees: what is refused of one caller's batch is not told to those whose batches it would
// have been merged with.
func TestRefusalsStayWithTheirCaller(t *testing.T) {
	f := exactForms()[0]
	out := &sink{}
	p := start(t, f.spec(chain(merges)), f.transport, out)
	var group sync.WaitGroup
	errs := make([]error, 20)
	for i := range errs {
		group.Go(func() {
			d := logs(6)
			if i%2 == 0 {
				d.ResourceLogs().At(1).ScopeLogs().At(0).LogRecords().At(2).SetSeverityText("\xff")
			}
			errs[i] = p.ConsumeLogs(context.Background(), d)
		})
	}
	group.Wait()
	for i, err := range errs {
		if i%2 == 1 {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(
			t, err,
			"resource_logs[1].scope_logs[0].log_records[2].severity_text: text is not UTF-8",
		)
	}
	require.Equal(t, 20*6-10, out.count())
}

// Guarantees: whatever logs come, each log comes out equal or is refused, and with full decode the
// same are; what has no items goes on or is refused.
func TestEqualOrRefused(t *testing.T) {
	for how, nodes := range map[string]any{
		"reads severities": chain(atLeast(-1 << 31)), "reads bodies": chain(keepsAll),
		"reads resources": chain(node("attribute", map[string]any{
			"actions":  []any{map[string]any{"action": "delete", "key": "there is no such key"}},
			"apply_to": []any{"signal", "resource"},
		})),
		"reads everything": chain(merges),
	} {
		t.Run(how, func(t *testing.T) {
			var units []*unit.LogsConsumer
			var sinks []*sink
			for _, f := range exactForms() {
				s := &sink{}
				units, sinks = append(
					units, start(t, f.spec(nodes), f.transport, s),
				), append(
					sinks, s,
				)
			}
			rapid.Check(t, func(t *rapid.T) {
				d := otaptest.Logs(t, otaptest.Options{Bad: true})
				var came []map[string]int
				for i, p := range units {
					err := p.ConsumeLogs(context.Background(), otaptest.Clone(d))
					refused, some := errors.AsType[*call.Refused](err)
					if (err != nil) != some {
						t.Fatalf("%v", err)
					}
					sent, all := tally(each([]plog.Logs{d})), tally(each(sinks[i].take()))
					items := 0
					for x, n := range all {
						if items += n; sent[x] < n {
							t.Fatalf("%d times, %d were sent: %q", n, sent[x], x)
						}
					}
					if some {
						items += refused.Items
					}
					if items != d.LogRecordCount() {
						t.Fatalf(
							"%d of %d logs are accounted for: %v", items, d.LogRecordCount(), err,
						)
					}
					came = append(came, all)
				}
				require.Equal(t, came[0], came[1], "full decode")
			})
		})
	}
}

// Guarantees: through nodes that do not convert, traces and metrics come out equal to the byte,
// whatever they hold: bad text, values that nest deep, containers without items, and optional
// fields that hold their default.
func TestSignalsInBytesComeOutEqual(t *testing.T) {
	spec := unitOf(
		unit.Traces, unit.Strict, ofNodes(chain(node("retry", map[string]any{}))),
	)
	spans, points := new(consumertest.TracesSink), new(consumertest.MetricsSink)
	tp, mp := startTraces(t, spec, spans), startMetrics(t, spec, points)
	rapid.Check(t, func(t *rapid.T) {
		td, md := otaptest.Traces(
			t, otaptest.Options{Bad: true},
		), otaptest.Metrics(
			t, otaptest.Options{Bad: true},
		)
		want, err := new(ptrace.ProtoMarshaler).MarshalTraces(td)
		require.NoError(t, err)
		require.NoError(t, tp.ConsumeTraces(context.Background(), td))
		require.Len(t, spans.AllTraces(), 1)
		got, err := new(ptrace.ProtoMarshaler).MarshalTraces(spans.AllTraces()[0])
		require.NoError(t, err)
		require.Equal(t, want, got)
		spans.Reset()

		want, err = new(pmetric.ProtoMarshaler).MarshalMetrics(md)
		require.NoError(t, err)
		require.NoError(t, mp.ConsumeMetrics(context.Background(), md))
		require.Len(t, points.AllMetrics(), 1)
		got, err = new(pmetric.ProtoMarshaler).MarshalMetrics(points.AllMetrics()[0])
		require.NoError(t, err)
		require.Equal(t, want, got)
		points.Reset()
	})
}

// Guarantees: metrics without points, which a node of the engine drops, are counted where best
// effort lets it.
func TestMetricsWithoutPoints(t *testing.T) {
	attribute := node("attribute", map[string]any{
		"apply_to": []any{"resource"},
		"actions":  []any{map[string]any{"action": "delete", "key": "gone"}},
	})
	for name, x := range map[string]struct {
		nodes         any
		came, dropped int
	}{
		"kept":    {chain(attribute), 2, 0},
		"dropped": {chain(attribute, node("retry", map[string]any{})), 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			points := new(consumertest.MetricsSink)
			p := startMetrics(t, unitOf(
				unit.Metrics, unit.BestEffort, ofNodes(x.nodes),
			), points)
			md := pmetric.NewMetrics()
			metrics := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
			metrics.AppendEmpty().SetName("without a type")
			metrics.AppendEmpty().SetEmptyGauge()
			require.NoError(t, p.ConsumeMetrics(t.Context(), md))
			came := 0
			for _, d := range points.AllMetrics() {
				came += d.MetricCount()
			}
			require.Equal(t, x.came, came)
			require.EqualValues(t, x.dropped, p.Unit().Stats().DroppedBare)
		})
	}
}

// Guarantees: a batch over a limit crosses in parts that hold everything, what has no items too.
func TestPartsOfBytesHoldEverything(t *testing.T) {
	spec := unitOf(
		unit.Traces, unit.Strict, ofNodes(chain(node("retry", map[string]any{}))),
	)
	sink := new(consumertest.TracesSink)
	p := startTraces(t, spec, sink)
	td := ptrace.NewTraces()
	td.ResourceSpans().AppendEmpty().SetSchemaUrl("bare")
	ss := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty()
	td.ResourceSpans().At(1).ScopeSpans().AppendEmpty().Scope().SetName("bare")
	for range otap.MaxIDs + 10 {
		ss.Spans().AppendEmpty()
	}
	require.NoError(t, p.ConsumeTraces(t.Context(), td))
	require.Equal(t, otap.MaxIDs+10, sink.SpanCount())
	var resources, scopes int
	for _, d := range sink.AllTraces() {
		for _, rs := range d.ResourceSpans().All() {
			if rs.SchemaUrl() == "bare" {
				resources++
			}
			for _, ss := range rs.ScopeSpans().All() {
				if ss.Scope().Name() == "bare" {
					scopes++
				}
			}
		}
	}
	require.Equal(t, []int{1, 1}, []int{resources, scopes})
}

// Guarantees: an item that is larger than the slab is refused alone, as bytes too.
func TestOneLargeSpan(t *testing.T) {
	spec := unitOf(
		unit.Traces, unit.Strict, ofNodes(chain(node("retry", map[string]any{}))),
	)
	sink := new(consumertest.TracesSink)
	p, err := unit.NewTraces(
		spec, small(unit.DefaultTransport()), componenttest.NewNopTelemetrySettings(),
		unit.ToTraces(sink),
	)
	require.NoError(t, err)
	require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))
	defer func() { require.NoError(t, p.Shutdown(context.Background())) }()
	td := badSpans()
	td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(1).SetName(strings.Repeat("x", 2<<20))
	err = p.ConsumeTraces(t.Context(), td)
	require.ErrorIs(t, err, otap.ErrTooLarge)
	require.ErrorContains(
		t, err, "1 of 3 items refused: resource_spans[0].scope_spans[0].spans[1]: ",
	)
	require.Equal(t, 2, sink.SpanCount())
}

func startTraces(t *testing.T, s unit.Spec, next consumer.Traces) *unit.TracesConsumer {
	s.Edges = unit.Between(unit.Traces)
	p, err := unit.NewTraces(
		s, unit.DefaultTransport(), componenttest.NewNopTelemetrySettings(), unit.ToTraces(next),
	)
	require.NoError(t, err)
	require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { require.NoError(t, p.Shutdown(context.Background())) })
	return p
}

func startMetrics(t *testing.T, s unit.Spec, next consumer.Metrics) *unit.MetricsConsumer {
	s.Edges = unit.Between(unit.Metrics)
	p, err := unit.NewMetrics(
		s, unit.DefaultTransport(), componenttest.NewNopTelemetrySettings(), unit.ToMetrics(next),
	)
	require.NoError(t, err)
	require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { require.NoError(t, p.Shutdown(context.Background())) })
	return p
}

// Guarantees: through nodes that convert OTLP bytes best effort repairs text, on a copy, and
// refuses what nests too deep, alone; spans and points beside it are delivered, also where a node
// merges.
func TestOneBadSpanAndPoint(t *testing.T) {
	attribute := node(
		"attribute",
		map[string]any{
			"apply_to": []any{"resource"},
			"actions":  []any{map[string]any{"action": "delete", "key": "gone"}},
		},
	)
	for how, nodes := range map[string]any{"attribute": chain(attribute), "batch": chain(merges)} {
		t.Run(how, func(t *testing.T) {
			spec := unitOf(unit.Metrics, unit.BestEffort, ofNodes(nodes))
			spans, points := new(consumertest.TracesSink), new(consumertest.MetricsSink)
			mp := startMetrics(t, spec, points)
			spec.Members = []unit.Member{ofNodes(chain(merges))} // no node that edits takes spans
			tp := startTraces(t, spec, spans)
			td := badSpans()
			err := tp.ConsumeTraces(t.Context(), td)
			require.ErrorIs(t, err, otap.ErrDepth)
			require.ErrorContains(
				t, err,
				`1 of 3 items refused: resource_spans[0].scope_spans[0].spans[2].events[0].attributes["deep"]`,
			)
			require.Equal(t, 2, spans.SpanCount())
			require.Contains(t, names(spans.AllTraces()), "repaired \uFFFD")
			require.Equal(
				t, "repaired \xff",
				td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(1).Name(),
			)
			require.EqualValues(t, 1, tp.Unit().Stats().RepairedTexts)

			err = mp.ConsumeMetrics(t.Context(), badPoints())
			require.ErrorIs(t, err, otap.ErrDepth)
			require.ErrorContains(
				t,
				err,
				`1 of 3 items refused: resource_metrics[0].scope_metrics[0].metrics[0]`+
					`.gauge.data_points[1].attributes["deep"]`,
			)
			require.Equal(t, 2, points.DataPointCount())
		})
	}
}

func tally(all []string) map[string]int {
	out := map[string]int{}
	for _, x := range all {
		out[x]++
	}
	return out
}

func badSpans() ptrace.Traces {
	td := ptrace.NewTraces()
	spans := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	for i := range 3 {
		s := spans.AppendEmpty()
		s.SetTraceID([16]byte{1})
		s.SetSpanID([8]byte{byte(i + 1)})
		s.SetName(fmt.Sprint("span ", i))
	}
	spans.At(1).SetName("repaired \xff")
	nest(spans.At(2).Events().AppendEmpty().Attributes().PutEmpty("deep"))
	return td
}

func badPoints() pmetric.Metrics {
	md := pmetric.NewMetrics()
	m := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName("m")
	points := m.SetEmptyGauge().DataPoints()
	for i := range 3 {
		points.AppendEmpty().SetIntValue(int64(i))
	}
	nest(points.At(1).Attributes().PutEmpty("deep"))
	return md
}

func names(all []ptrace.Traces) (out []string) {
	for _, td := range all {
		for _, rs := range td.ResourceSpans().All() {
			for _, ss := range rs.ScopeSpans().All() {
				for _, s := range ss.Spans().All() {
					out = append(out, s.Name())
				}
			}
		}
	}
	return out
}
