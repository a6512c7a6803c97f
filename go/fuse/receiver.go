package fuse

import (
	"context"

	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/otel/metric/noop"
	untraced "go.opentelemetry.io/otel/trace/noop"

	"github.com/strait-data/strait/go/unit"
)

// Branch is what is behind a receiver in Rust of what it sends of one signal: members of its part,
// and units that its batches go to. nil: nothing is, and its batches are handed on as ever.
type Branch struct {
	members []unit.Member
	done    *mark
	has     note
}

// Branch is what is behind a receiver of a signal.
func (p *Place) Branch(signal unit.Signal) (*Branch, error) {
	if p == nil {
		return nil, nil
	}
	b := &Branch{}
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
		b.members, b.done = members, markOfMembers(members)
	}
	if bridge := p.bridge(signal); bridge != nil {
		b.members = append(b.members, unit.ToOthers(signal, bridge))
		b.has = p.noteOf(signal)
	}
	if len(b.members) == 0 {
		return nil, nil
	}
	return b, nil
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

// Next leads to a consumer that sees by whom what leaves the part is done, and who has it.
func (b *Branch) Next(next unit.Next) unit.Next {
	if b == nil {
		return next
	}
	return next.With(func(ctx context.Context) context.Context {
		return noted(marked(ctx, b.done), b.has)
	})
}
