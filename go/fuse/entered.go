package fuse

import (
	"context"
	"fmt"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/strait-data/strait/go/unit"
)

// Exporters and connectors with doors: what Go gives one besides goes into its unit, unless that
// has it already.

// Enters says that units of others send the component its batches, or some of them.
func (p *Place) Enters() bool { return p != nil && p.stand.Door }

// enters is the unit of an exporter that has a door, or of a connector, given that of it alone and
// with what is behind it in Go.
func (p *Place) enters(alone unit.Spec, behind []unit.Next) (unit.Spec, []unit.Next, error) {
	switch {
	case p == nil:
		return alone, behind, nil
	case alone.Members[0].Kind == unit.KindExporter:
		spec, err := p.exports(alone)
		return spec, nil, err
	default:
		spec, behind := p.connects(alone, behind[0])
		return spec, behind, nil
	}
}

// exports is that of an exporter: with what stands in front of it, for units send it batches where
// its helper in Go does not see them.
func (p *Place) exports(spec unit.Spec) (unit.Spec, error) {
	id := p.stand.ID
	cfg := p.all.configured(Named(unit.KindExporter, id))
	if cfg == nil {
		return spec, fmt.Errorf("%s has no configuration here", id)
	}
	member, err := cfg.Member(id)
	spec.Members = []unit.Member{member}
	p.open(&spec, unit.KindExporter, spec.Edges[0].Signal)
	return spec, err
}

// connects is that of a connector: without next, where all that it sends goes to others.
func (p *Place) connects(spec unit.Spec, next unit.Next) (unit.Spec, []unit.Next) {
	from, to := spec.Edges[0].Signal, spec.Edges[1].Signal
	p.open(&spec, unit.KindConnector, from)
	bridge := p.bridge(to)
	if bridge == nil {
		return spec, []unit.Next{next}
	}
	spec.Members = append(spec.Members, unit.ToOthers(to, bridge))
	if unit.Ends(spec.Members) {
		spec.Edges = unit.Into(from)
		return spec, nil
	}
	has := p.noteOf(to)
	return spec, []unit.Next{next.With(func(ctx context.Context) context.Context {
		return noted(ctx, has)
	})}
}

// entry is where the component of a unit takes batches.
func (p *Place) entry(spec *unit.Spec) at {
	if p == nil {
		return at{} // nobody has what it gets
	}
	return doorIn(Named(spec.Members[0].Kind, p.stand.ID), "", spec.Edges[0].Signal)
}

// LogsEntry is an exporter or connector of logs.
type LogsEntry struct {
	*unit.LogsConsumer
	door at
}

// ConsumeLogs sends logs through the unit, unless it has them.
func (e *LogsEntry) ConsumeLogs(ctx context.Context, d plog.Logs) error {
	if has(ctx, e.door) {
		return nil
	}
	return e.LogsConsumer.ConsumeLogs(ctx, d)
}

// EnterLogs makes an exporter or connector of logs of a unit; place is nil where it runs by itself.
func EnterLogs(
	place *Place, spec unit.Spec, t unit.Transport, set component.TelemetrySettings,
	behind ...unit.Next,
) (*LogsEntry, error) {
	spec, behind, err := place.enters(spec, behind)
	if err != nil {
		return nil, err
	}
	u, err := unit.NewLogs(spec, t, set, behind...)
	return &LogsEntry{u, place.entry(&spec)}, err
}

// TracesEntry is an exporter or connector of traces.
type TracesEntry struct {
	*unit.TracesConsumer
	door at
}

// ConsumeTraces sends traces through the unit, unless it has them.
func (e *TracesEntry) ConsumeTraces(ctx context.Context, d ptrace.Traces) error {
	if has(ctx, e.door) {
		return nil
	}
	return e.TracesConsumer.ConsumeTraces(ctx, d)
}

// EnterTraces makes an exporter or connector of traces of a unit; place is nil where it runs by
// itself.
func EnterTraces(
	place *Place, spec unit.Spec, t unit.Transport, set component.TelemetrySettings,
	behind ...unit.Next,
) (*TracesEntry, error) {
	spec, behind, err := place.enters(spec, behind)
	if err != nil {
		return nil, err
	}
	u, err := unit.NewTraces(spec, t, set, behind...)
	return &TracesEntry{u, place.entry(&spec)}, err
}

// MetricsEntry is an exporter or connector of metrics.
type MetricsEntry struct {
	*unit.MetricsConsumer
	door at
}

// ConsumeMetrics sends metrics through the unit, unless it has them.
func (e *MetricsEntry) ConsumeMetrics(ctx context.Context, d pmetric.Metrics) error {
	if has(ctx, e.door) {
		return nil
	}
	return e.MetricsConsumer.ConsumeMetrics(ctx, d)
}

// EnterMetrics makes an exporter or connector of metrics of a unit; place is nil where it runs by
// itself.
func EnterMetrics(
	place *Place, spec unit.Spec, t unit.Transport, set component.TelemetrySettings,
	behind ...unit.Next,
) (*MetricsEntry, error) {
	spec, behind, err := place.enters(spec, behind)
	if err != nil {
		return nil, err
	}
	u, err := unit.NewMetrics(spec, t, set, behind...)
	return &MetricsEntry{u, place.entry(&spec)}, err
}
