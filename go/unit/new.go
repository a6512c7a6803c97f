package unit

import (
	"context"
	"errors"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/otap"
)

// LogsProcessor is a unit between logs and logs.
type LogsProcessor struct {
	Processor[plog.Logs]
	projection *otap.Projection
	mutates    bool
}

// NewLogs makes a logs processor of a unit. It asks Rust what the unit reads and changes, and
// starts nothing.
func NewLogs(
	spec Spec, t Transport, set component.TelemetrySettings, next consumer.Logs,
) (*LogsProcessor, error) {
	report, err := reportOf(spec)
	if err != nil {
		return nil, err
	}
	p := &LogsProcessor{Processor: Processor[plog.Logs]{
		unit: New(spec, t, set), signal: &logsSignal, next: next.ConsumeLogs,
	}}
	p.mutates, err = p.choose(report, t)
	return p, err
}

// ConsumeLogs sends logs through the unit; see Processor.Consume.
func (p *LogsProcessor) ConsumeLogs(ctx context.Context, d plog.Logs) error {
	return p.Consume(ctx, d)
}

// Capabilities: logs are changed in place exactly where a difference is applied to them.
func (p *LogsProcessor) Capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: p.mutates}
}

// TracesProcessor is a unit between traces and traces.
type TracesProcessor struct{ Processor[ptrace.Traces] }

// NewTraces makes a traces processor of a unit. It asks Rust whether the unit is valid, and starts
// nothing.
func NewTraces(
	spec Spec, t Transport, set component.TelemetrySettings, next consumer.Traces,
) (*TracesProcessor, error) {
	report, err := reportOf(spec)
	if err != nil {
		return nil, err
	}
	p := &TracesProcessor{Processor[ptrace.Traces]{
		unit: New(spec, t, set), signal: &tracesSignal, next: next.ConsumeTraces,
	}}
	p.carryOTLP(report.Edge(In).Converts)
	return p, nil
}

// ConsumeTraces sends traces through the unit; see Processor.Consume.
func (p *TracesProcessor) ConsumeTraces(ctx context.Context, d ptrace.Traces) error {
	return p.Consume(ctx, d)
}

// Capabilities: what comes out is new data; the original is not touched.
func (*TracesProcessor) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

// MetricsProcessor is a unit between metrics and metrics.
type MetricsProcessor struct{ Processor[pmetric.Metrics] }

// NewMetrics makes a metrics processor of a unit. It asks Rust whether the unit is valid, and
// starts nothing.
func NewMetrics(
	spec Spec, t Transport, set component.TelemetrySettings, next consumer.Metrics,
) (*MetricsProcessor, error) {
	report, err := reportOf(spec)
	if err != nil {
		return nil, err
	}
	p := &MetricsProcessor{Processor[pmetric.Metrics]{
		unit: New(spec, t, set), signal: &metricsSignal, next: next.ConsumeMetrics,
	}}
	p.carryOTLP(report.Edge(In).Converts)
	return p, nil
}

// ConsumeMetrics sends metrics through the unit; see Processor.Consume.
func (p *MetricsProcessor) ConsumeMetrics(ctx context.Context, d pmetric.Metrics) error {
	return p.Consume(ctx, d)
}

// Capabilities: what comes out is new data; the original is not touched.
func (*MetricsProcessor) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

// reportOf asks Rust about a spec. A program without its Rust part learns nothing, and can still be
// built and validated; Start is where it says what to do.
func reportOf(spec Spec) (*Report, error) {
	report, err := Validate(spec)
	if errors.Is(err, control.ErrNoPeer) {
		return &Report{}, nil
	}
	return report, err
}
