package unit

import (
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Picking copies some items of a batch, with their containers, in order. Items are counted as the
// format counts them (signalOf.counted). Picking is rare (an item cannot cross), so it copies
// everything first.

// counter gives each item its number, and says whether it goes.
type counter struct {
	next int
	keep func(int) bool
}

func (c *counter) drop() bool {
	c.next++
	return !c.keep(c.next - 1)
}

// pickLogs copies the log records that keep names. A container without records stays out.
func pickLogs(d plog.Logs, keep func(int) bool) plog.Logs {
	out, c := plog.NewLogs(), counter{keep: keep}
	d.CopyTo(out)
	out.ResourceLogs().RemoveIf(func(rl plog.ResourceLogs) bool {
		rl.ScopeLogs().RemoveIf(func(sl plog.ScopeLogs) bool {
			sl.LogRecords().RemoveIf(func(plog.LogRecord) bool { return c.drop() })
			return sl.LogRecords().Len() == 0
		})
		return rl.ScopeLogs().Len() == 0
	})
	return out
}

// pickTraces copies the spans that keep names. A container without spans stays out.
func pickTraces(d ptrace.Traces, keep func(int) bool) ptrace.Traces {
	out, c := ptrace.NewTraces(), counter{keep: keep}
	d.CopyTo(out)
	out.ResourceSpans().RemoveIf(func(rs ptrace.ResourceSpans) bool {
		rs.ScopeSpans().RemoveIf(func(ss ptrace.ScopeSpans) bool {
			ss.Spans().RemoveIf(func(ptrace.Span) bool { return c.drop() })
			return ss.Spans().Len() == 0
		})
		return rs.ScopeSpans().Len() == 0
	})
	return out
}

// pickMetrics copies the data points that keep names; -1 stands for a metric that has none. A
// container without metrics stays out.
func pickMetrics(d pmetric.Metrics, keep func(int) bool) pmetric.Metrics {
	out, c := pmetric.NewMetrics(), counter{keep: keep}
	d.CopyTo(out)
	out.ResourceMetrics().RemoveIf(func(rm pmetric.ResourceMetrics) bool {
		rm.ScopeMetrics().RemoveIf(func(sm pmetric.ScopeMetrics) bool {
			sm.Metrics().RemoveIf(func(m pmetric.Metric) bool { return pickPoints(m, &c) })
			return sm.Metrics().Len() == 0
		})
		return rm.ScopeMetrics().Len() == 0
	})
	return out
}

// pickPoints removes points of a metric, and says whether it lost all.
func pickPoints(m pmetric.Metric, c *counter) bool {
	before, after := 0, 0
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		s := m.Gauge().DataPoints()
		before = s.Len()
		s.RemoveIf(func(pmetric.NumberDataPoint) bool { return c.drop() })
		after = s.Len()
	case pmetric.MetricTypeSum:
		s := m.Sum().DataPoints()
		before = s.Len()
		s.RemoveIf(func(pmetric.NumberDataPoint) bool { return c.drop() })
		after = s.Len()
	case pmetric.MetricTypeHistogram:
		s := m.Histogram().DataPoints()
		before = s.Len()
		s.RemoveIf(func(pmetric.HistogramDataPoint) bool { return c.drop() })
		after = s.Len()
	case pmetric.MetricTypeExponentialHistogram:
		s := m.ExponentialHistogram().DataPoints()
		before = s.Len()
		s.RemoveIf(func(pmetric.ExponentialHistogramDataPoint) bool { return c.drop() })
		after = s.Len()
	case pmetric.MetricTypeSummary:
		s := m.Summary().DataPoints()
		before = s.Len()
		s.RemoveIf(func(pmetric.SummaryDataPoint) bool { return c.drop() })
		after = s.Len()
	}
	if before == 0 {
		return !c.keep(-1)
	}
	return after == 0
}

// bareLogs copies the resources and scopes without log records.
func bareLogs(d plog.Logs) plog.Logs {
	out := plog.NewLogs()
	d.CopyTo(out)
	out.ResourceLogs().RemoveIf(func(rl plog.ResourceLogs) bool {
		if rl.ScopeLogs().Len() == 0 {
			return false
		}
		rl.ScopeLogs().RemoveIf(func(sl plog.ScopeLogs) bool { return sl.LogRecords().Len() > 0 })
		return rl.ScopeLogs().Len() == 0
	})
	return out
}

// bareTraces copies the resources and scopes without spans.
func bareTraces(d ptrace.Traces) ptrace.Traces {
	out := ptrace.NewTraces()
	d.CopyTo(out)
	out.ResourceSpans().RemoveIf(func(rs ptrace.ResourceSpans) bool {
		if rs.ScopeSpans().Len() == 0 {
			return false
		}
		rs.ScopeSpans().RemoveIf(func(ss ptrace.ScopeSpans) bool { return ss.Spans().Len() > 0 })
		return rs.ScopeSpans().Len() == 0
	})
	return out
}

// bareMetrics copies the resources and scopes without metrics.
func bareMetrics(d pmetric.Metrics) pmetric.Metrics {
	out := pmetric.NewMetrics()
	d.CopyTo(out)
	out.ResourceMetrics().RemoveIf(func(rm pmetric.ResourceMetrics) bool {
		if rm.ScopeMetrics().Len() == 0 {
			return false
		}
		rm.ScopeMetrics().
			RemoveIf(func(sm pmetric.ScopeMetrics) bool { return sm.Metrics().Len() > 0 })
		return rm.ScopeMetrics().Len() == 0
	})
	return out
}
