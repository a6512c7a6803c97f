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
	// lists says whether an error lists items that were not delivered.
	lists func(error) bool
	// slice copies items [from, to) with their containers.
	slice func(d T, from, to int) T
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
	lists:       func(err error) bool { return errors.As(err, new(consumererror.Logs)) },
	slice:       sliceLogs,
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
	lists:       func(err error) bool { return errors.As(err, new(consumererror.Traces)) },
	slice:       sliceTraces,
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
	lists:       func(err error) bool { return errors.As(err, new(consumererror.Metrics)) },
	slice:       sliceMetrics,
}
