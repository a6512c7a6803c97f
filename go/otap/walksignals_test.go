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

const (
	inScope = "resource_spans[0].scope_spans[0]."
	inSpan  = inScope + "spans[1]."
)

func inOne(set func(ptrace.Span)) func(ptrace.ResourceSpans) {
	return func(rs ptrace.ResourceSpans) { set(rs.ScopeSpans().At(0).Spans().At(1)) }
}

// badSpans put a text that is not UTF-8 into the place that they are named by.
var badSpans = map[string]func(ptrace.ResourceSpans){
	inSpan + "name": inOne(func(s ptrace.Span) {
		s.SetName(notUTF8)
	}),
	inSpan + "trace_state": inOne(func(s ptrace.Span) {
		s.TraceState().FromRaw(notUTF8)
	}),
	inSpan + "status.message": inOne(func(s ptrace.Span) {
		s.Status().SetMessage(notUTF8)
	}),
	inSpan + `attributes["k"]`: inOne(func(s ptrace.Span) {
		badAttribute(s.Attributes())
	}),
	inSpan + `attributes["a\xff"]`: inOne(func(s ptrace.Span) {
		badKey(s.Attributes())
	}),
	inSpan + "events[0].name": inOne(func(s ptrace.Span) {
		s.Events().AppendEmpty().SetName(notUTF8)
	}),
	inSpan + `events[0].attributes["k"]`: inOne(func(s ptrace.Span) {
		badAttribute(s.Events().AppendEmpty().Attributes())
	}),
	inSpan + "links[0].trace_state": inOne(func(s ptrace.Span) {
		s.Links().AppendEmpty().TraceState().FromRaw(notUTF8)
	}),
	inSpan + `links[0].attributes["k"]`: inOne(func(s ptrace.Span) {
		badAttribute(s.Links().AppendEmpty().Attributes())
	}),
	inScope + "scope.name": func(rs ptrace.ResourceSpans) {
		rs.ScopeSpans().At(0).Scope().SetName(notUTF8)
	},
	inScope + "scope.version": func(rs ptrace.ResourceSpans) {
		rs.ScopeSpans().At(0).Scope().SetVersion(notUTF8)
	},
	inScope + `scope.attributes["k"]`: func(rs ptrace.ResourceSpans) {
		badAttribute(rs.ScopeSpans().At(0).Scope().Attributes())
	},
	inScope + "schema_url": func(rs ptrace.ResourceSpans) {
		rs.ScopeSpans().At(0).SetSchemaUrl(notUTF8)
	},
	"resource_spans[0].schema_url": func(rs ptrace.ResourceSpans) {
		rs.SetSchemaUrl(notUTF8)
	},
	`resource_spans[0].resource.attributes["k"]`: func(rs ptrace.ResourceSpans) {
		badAttribute(rs.Resource().Attributes())
	},
}

// Guarantees: a walk finds every text of a span and of what it belongs to, names its place, and
// mends it; a fault of a container is one of each span in it.
func TestWalkOfTraces(t *testing.T) {
	for path, spoil := range badSpans {
		td := ptrace.NewTraces()
		spans := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
		spans.AppendEmpty()
		spans.AppendEmpty()
		spoil(td.ResourceSpans().At(0))
		w := otap.NewWalk(otap.Strict, nil)
		w.Traces(td)
		if got := w.Fault(1); got == nil || got.Path != path || !errors.Is(got, otap.ErrText) {
			t.Errorf("%s: found %v", path, got)
		}
		of := 1 // spans that it concerns
		if !strings.HasPrefix(path, inSpan) {
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

// Guarantees: a walk finds the texts of metrics and of each kind of point; what a metric holds
// concerns all its points.
func TestWalkOfMetrics(t *testing.T) {
	const metric = "resource_metrics[0].scope_metrics[0].metrics[0]."
	const exemplar = `exemplars[0].filtered_attributes["k"]`
	for path, x := range map[string]struct {
		set    func(pmetric.Metric)
		faults int
	}{
		metric + "name": {func(m pmetric.Metric) { gauge(m); m.SetName(notUTF8) }, 2},
		metric + "description": {func(m pmetric.Metric) {
			gauge(m)
			m.SetDescription(notUTF8)
		}, 2},
		metric + "unit": {func(m pmetric.Metric) { gauge(m); m.SetUnit(notUTF8) }, 2},
		metric + `metadata["k"]`: {func(m pmetric.Metric) {
			gauge(m)
			badAttribute(m.Metadata())
		}, 2},
		metric + `gauge.data_points[1].attributes["k"]`: {func(m pmetric.Metric) {
			badAttribute(gauge(m).At(1).Attributes())
		}, 1},
		metric + `gauge.data_points[0].` + exemplar: {func(m pmetric.Metric) {
			badAttribute(gauge(m).At(0).Exemplars().AppendEmpty().FilteredAttributes())
		}, 1},
		metric + `sum.data_points[0].attributes["k"]`: {func(m pmetric.Metric) {
			badAttribute(m.SetEmptySum().DataPoints().AppendEmpty().Attributes())
		}, 1},
		metric + `histogram.data_points[0].` + exemplar: {func(m pmetric.Metric) {
			point := m.SetEmptyHistogram().DataPoints().AppendEmpty()
			badAttribute(point.Exemplars().AppendEmpty().FilteredAttributes())
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
