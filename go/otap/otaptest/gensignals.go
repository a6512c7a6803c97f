package otaptest

import (
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"pgregory.net/rapid"
)

// Traces draws traces of every shape, empty resources and scopes among them.
func Traces(t *rapid.T, o Options) ptrace.Traces {
	g := gen{t, o}
	td := ptrace.NewTraces()
	nested(g, 3, 4,
		func() ptrace.ResourceSpans {
			rs := td.ResourceSpans().AppendEmpty()
			g.resource(rs.Resource(), rs.SetSchemaUrl)
			return rs
		},
		func(rs ptrace.ResourceSpans) ptrace.ScopeSpans {
			ss := rs.ScopeSpans().AppendEmpty()
			g.scope(ss.Scope(), ss.SetSchemaUrl)
			return ss
		},
		func(ss ptrace.ScopeSpans) { g.span(ss.Spans().AppendEmpty()) })
	return td
}

func (g gen) span(s ptrace.Span) {
	s.SetName(g.text("name"))
	s.TraceState().FromRaw(g.text("trace state"))
	s.SetTraceID(pcommon.TraceID(g.bytes("trace id", 16)))
	s.SetSpanID(pcommon.SpanID(g.bytes("span id", 8)))
	s.SetKind(ptrace.SpanKind(g.n("kind", 5)))
	s.SetFlags(g.u32("flags"))
	s.SetStartTimestamp(g.time("start"))
	s.SetEndTimestamp(g.time("end"))
	s.Status().SetCode(ptrace.StatusCode(g.n("status", 2)))
	s.Status().SetMessage(g.text("message"))
	g.attrs(s.Attributes())
	for range g.n("events", 2) {
		e := s.Events().AppendEmpty()
		e.SetName(g.text("event name"))
		e.SetTimestamp(g.time("event time"))
		g.attrs(e.Attributes())
	}
	for range g.n("links", 2) {
		l := s.Links().AppendEmpty()
		l.SetTraceID(pcommon.TraceID(g.bytes("link's trace id", 16)))
		l.TraceState().FromRaw(g.text("link's trace state"))
		g.attrs(l.Attributes())
	}
}

// bytes draws n bytes, or zeros.
func (g gen) bytes(label string, n int) []byte {
	if g.one(label+" empty", 3) {
		return make([]byte, n)
	}
	return rapid.SliceOfN(rapid.Byte(), n, n).Draw(g.t, label)
}

// Metrics draws metrics of every type, with and without points and optional fields, empty resources
// and scopes among them.
func Metrics(t *rapid.T, o Options) pmetric.Metrics {
	g := gen{t, o}
	md := pmetric.NewMetrics()
	nested(g, 2, 3,
		func() pmetric.ResourceMetrics {
			rm := md.ResourceMetrics().AppendEmpty()
			g.resource(rm.Resource(), rm.SetSchemaUrl)
			return rm
		},
		func(rm pmetric.ResourceMetrics) pmetric.ScopeMetrics {
			sm := rm.ScopeMetrics().AppendEmpty()
			g.scope(sm.Scope(), sm.SetSchemaUrl)
			return sm
		},
		func(sm pmetric.ScopeMetrics) { g.metric(sm.Metrics().AppendEmpty()) })
	return md
}

func (g gen) metric(m pmetric.Metric) {
	m.SetName(g.text("name"))
	m.SetDescription(g.text("description"))
	m.SetUnit(g.text("unit"))
	g.attrs(m.Metadata())
	points := g.n("points", 3)
	switch g.n("type", 5) {
	case 0: // a metric without a type
	case 1:
		for s := m.SetEmptyGauge().DataPoints(); points > 0; points-- {
			g.number(s.AppendEmpty())
		}
	case 2:
		sum := m.SetEmptySum()
		sum.SetIsMonotonic(g.one("monotonic", 2))
		for ; points > 0; points-- {
			g.number(sum.DataPoints().AppendEmpty())
		}
	case 3:
		for s := m.SetEmptyHistogram().DataPoints(); points > 0; points-- {
			g.histogram(s.AppendEmpty())
		}
	case 4:
		for s := m.SetEmptyExponentialHistogram().DataPoints(); points > 0; points-- {
			g.exponential(s.AppendEmpty())
		}
	case 5:
		for s := m.SetEmptySummary().DataPoints(); points > 0; points-- {
			p := s.AppendEmpty()
			g.attrs(p.Attributes())
			p.SetSum(g.double("sum"))
			p.QuantileValues().AppendEmpty().SetQuantile(g.double("quantile"))
		}
	}
}

func (g gen) double(label string) float64 {
	return math.Float64frombits(rapid.OneOf(rapid.Just(uint64(0)), rapid.Uint64()).Draw(g.t, label))
}

func (g gen) number(p pmetric.NumberDataPoint) {
	p.SetTimestamp(g.time("time"))
	p.SetFlags(pmetric.DataPointFlags(g.u32("flags")))
	g.attrs(p.Attributes())
	switch g.n("value", 2) { // 0: none
	case 1:
		p.SetIntValue(rapid.OneOf(rapid.Just(int64(0)), rapid.Int64()).Draw(g.t, "int"))
	case 2:
		p.SetDoubleValue(g.double("double"))
	}
	for range g.n("exemplars", 1) {
		e := p.Exemplars().AppendEmpty()
		g.attrs(e.FilteredAttributes())
		e.SetDoubleValue(g.double("exemplar"))
	}
}

func (g gen) histogram(p pmetric.HistogramDataPoint) {
	g.attrs(p.Attributes())
	p.SetCount(rapid.Uint64().Draw(g.t, "count"))
	p.ExplicitBounds().Append(g.double("bound"))
	p.BucketCounts().Append(0, 1)
	if g.one("has a sum", 2) {
		p.SetSum(g.double("sum"))
	}
	if g.one("has a minimum", 2) {
		p.SetMin(g.double("min"))
	}
}

func (g gen) exponential(p pmetric.ExponentialHistogramDataPoint) {
	g.attrs(p.Attributes())
	p.SetScale(rapid.Int32().Draw(g.t, "scale"))
	p.SetZeroThreshold(g.double("zero threshold"))
	p.Positive().SetOffset(rapid.Int32().Draw(g.t, "offset"))
	p.Positive().BucketCounts().Append(0, 7)
	if g.one("has a maximum", 2) {
		p.SetMax(g.double("max"))
	}
}
