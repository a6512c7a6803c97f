package unit

import (
	"fmt"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Places of items, as errors name them.

func placeOfLog(d plog.Logs, item int) string {
	for r, rl := range d.ResourceLogs().All() {
		for s, sl := range rl.ScopeLogs().All() {
			if n := sl.LogRecords().Len(); item >= n {
				item -= n
				continue
			}
			return fmt.Sprintf("resource_logs[%d].scope_logs[%d].log_records[%d]", r, s, item)
		}
	}
	return "logs"
}

func placeOfSpan(d ptrace.Traces, item int) string {
	for r, rs := range d.ResourceSpans().All() {
		for s, ss := range rs.ScopeSpans().All() {
			if n := ss.Spans().Len(); item >= n {
				item -= n
				continue
			}
			return fmt.Sprintf("resource_spans[%d].scope_spans[%d].spans[%d]", r, s, item)
		}
	}
	return "traces"
}

func placeOfMetric(d pmetric.Metrics, item int) string {
	for r, rm := range d.ResourceMetrics().All() {
		for s, sm := range rm.ScopeMetrics().All() {
			if n := sm.Metrics().Len(); item >= n {
				item -= n
				continue
			}
			return fmt.Sprintf("resource_metrics[%d].scope_metrics[%d].metrics[%d]", r, s, item)
		}
	}
	return "metrics"
}
