package fuse

import (
	"context"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/otel/metric/noop"
	untraced "go.opentelemetry.io/otel/trace/noop"

	"github.com/strait-data/strait/go/unit"
)

// Branch is what is in a receiver's part behind it, in its pipeline of one signal. nil: nothing is,
// and its batches are handed on as ever.
type Branch struct {
	members []unit.Member
	done    *mark
}

// Branch is what is behind a receiver of a signal.
func (p *Place) Branch(signal unit.Signal) (*Branch, error) {
	if p == nil {
		return nil, nil
	}
	for in, ids := range p.stand.Behind {
		if !isOf(in, signal) {
			continue
		}
		members, err := p.members(ids)
		if err != nil {
			return nil, err
		}
		for i := range members {
			members[i].Signal, members[i].Pipeline = signal, in
		}
		return &Branch{members, markOfMembers(members)}, nil
	}
	return nil, nil
}

// Stands lets a receiver's unit find what stands for those behind it.
func (p *Place) Stands(spec *unit.Spec) {
	if p != nil {
		spec.Aside = p.all.aside
	}
}

// Members are those behind the receiver.
func (b *Branch) Members() []unit.Member {
	if b == nil {
		return nil
	}
	return b.members
}

// Settings are a receiver's, without a meter and a tracer where its unit counts and traces: what
// comes out of it is what others have left of what it has received.
func (b *Branch) Settings(set receiver.Settings) receiver.Settings {
	if b != nil {
		set.MeterProvider, set.TracerProvider = noop.NewMeterProvider(), untraced.NewTracerProvider()
	}
	return set
}

// Logs marks what leaves the part as done by those behind the receiver.
func (b *Branch) Logs(next consumer.Logs) (consumer.Logs, error) {
	if b == nil {
		return next, nil
	}
	return consumer.NewLogs(func(ctx context.Context, d plog.Logs) error {
		return next.ConsumeLogs(marked(ctx, b.done), d)
	})
}

// Traces is the same of traces.
func (b *Branch) Traces(next consumer.Traces) (consumer.Traces, error) {
	if b == nil {
		return next, nil
	}
	return consumer.NewTraces(func(ctx context.Context, d ptrace.Traces) error {
		return next.ConsumeTraces(marked(ctx, b.done), d)
	})
}

// Metrics is the same of metrics.
func (b *Branch) Metrics(next consumer.Metrics) (consumer.Metrics, error) {
	if b == nil {
		return next, nil
	}
	return consumer.NewMetrics(func(ctx context.Context, d pmetric.Metrics) error {
		return next.ConsumeMetrics(marked(ctx, b.done), d)
	})
}
