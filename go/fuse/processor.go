package fuse

import (
	"context"
	"slices"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"

	"github.com/strait-data/strait/go/unit"
)

// running is a unit's consumer, of any signal.
type running interface {
	component.Component
	Capabilities() consumer.Capabilities
}

// consume is how a batch is handed on.
type consume[T any] func(context.Context, T) error

// own is the unit of a processor, or of the part that it is the head of.
type own[T any] struct {
	running
	work consume[T]
}

// processorOf is a processor in one pipeline.
type processorOf[T any] struct {
	own[T]
	standing
	next consume[T]
	in   string // its pipeline, once it has started
}

// newProcessor makes one of what makes a unit in front of a consumer, or in front of none, where
// the part ends.
func newProcessor[T any](
	place *Place, spec unit.Spec, set component.TelemetrySettings, next consume[T],
	ofUnit func(spec unit.Spec, behind ...consume[T]) (own[T], error),
) (*processorOf[T], error) {
	alone := len(spec.Members)
	spec, err := place.spec(spec)
	if err != nil {
		return nil, err
	}
	fellows := spec.Members[alone:]
	var behind []consume[T]
	if !unit.Ends(fellows) {
		done := markOfMembers(fellows)
		behind = []consume[T]{func(ctx context.Context, d T) error { return next(marked(ctx, done), d) }}
	}
	made, err := ofUnit(spec, behind...)
	stands := standing{
		place: place, kind: unit.KindProcessor, signal: spec.Edges[0].Signal, set: set,
		expect: spec.Expect,
	}
	return &processorOf[T]{own: made, standing: stands, next: next}, err
}

// Start starts its unit, where it is in no other's part.
func (p *processorOf[T]) Start(ctx context.Context, host component.Host) error {
	p.in = unit.PipelineOf(host)
	if !slices.Contains(p.place.stand.Aside, p.in) {
		return p.running.Start(ctx, host)
	}
	return p.begin(p.in, host)
}

// Shutdown ends what Start began.
func (p *processorOf[T]) Shutdown(ctx context.Context) error {
	p.end()
	return p.running.Shutdown(ctx) // nothing, where it has not started
}

func (p *processorOf[T]) consume(ctx context.Context, d T) error {
	id := p.place.stand.ID
	rest, done := passes(ctx, id)
	switch {
	case has(ctx, doorIn(p.name(), p.in, p.signal)):
		return nil
	case done:
		return p.next(rest, d)
	case p.aside != nil:
		return p.unmarked()
	default:
		return p.work(ctx, d)
	}
}

// NewLogs makes a processor of logs of a unit; place is nil where it runs by itself.
func NewLogs(
	place *Place, spec unit.Spec, t unit.Transport, set component.TelemetrySettings,
	next consumer.Logs,
) (processor.Logs, error) {
	if place == nil {
		return unit.NewLogs(spec, t, set, unit.ToLogs(next))
	}
	ofUnit := func(s unit.Spec, behind ...consume[plog.Logs]) (own[plog.Logs], error) {
		var nexts []unit.Next
		for _, one := range behind {
			next, err := consumer.NewLogs(consumer.ConsumeLogsFunc(one))
			if err != nil {
				return own[plog.Logs]{}, err
			}
			nexts = append(nexts, unit.ToLogs(next))
		}
		c, err := unit.NewLogs(s, t, set, nexts...)
		return own[plog.Logs]{c, c.ConsumeLogs}, err
	}
	p, err := newProcessor(place, spec, set, next.ConsumeLogs, ofUnit)
	return &logsProcessor{p}, err
}

type logsProcessor struct{ *processorOf[plog.Logs] }

func (p *logsProcessor) ConsumeLogs(ctx context.Context, d plog.Logs) error {
	return p.consume(ctx, d)
}

// NewTraces makes a processor of traces of a unit; place is nil where it runs by itself.
func NewTraces(
	place *Place, spec unit.Spec, t unit.Transport, set component.TelemetrySettings,
	next consumer.Traces,
) (processor.Traces, error) {
	if place == nil {
		return unit.NewTraces(spec, t, set, unit.ToTraces(next))
	}
	ofUnit := func(s unit.Spec, behind ...consume[ptrace.Traces]) (own[ptrace.Traces], error) {
		var nexts []unit.Next
		for _, one := range behind {
			next, err := consumer.NewTraces(consumer.ConsumeTracesFunc(one))
			if err != nil {
				return own[ptrace.Traces]{}, err
			}
			nexts = append(nexts, unit.ToTraces(next))
		}
		c, err := unit.NewTraces(s, t, set, nexts...)
		return own[ptrace.Traces]{c, c.ConsumeTraces}, err
	}
	p, err := newProcessor(place, spec, set, next.ConsumeTraces, ofUnit)
	return &tracesProcessor{p}, err
}

type tracesProcessor struct{ *processorOf[ptrace.Traces] }

func (p *tracesProcessor) ConsumeTraces(ctx context.Context, d ptrace.Traces) error {
	return p.consume(ctx, d)
}

// NewMetrics makes a processor of metrics of a unit; place is nil where it runs by itself.
func NewMetrics(
	place *Place, spec unit.Spec, t unit.Transport, set component.TelemetrySettings,
	next consumer.Metrics,
) (processor.Metrics, error) {
	if place == nil {
		return unit.NewMetrics(spec, t, set, unit.ToMetrics(next))
	}
	ofUnit := func(s unit.Spec, behind ...consume[pmetric.Metrics]) (own[pmetric.Metrics], error) {
		var nexts []unit.Next
		for _, one := range behind {
			next, err := consumer.NewMetrics(consumer.ConsumeMetricsFunc(one))
			if err != nil {
				return own[pmetric.Metrics]{}, err
			}
			nexts = append(nexts, unit.ToMetrics(next))
		}
		c, err := unit.NewMetrics(s, t, set, nexts...)
		return own[pmetric.Metrics]{c, c.ConsumeMetrics}, err
	}
	p, err := newProcessor(place, spec, set, next.ConsumeMetrics, ofUnit)
	return &metricsProcessor{p}, err
}

type metricsProcessor struct{ *processorOf[pmetric.Metrics] }

func (p *metricsProcessor) ConsumeMetrics(ctx context.Context, d pmetric.Metrics) error {
	return p.consume(ctx, d)
}
