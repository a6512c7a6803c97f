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

// Consumer is a unit with an edge in: what a Collector's processor is made of, or its exporter,
// which has no edge out, or its connector, whose edge out may be of another signal. What is read
// and changed in place is a processor's alone: what another sends out is a batch of its own.
type Consumer[T any] struct {
	unit    *Unit
	calls   *call.Caller[T]
	edges   call.Edges
	mutates bool
}

// newConsumer asks Rust what the unit reads and changes, and starts nothing.
func newConsumer[T any](
	spec Spec, t Transport, set component.TelemetrySettings, s *edge.Signal[T], nexts ...Next,
) (Consumer[T], error) {
	var c Consumer[T]
	report, err := reportOf(spec)
	if err != nil {
		return c, err
	}
	o, err := crossing(&spec, &t, report.Edge(In))
	if err != nil {
		return c, err
	}
	c.unit = New(spec, t, set)
	passes := spec.kind() == KindProcessor && !spec.ends()
	exits, err := c.unit.exits(nexts, o.Records || !passes)
	if err != nil {
		return c, err
	}
	var through *call.Exit[T]
	if passes {
		through = exits[0].(*call.Exit[T]) // the signal was compared
	} else {
		o.Plan = nil // there is no original that a difference could be applied to
	}
	in, err := edge.NewIn(s, o)
	if err != nil {
		return c, err
	}
	c.mutates = in.Mutates()
	c.calls = call.NewCaller(in, through, lanesOf{c.unit}, &c.unit.stats)
	if spec.kind() == KindProcessor {
		c.calls.OnTook(c.unit.tookInside)
	}
	c.edges = call.Edges{Entry: c.calls, Exits: exits}
	return c, nil
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
func (c *Consumer[T]) Start(ctx context.Context, host component.Host) error {
	return c.unit.Start(ctx, host, c.edges)
}

// Shutdown drains what is in flight and closes everything; safe without Start, and twice.
func (c *Consumer[T]) Shutdown(ctx context.Context) error { return c.unit.Shutdown(ctx) }

// Unit gives access to counters.
func (c *Consumer[T]) Unit() *Unit { return c.unit }

// Capabilities: batches are changed in place exactly where a difference is applied to them.
func (c *Consumer[T]) Capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: c.mutates}
}

// LogsConsumer is a unit that logs enter.
type LogsConsumer struct{ Consumer[plog.Logs] }

// NewLogs makes a consumer of logs of a unit; next is behind its edge out, where it has one. It
// starts nothing.
func NewLogs(
	spec Spec, t Transport, set component.TelemetrySettings, next ...Next,
) (*LogsConsumer, error) {
	c, err := newConsumer(spec, t, set, edge.Logs, next...)
	return &LogsConsumer{c}, err
}

// ConsumeLogs sends logs through the unit; see call.Caller.
func (c *LogsConsumer) ConsumeLogs(ctx context.Context, d plog.Logs) error {
	return c.calls.Call(ctx, d)
}

// TracesConsumer is a unit that traces enter.
type TracesConsumer struct{ Consumer[ptrace.Traces] }

// NewTraces makes a consumer of traces of a unit; next is behind its edge out, where it has one. It
// starts nothing.
func NewTraces(
	spec Spec, t Transport, set component.TelemetrySettings, next ...Next,
) (*TracesConsumer, error) {
	c, err := newConsumer(spec, t, set, edge.Traces, next...)
	return &TracesConsumer{c}, err
}

// ConsumeTraces sends traces through the unit; see call.Caller.
func (c *TracesConsumer) ConsumeTraces(ctx context.Context, d ptrace.Traces) error {
	return c.calls.Call(ctx, d)
}

// MetricsConsumer is a unit that metrics enter.
type MetricsConsumer struct{ Consumer[pmetric.Metrics] }

// NewMetrics makes a consumer of metrics of a unit; next is behind its edge out, where it has one.
// It starts nothing.
func NewMetrics(
	spec Spec, t Transport, set component.TelemetrySettings, next ...Next,
) (*MetricsConsumer, error) {
	c, err := newConsumer(spec, t, set, edge.Metrics, next...)
	return &MetricsConsumer{c}, err
}

// ConsumeMetrics sends metrics through the unit; see call.Caller.
func (c *MetricsConsumer) ConsumeMetrics(ctx context.Context, d pmetric.Metrics) error {
	return c.calls.Call(ctx, d)
}
