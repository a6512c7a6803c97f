package unit

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/unit/call"
	"github.com/strait-data/strait/go/unit/edge"
)

// Processor is a unit with one edge in and one out, of the same signal: what a Collector's
// processor is made of. NewLogs, NewTraces and NewMetrics make one.
type Processor[T any] struct {
	unit    *Unit
	calls   *call.Caller[T]
	mutates bool
}

// newProcessor asks Rust what the unit reads and changes, and starts nothing.
func newProcessor[T any](
	spec Spec, t Transport, set component.TelemetrySettings,
	s *edge.Signal[T], next func(context.Context, T) error,
) (Processor[T], error) {
	var p Processor[T]
	report, err := reportOf(spec)
	if err != nil {
		return p, err
	}
	o, err := crossing(&spec, &t, report.Edge(In))
	if err != nil {
		return p, err
	}
	in, err := edge.NewIn(s, o)
	if err != nil {
		return p, err
	}
	out := edge.NewOut(s, spec.edge(Out).Number, o.Records, next)
	p.unit, p.mutates = New(spec, t, set), in.Mutates()
	p.calls = call.NewCaller(spec.ID, in, out, lanesOf{p.unit}, &p.unit.stats)
	return p, nil
}

// crossing is how batches cross the edge in, by what Rust says of it and what the transport asks
// for.
func crossing(spec *Spec, t *Transport, in EdgeReport) (edge.Options, error) {
	o := edge.Options{
		Number: spec.edge(In).Number, Fidelity: spec.Fidelity.ofRecords(),
		Records: in.Encoding == Records, Converts: in.Converts, Plan: in.Plan, Whole: t.FullDecode,
	}
	if !o.Records || !t.OTLPBytes {
		return o, nil
	}
	if spec.Fidelity != BestEffort {
		return o, fmt.Errorf("OTLP bytes through nodes that convert need fidelity %q, found %q",
			BestEffort, spec.Fidelity)
	}
	o.Records, o.Converts = false, true
	return o, nil
}

// reportOf asks Rust about a spec. A program without its Rust part learns nothing, and can still be
// built and validated; Start is where it says what to do.
func reportOf(spec Spec) (*Report, error) {
	report, err := Validate(spec)
	if errors.Is(err, control.ErrNoPeer) {
		return &Report{}, nil
	}
	return report, err
}

// Start makes the unit and its links; on an error nothing stays open.
func (p *Processor[T]) Start(ctx context.Context, host component.Host) error {
	return p.unit.Start(ctx, host, p.calls)
}

// Shutdown drains what is in flight and closes everything; safe without Start, and twice.
func (p *Processor[T]) Shutdown(ctx context.Context) error { return p.unit.Shutdown(ctx) }

// Unit gives access to counters.
func (p *Processor[T]) Unit() *Unit { return p.unit }

// Capabilities: batches are changed in place exactly where a difference is applied to them.
func (p *Processor[T]) Capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: p.mutates}
}

// LogsProcessor is a unit between logs and logs.
type LogsProcessor struct{ Processor[plog.Logs] }

// NewLogs makes a logs processor of a unit. It starts nothing.
func NewLogs(
	spec Spec, t Transport, set component.TelemetrySettings, next consumer.Logs,
) (*LogsProcessor, error) {
	p, err := newProcessor(spec, t, set, edge.Logs, next.ConsumeLogs)
	return &LogsProcessor{p}, err
}

// ConsumeLogs sends logs through the unit; see call.Caller.
func (p *LogsProcessor) ConsumeLogs(ctx context.Context, d plog.Logs) error {
	return p.calls.Call(ctx, d)
}

// TracesProcessor is a unit between traces and traces.
type TracesProcessor struct{ Processor[ptrace.Traces] }

// NewTraces makes a traces processor of a unit. It starts nothing.
func NewTraces(
	spec Spec, t Transport, set component.TelemetrySettings, next consumer.Traces,
) (*TracesProcessor, error) {
	p, err := newProcessor(spec, t, set, edge.Traces, next.ConsumeTraces)
	return &TracesProcessor{p}, err
}

// ConsumeTraces sends traces through the unit; see call.Caller.
func (p *TracesProcessor) ConsumeTraces(ctx context.Context, d ptrace.Traces) error {
	return p.calls.Call(ctx, d)
}

// MetricsProcessor is a unit between metrics and metrics.
type MetricsProcessor struct{ Processor[pmetric.Metrics] }

// NewMetrics makes a metrics processor of a unit. It starts nothing.
func NewMetrics(
	spec Spec, t Transport, set component.TelemetrySettings, next consumer.Metrics,
) (*MetricsProcessor, error) {
	p, err := newProcessor(spec, t, set, edge.Metrics, next.ConsumeMetrics)
	return &MetricsProcessor{p}, err
}

// ConsumeMetrics sends metrics through the unit; see call.Caller.
func (p *MetricsProcessor) ConsumeMetrics(ctx context.Context, d pmetric.Metrics) error {
	return p.calls.Call(ctx, d)
}
