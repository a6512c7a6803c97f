package edge

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

// Signal is what has to be known of one kind of pdata to carry it. The entries of the table are
// below; nothing else here knows which signals there are.
type Signal[T any] struct {
	Cutting[T]

	number    record.Signal
	items     func(T) int
	counted   func(T) int
	inParts   bool
	size      func(T) int
	marshal   func(T) ([]byte, error)
	unmarshal func([]byte) (T, error)

	undelivered func(error, T) error
	listed      func(error) (T, bool)

	walk    func(*otap.Walk, T)
	records *records[T] // nil: this signal has no records yet
}

// Items is how many items a batch has: what it can be cut between.
func (s *Signal[T]) Items(d T) int { return s.items(d) }

// Counted is how many items the format counts: of metrics, data points.
func (s *Signal[T]) Counted(d T) int { return s.counted(d) }

// InParts says that an item has parts which are counted.
func (s *Signal[T]) InParts() bool { return s.inParts }

// Undelivered makes err one that tells its caller what a retry has to repeat.
func (s *Signal[T]) Undelivered(err error, rest T) error { return s.undelivered(err, rest) }

// Listed gives the items that were not delivered, where an error lists them.
func (s *Signal[T]) Listed(err error) (T, bool) { return s.listed(err) }

// Mend repairs d as best effort does, and says how many texts and entity references that were.
func (s *Signal[T]) Mend(d T) (texts, entityRefs int) {
	w := otap.Mend()
	s.walk(w, d)
	return w.Changed()
}

// listedIn looks for an error E of package consumererror.
func listedIn[E interface {
	error
	Data() T
}, T any](err error) (d T, ok bool) {
	e, ok := errors.AsType[E](err)
	if ok {
		d = e.Data()
	}
	return d, ok
}

// Logs are log records, which cross as records of OTAP.
var Logs = &Signal[plog.Logs]{
	Cutting: newTree(plog.NewLogs, plog.Logs.ResourceLogs, plog.ResourceLogs.ScopeLogs,
		plog.ScopeLogs.LogRecords, [3]string{"resource_logs", "scope_logs", "log_records"}, nil),
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
	listed:      listedIn[consumererror.Logs, plog.Logs],
	walk:        (*otap.Walk).Logs,
	records:     logRecords,
}

// Traces are spans.
var Traces = &Signal[ptrace.Traces]{
	Cutting: newTree(ptrace.NewTraces, ptrace.Traces.ResourceSpans, ptrace.ResourceSpans.ScopeSpans,
		ptrace.ScopeSpans.Spans, [3]string{"resource_spans", "scope_spans", "spans"}, nil),
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
	listed:      listedIn[consumererror.Traces, ptrace.Traces],
	walk:        (*otap.Walk).Traces,
}

// Metrics are metrics, of which the data points are counted. A metric's points stay together.
var Metrics = &Signal[pmetric.Metrics]{
	Cutting: newTree(pmetric.NewMetrics, pmetric.Metrics.ResourceMetrics,
		pmetric.ResourceMetrics.ScopeMetrics, pmetric.ScopeMetrics.Metrics,
		[3]string{"resource_metrics", "scope_metrics", "metrics"}, thinMetric),
	number:  record.SignalMetrics,
	items:   pmetric.Metrics.MetricCount,
	counted: pmetric.Metrics.DataPointCount,
	inParts: true,
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
	listed:      listedIn[consumererror.Metrics, pmetric.Metrics],
	walk:        (*otap.Walk).Metrics,
}
