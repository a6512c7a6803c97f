package otap_test

import (
	"errors"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/xpdata/entity"

	"github.com/strait-data/strait/go/otap"
)

const notUTF8 = "a\xff"

func badAttribute(m pcommon.Map) {
	m.PutEmptySlice("k").AppendEmpty().SetEmptyMap().PutStr("n", notUTF8)
}

func badKey(m pcommon.Map) { m.PutStr(notUTF8, "") }

// Guarantees: a walk finds every text of a span and of what it belongs to, names its place, and mends it; a fault of a
// container is one of each span in it.
func TestWalkOfTraces(t *testing.T) {
	const scope, one = "resource_spans[0].scope_spans[0].", "resource_spans[0].scope_spans[0].spans[1]."
	span := func(set func(ptrace.Span)) func(ptrace.Traces) {
		return func(td ptrace.Traces) { set(td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(1)) }
	}
	for path, spoil := range map[string]func(ptrace.Traces){
		one + "name":                                 span(func(s ptrace.Span) { s.SetName(notUTF8) }),
		one + "trace_state":                          span(func(s ptrace.Span) { s.TraceState().FromRaw(notUTF8) }),
		one + "status.message":                       span(func(s ptrace.Span) { s.Status().SetMessage(notUTF8) }),
		one + `attributes["k"]`:                      span(func(s ptrace.Span) { badAttribute(s.Attributes()) }),
		one + `attributes["a\xff"]`:                  span(func(s ptrace.Span) { badKey(s.Attributes()) }),
		one + "events[0].name":                       span(func(s ptrace.Span) { s.Events().AppendEmpty().SetName(notUTF8) }),
		one + `events[0].attributes["k"]`:            span(func(s ptrace.Span) { badAttribute(s.Events().AppendEmpty().Attributes()) }),
		one + "links[0].trace_state":                 span(func(s ptrace.Span) { s.Links().AppendEmpty().TraceState().FromRaw(notUTF8) }),
		one + `links[0].attributes["k"]`:             span(func(s ptrace.Span) { badAttribute(s.Links().AppendEmpty().Attributes()) }),
		scope + "scope.name":                         func(td ptrace.Traces) { td.ResourceSpans().At(0).ScopeSpans().At(0).Scope().SetName(notUTF8) },
		scope + "scope.version":                      func(td ptrace.Traces) { td.ResourceSpans().At(0).ScopeSpans().At(0).Scope().SetVersion(notUTF8) },
		scope + `scope.attributes["k"]`:              func(td ptrace.Traces) { badAttribute(td.ResourceSpans().At(0).ScopeSpans().At(0).Scope().Attributes()) },
		scope + "schema_url":                         func(td ptrace.Traces) { td.ResourceSpans().At(0).ScopeSpans().At(0).SetSchemaUrl(notUTF8) },
		"resource_spans[0].schema_url":               func(td ptrace.Traces) { td.ResourceSpans().At(0).SetSchemaUrl(notUTF8) },
		`resource_spans[0].resource.attributes["k"]`: func(td ptrace.Traces) { badAttribute(td.ResourceSpans().At(0).Resource().Attributes()) },
	} {
		td := ptrace.NewTraces()
		spans := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
		spans.AppendEmpty()
		spans.AppendEmpty()
		spoil(td)
		w := otap.NewWalk(otap.Strict, nil)
		w.Traces(td)
		if got := w.Fault(1); got == nil || got.Path != path || !errors.Is(got, otap.ErrText) {
			t.Errorf("%s: found %v", path, got)
		}
		of := 1 // spans that it concerns
		if !strings.HasPrefix(path, one) {
			of = 2
		}
		if w.Faults() != of || w.Items() != 2 {
			t.Errorf("%s: %d faults of %d", path, w.Faults(), w.Items())
		}
		mend := otap.Mend()
		mend.Traces(td)
		again := otap.NewWalk(otap.Strict, nil)
		again.Traces(td)
		if texts, _ := mend.Changed(); texts != 1 || !again.Clean() {
			t.Errorf("%s: %d texts mended; after it %v", path, texts, again.Fault(1))
		}
	}
}

// Guarantees: a walk finds the texts of metrics and of each kind of point; what a metric holds concerns all its points.
func TestWalkOfMetrics(t *testing.T) {
	const metric = "resource_metrics[0].scope_metrics[0].metrics[0]."
	for path, x := range map[string]struct {
		set    func(pmetric.Metric)
		faults int
	}{
		metric + "name":          {func(m pmetric.Metric) { gauge(m); m.SetName(notUTF8) }, 2},
		metric + "description":   {func(m pmetric.Metric) { gauge(m); m.SetDescription(notUTF8) }, 2},
		metric + "unit":          {func(m pmetric.Metric) { gauge(m); m.SetUnit(notUTF8) }, 2},
		metric + `metadata["k"]`: {func(m pmetric.Metric) { gauge(m); badAttribute(m.Metadata()) }, 2},
		metric + `gauge.data_points[1].attributes["k"]`: {func(m pmetric.Metric) { badAttribute(gauge(m).At(1).Attributes()) }, 1},
		metric + `gauge.data_points[0].exemplars[0].filtered_attributes["k"]`: {func(m pmetric.Metric) {
			badAttribute(gauge(m).At(0).Exemplars().AppendEmpty().FilteredAttributes())
		}, 1},
		metric + `sum.data_points[0].attributes["k"]`: {func(m pmetric.Metric) {
			badAttribute(m.SetEmptySum().DataPoints().AppendEmpty().Attributes())
		}, 1},
		metric + `histogram.data_points[0].exemplars[0].filtered_attributes["k"]`: {func(m pmetric.Metric) {
			badAttribute(m.SetEmptyHistogram().DataPoints().AppendEmpty().Exemplars().AppendEmpty().FilteredAttributes())
		}, 1},
		metric + `exponential_histogram.data_points[0].attributes["k"]`: {func(m pmetric.Metric) {
			badAttribute(m.SetEmptyExponentialHistogram().DataPoints().AppendEmpty().Attributes())
		}, 1},
		metric + `summary.data_points[0].attributes["k"]`: {func(m pmetric.Metric) {
			badAttribute(m.SetEmptySummary().DataPoints().AppendEmpty().Attributes())
		}, 1},
		`resource_metrics[0].resource.entity_refs`: {func(m pmetric.Metric) { gauge(m) }, 2},
	} {
		md := pmetric.NewMetrics()
		rm := md.ResourceMetrics().AppendEmpty()
		x.set(rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty())
		reason := otap.ErrText
		if path == `resource_metrics[0].resource.entity_refs` {
			entity.ResourceEntityRefs(rm.Resource()).AppendEmpty().SetType("host")
			reason = otap.ErrEntityRefs
		}
		w := otap.NewWalk(otap.Strict, nil)
		w.Metrics(md)
		if w.Faults() != x.faults || w.Items() != md.DataPointCount() {
			t.Errorf("%s: %d faults of %d", path, w.Faults(), w.Items())
		}
		for i := range w.Items() {
			if got := w.Fault(i); got != nil && (got.Path != path || !errors.Is(got, reason)) {
				t.Errorf("%s: found %v", path, got)
			}
		}
	}
}

func gauge(m pmetric.Metric) pmetric.NumberDataPointSlice {
	points := m.SetEmptyGauge().DataPoints()
	points.AppendEmpty()
	points.AppendEmpty()
	return points
}
