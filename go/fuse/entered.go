package fuse

import (
	"context"
	"fmt"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/strait-data/strait/go/unit"
)

// Exporters and connectors with doors: what Go gives one besides goes into its unit, unless that
// has it already.

// Enters says that units of others send the component its batches, or some of them.
func (p *Place) Enters() bool { return p != nil && p.stand.Door }

// exports is the unit of an exporter that has a door, given that of it without: with what stands in
// front of it, for units send it batches where its helper in Go does not see them.
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

// connects is the unit of a connector, given that of it alone, with what is behind it in Go: not
// next, where all that it sends goes to others.
func (p *Place) connects(spec unit.Spec, next unit.Next) (unit.Spec, []unit.Next) {
	if p == nil {
		return spec, []unit.Next{next}
	}
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

// entry is where a component takes batches of a signal.
func (p *Place) entry(kind unit.Kind, signal unit.Signal) at {
	if p == nil {
		return at{} // nobody has what it gets
	}
	return doorIn(Named(kind, p.stand.ID), "", signal)
}

type logsEntry struct {
	*unit.LogsConsumer
	door at
}

// ConsumeLogs sends logs through the unit, unless it has them.
func (e *logsEntry) ConsumeLogs(ctx context.Context, d plog.Logs) error {
	if has(ctx, e.door) {
		return nil
	}
	return e.LogsConsumer.ConsumeLogs(ctx, d)
}

type tracesEntry struct {
	*unit.TracesConsumer
	door at
}

// ConsumeTraces sends traces through the unit, unless it has them.
func (e *tracesEntry) ConsumeTraces(ctx context.Context, d ptrace.Traces) error {
	if has(ctx, e.door) {
		return nil
	}
	return e.TracesConsumer.ConsumeTraces(ctx, d)
}

type metricsEntry struct {
	*unit.MetricsConsumer
	door at
}

// ConsumeMetrics sends metrics through the unit, unless it has them.
func (e *metricsEntry) ConsumeMetrics(ctx context.Context, d pmetric.Metrics) error {
	if has(ctx, e.door) {
		return nil
	}
	return e.MetricsConsumer.ConsumeMetrics(ctx, d)
}

// ExportLogs makes an exporter of logs that has a door.
func ExportLogs(
	place *Place, spec unit.Spec, t unit.Transport, set component.TelemetrySettings,
) (exporter.Logs, error) {
	spec, err := place.exports(spec)
	if err != nil {
		return nil, err
	}
	u, err := unit.NewLogs(spec, t, set)
	return &logsEntry{u, place.entry(unit.KindExporter, unit.Logs)}, err
}

// ExportTraces makes an exporter of traces that has a door.
func ExportTraces(
	place *Place, spec unit.Spec, t unit.Transport, set component.TelemetrySettings,
) (exporter.Traces, error) {
	spec, err := place.exports(spec)
	if err != nil {
		return nil, err
	}
	u, err := unit.NewTraces(spec, t, set)
	return &tracesEntry{u, place.entry(unit.KindExporter, unit.Traces)}, err
}

// ExportMetrics makes an exporter of metrics that has a door.
func ExportMetrics(
	place *Place, spec unit.Spec, t unit.Transport, set component.TelemetrySettings,
) (exporter.Metrics, error) {
	spec, err := place.exports(spec)
	if err != nil {
		return nil, err
	}
	u, err := unit.NewMetrics(spec, t, set)
	return &metricsEntry{u, place.entry(unit.KindExporter, unit.Metrics)}, err
}

// ConnectLogs makes a connector of logs of a unit; place is nil where it runs by itself.
func ConnectLogs(
	place *Place, spec unit.Spec, t unit.Transport, set component.TelemetrySettings, next unit.Next,
) (connector.Logs, error) {
	spec, nexts := place.connects(spec, next)
	u, err := unit.NewLogs(spec, t, set, nexts...)
	return &logsEntry{u, place.entry(unit.KindConnector, unit.Logs)}, err
}

// ConnectTraces makes a connector of traces of a unit; place is nil where it runs by itself.
func ConnectTraces(
	place *Place, spec unit.Spec, t unit.Transport, set component.TelemetrySettings, next unit.Next,
) (connector.Traces, error) {
	spec, nexts := place.connects(spec, next)
	u, err := unit.NewTraces(spec, t, set, nexts...)
	return &tracesEntry{u, place.entry(unit.KindConnector, unit.Traces)}, err
}

// ConnectMetrics makes a connector of metrics of a unit; place is nil where it runs by itself.
func ConnectMetrics(
	place *Place, spec unit.Spec, t unit.Transport, set component.TelemetrySettings, next unit.Next,
) (connector.Metrics, error) {
	spec, nexts := place.connects(spec, next)
	u, err := unit.NewMetrics(spec, t, set, nexts...)
	return &metricsEntry{u, place.entry(unit.KindConnector, unit.Metrics)}, err
}
