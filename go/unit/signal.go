package unit

import (
	"errors"

	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/strait-data/strait/go/otap"
	"github.com/strait-data/strait/go/record"
)

// signalOf is what a unit has to know of one kind of pdata to carry it as OTLP bytes.
type signalOf[T any] struct {
	number    record.Signal
	items     func(T) int // what a batch can be cut between
	counted   func(T) int // what the format counts as items
	size      func(T) int
	marshal   func(T) ([]byte, error)
	unmarshal func([]byte) (T, error)
	// undelivered wraps an error with the rest that a retry has to repeat.
	undelivered func(error, T) error
	// listed gives the items that were not delivered, where an error lists them.
	listed func(error) (T, bool)
	// slice copies items [from, to) with their containers.
	slice func(d T, from, to int) T

	// walk judges everything of a batch.
	walk func(*otap.Walk, T)
	// pick copies the counted items that keep names, with their containers.
	pick func(d T, keep func(int) bool) T
	// bare copies the containers without items.
	bare func(T) T
	// resources is how many resources there are, with items or without.
	resources func(T) int
	// join moves everything of the second to the end of the first.
	join  func(T, T)
	empty func() T
	// place names an item.
	place func(d T, item int) string
	// after is the cursor behind the first item at or after another; nil: no records are made of
	// this signal.
	after func(T, otap.Cursor) otap.Cursor
	// inParts says that an item has parts which are counted: metrics.
	inParts bool
}

var logsSignal = signalOf[plog.Logs]{
	number:  record.SignalLogs,
	items:   plog.Logs.LogRecordCount,
	counted: plog.Logs.LogRecordCount,
	size:    new(plog.ProtoMarshaler).LogsSize,
	marshal: func(d plog.Logs) ([]byte, error) {
		return plogotlp.NewExportRequestFromLogs(d).MarshalProto()
	},
	unmarshal: func(b []byte) (plog.Logs, error) {
		r := plogotlp.NewExportRequest()
		err := r.UnmarshalProto(b)
		return r.Logs(), err
	},
	undelivered: func(err error, d plog.Logs) error { return consumererror.NewLogs(err, d) },
	listed: func(err error) (plog.Logs, bool) {
		e, ok := errors.AsType[consumererror.Logs](err)
		if !ok {
			return plog.Logs{}, false
		}
		return e.Data(), true
	},
	slice:     sliceLogs,
	walk:      (*otap.Walk).Logs,
	pick:      pickLogs,
	bare:      bareLogs,
	resources: func(d plog.Logs) int { return d.ResourceLogs().Len() },
	join:      func(to, from plog.Logs) { from.ResourceLogs().MoveAndAppendTo(to.ResourceLogs()) },
	empty:     plog.NewLogs,
	place:     placeOfLog,
	after:     func(d plog.Logs, c otap.Cursor) otap.Cursor { return c.After(d) },
}

var tracesSignal = signalOf[ptrace.Traces]{
	number:  record.SignalTraces,
	items:   ptrace.Traces.SpanCount,
	counted: ptrace.Traces.SpanCount,
	size:    new(ptrace.ProtoMarshaler).TracesSize,
	marshal: func(d ptrace.Traces) ([]byte, error) {
		return ptraceotlp.NewExportRequestFromTraces(d).MarshalProto()
	},
	unmarshal: func(b []byte) (ptrace.Traces, error) {
		r := ptraceotlp.NewExportRequest()
		err := r.UnmarshalProto(b)
		return r.Traces(), err
	},
	undelivered: func(err error, d ptrace.Traces) error { return consumererror.NewTraces(err, d) },
	listed: func(err error) (ptrace.Traces, bool) {
		e, ok := errors.AsType[consumererror.Traces](err)
		if !ok {
			return ptrace.Traces{}, false
		}
		return e.Data(), true
	},
	slice:     sliceTraces,
	walk:      (*otap.Walk).Traces,
	pick:      pickTraces,
	bare:      bareTraces,
	resources: func(d ptrace.Traces) int { return d.ResourceSpans().Len() },
	join:      func(to, from ptrace.Traces) { from.ResourceSpans().MoveAndAppendTo(to.ResourceSpans()) },
	empty:     ptrace.NewTraces,
	place:     placeOfSpan,
}

var metricsSignal = signalOf[pmetric.Metrics]{
	number:  record.SignalMetrics,
	items:   pmetric.Metrics.MetricCount,
	counted: pmetric.Metrics.DataPointCount,
	size:    new(pmetric.ProtoMarshaler).MetricsSize,
	marshal: func(d pmetric.Metrics) ([]byte, error) {
		return pmetricotlp.NewExportRequestFromMetrics(d).MarshalProto()
	},
	unmarshal: func(b []byte) (pmetric.Metrics, error) {
		r := pmetricotlp.NewExportRequest()
		err := r.UnmarshalProto(b)
		return r.Metrics(), err
	},
	undelivered: func(err error, d pmetric.Metrics) error { return consumererror.NewMetrics(err, d) },
	listed: func(err error) (pmetric.Metrics, bool) {
		e, ok := errors.AsType[consumererror.Metrics](err)
		if !ok {
			return pmetric.Metrics{}, false
		}
		return e.Data(), true
	},
	slice:     sliceMetrics,
	walk:      (*otap.Walk).Metrics,
	pick:      pickMetrics,
	bare:      bareMetrics,
	resources: func(d pmetric.Metrics) int { return d.ResourceMetrics().Len() },
	join:      func(to, from pmetric.Metrics) { from.ResourceMetrics().MoveAndAppendTo(to.ResourceMetrics()) },
	empty:     pmetric.NewMetrics,
	place:     placeOfMetric,
	inParts:   true,
}
