package unit

import (
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// window walks items in order and says which of them lie in [from, to); a container is copied once
// its first item does. Splitting is rare (a batch over the limits of records), so it copies.
type window struct{ at, from, to int }

// overlap is the part of the next n items that lies in the window, relative to them.
func (w *window) overlap(n int) (from, to int) {
	from, to = max(w.from-w.at, 0), min(w.to-w.at, n)
	w.at += n
	return from, max(from, to)
}

func sliceLogs(d plog.Logs, from, to int) plog.Logs {
	out, w := plog.NewLogs(), window{from: from, to: to}
	for _, rl := range d.ResourceLogs().All() {
		var ro plog.ResourceLogs
		started := false
		for _, sl := range rl.ScopeLogs().All() {
			a, b := w.overlap(sl.LogRecords().Len())
			if a == b {
				continue
			}
			if !started {
				started, ro = true, out.ResourceLogs().AppendEmpty()
				rl.Resource().CopyTo(ro.Resource())
				ro.SetSchemaUrl(rl.SchemaUrl())
			}
			so := ro.ScopeLogs().AppendEmpty()
			sl.Scope().CopyTo(so.Scope())
			so.SetSchemaUrl(sl.SchemaUrl())
			for i := a; i < b; i++ {
				sl.LogRecords().At(i).CopyTo(so.LogRecords().AppendEmpty())
			}
		}
	}
	return out
}

func sliceTraces(d ptrace.Traces, from, to int) ptrace.Traces {
	out, w := ptrace.NewTraces(), window{from: from, to: to}
	for _, rs := range d.ResourceSpans().All() {
		var ro ptrace.ResourceSpans
		started := false
		for _, ss := range rs.ScopeSpans().All() {
			a, b := w.overlap(ss.Spans().Len())
			if a == b {
				continue
			}
			if !started {
				started, ro = true, out.ResourceSpans().AppendEmpty()
				rs.Resource().CopyTo(ro.Resource())
				ro.SetSchemaUrl(rs.SchemaUrl())
			}
			so := ro.ScopeSpans().AppendEmpty()
			ss.Scope().CopyTo(so.Scope())
			so.SetSchemaUrl(ss.SchemaUrl())
			for i := a; i < b; i++ {
				ss.Spans().At(i).CopyTo(so.Spans().AppendEmpty())
			}
		}
	}
	return out
}

// sliceMetrics cuts between metrics: a metric's data points stay together.
func sliceMetrics(d pmetric.Metrics, from, to int) pmetric.Metrics {
	out, w := pmetric.NewMetrics(), window{from: from, to: to}
	for _, rm := range d.ResourceMetrics().All() {
		var ro pmetric.ResourceMetrics
		started := false
		for _, sm := range rm.ScopeMetrics().All() {
			a, b := w.overlap(sm.Metrics().Len())
			if a == b {
				continue
			}
			if !started {
				started, ro = true, out.ResourceMetrics().AppendEmpty()
				rm.Resource().CopyTo(ro.Resource())
				ro.SetSchemaUrl(rm.SchemaUrl())
			}
			so := ro.ScopeMetrics().AppendEmpty()
			sm.Scope().CopyTo(so.Scope())
			so.SetSchemaUrl(sm.SchemaUrl())
			for i := a; i < b; i++ {
				sm.Metrics().At(i).CopyTo(so.Metrics().AppendEmpty())
			}
		}
	}
	return out
}
