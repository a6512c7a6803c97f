package unit

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"google.golang.org/grpc/codes"
)

// exported is what an exporter in a unit of several has done, as Rust counts it: log records, spans
// or data points.
type exported struct {
	Sent          uint64    `json:"sent"`
	Failed        []givenUp `json:"failed"`
	EnqueueFailed uint64    `json:"enqueue_failed"`
	InFlight      uint64    `json:"in_flight"`
	// Queue is nil where there is none.
	Queue *queueLevel `json:"queue"`
}

// givenUp is what was given up for one kind of error.
type givenUp struct {
	// Error is "shutdown", "cancelled", "deadline", "grpc" or "other".
	Error     string     `json:"error"`
	Code      codes.Code `json:"code"`
	Permanent bool       `json:"permanent"`
	Items     uint64     `json:"items"`
}

// queueLevel is what a queue holds, in its own unit.
type queueLevel struct {
	Size     uint64 `json:"size"`
	Capacity uint64 `json:"capacity"`
}

// exportedFunc is what an exporter has done; nil: it has not begun.
type exportedFunc func() *exported

// errorTypes are the exporter helper's names of errors.
var errorTypes = map[string]string{
	"shutdown": "Shutdown", "cancelled": "Canceled", "deadline": "Deadline_Exceeded",
	"other": "_OTHER",
}

// attributes are those of what was given up.
func (f *givenUp) attributes(exporter attribute.KeyValue) metric.MeasurementOption {
	errorType := errorTypes[f.Error]
	if f.Error == "grpc" {
		errorType = f.Code.String()
	}
	return metric.WithAttributeSet(attribute.NewSet(exporter,
		attribute.String("error.type", errorType), attribute.Bool("error.permanent", f.Permanent)))
}

// exportedMetrics are what the Collector's exporter helper counts of a signal.
var exportedMetrics = map[Signal]struct{ sent, failed, enqueueFailed register }{
	Logs: {
		(*builder).RegisterExporterSentLogRecordsCallback,
		(*builder).RegisterExporterSendFailedLogRecordsCallback,
		(*builder).RegisterExporterEnqueueFailedLogRecordsCallback,
	},
	Traces: {
		(*builder).RegisterExporterSentSpansCallback,
		(*builder).RegisterExporterSendFailedSpansCallback,
		(*builder).RegisterExporterEnqueueFailedSpansCallback,
	},
	Metrics: {
		(*builder).RegisterExporterSentMetricPointsCallback,
		(*builder).RegisterExporterSendFailedMetricPointsCallback,
		(*builder).RegisterExporterEnqueueFailedMetricPointsCallback,
	},
}

// observeExported shows what an exporter in a unit of several has done as the exporter helper does:
// what was sent once something was sent or given up, and the rest once there is some.
func observeExported(b *builder, id string, signal Signal, read exportedFunc) error {
	exporter := attribute.String("exporter", id)
	alone := metric.WithAttributeSet(attribute.NewSet(exporter))
	typed := metric.WithAttributeSet(
		attribute.NewSet(exporter, attribute.String("data_type", string(signal))))
	observe := func(what func(*exported, metric.Int64Observer)) metric.Int64Callback {
		return func(_ context.Context, o metric.Int64Observer) error {
			if e := read(); e != nil {
				what(e, o)
			}
			return nil
		}
	}
	m := exportedMetrics[signal]
	return errors.Join(
		m.sent(b, observe(func(e *exported, o metric.Int64Observer) {
			if e.Sent > 0 || len(e.Failed) > 0 {
				o.Observe(int64(e.Sent), alone)
			}
		})),
		m.failed(b, observe(func(e *exported, o metric.Int64Observer) {
			for _, f := range e.Failed {
				o.Observe(int64(f.Items), f.attributes(exporter))
			}
		})),
		m.enqueueFailed(b, observe(func(e *exported, o metric.Int64Observer) {
			if e.EnqueueFailed > 0 {
				o.Observe(int64(e.EnqueueFailed), alone)
			}
		})),
		b.RegisterExporterInFlightRequestsCallback(observe(func(e *exported, o metric.Int64Observer) {
			if e.InFlight > 0 || e.Sent > 0 || len(e.Failed) > 0 {
				o.Observe(int64(e.InFlight), typed)
			}
		})),
		b.RegisterExporterQueueSizeCallback(observe(func(e *exported, o metric.Int64Observer) {
			if e.Queue != nil {
				o.Observe(int64(e.Queue.Size), typed)
			}
		})),
		b.RegisterExporterQueueCapacityCallback(observe(func(e *exported, o metric.Int64Observer) {
			if e.Queue != nil {
				o.Observe(int64(e.Queue.Capacity), typed)
			}
		})),
	)
}
