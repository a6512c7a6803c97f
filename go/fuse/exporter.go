package fuse

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/strait-data/strait/go/unit"
)

// Exporter is an exporter of one signal that is in another's part, which does its work.
type Exporter struct {
	standing
	in      string
	storage *component.ID // which keeps its queue; nil: none
}

// Exporter is the exporter where it is in another's part with a signal, and whose queue is in a
// storage where one is named; nil: it is not.
func (p *Place) Exporter(
	signal unit.Signal, set component.TelemetrySettings, expect *unit.ComponentDescription,
	queue *component.ID,
) *Exporter {
	if p == nil {
		return nil
	}
	for _, in := range p.stand.Aside {
		if isOf(in, signal) {
			return &Exporter{in: in, storage: queue, standing: standing{
				place: p, kind: unit.KindExporter, signal: signal, set: set, expect: expect,
			}}
		}
	}
	return nil
}

// Start has it stand aside. It fails, as the Collector's helper would, where its queue's storage is
// none.
func (e *Exporter) Start(_ context.Context, host component.Host) error {
	if e.storage != nil {
		if err := unit.CheckStorage(e.storage.String(), host); err != nil {
			return err
		}
	}
	return e.begin(e.in, host)
}

// Shutdown ends what Start began; its unit has ended, and with it what it had in hand.
func (e *Exporter) Shutdown(context.Context) error {
	e.end()
	return nil
}

// Capabilities are those of one that gets nothing.
func (e *Exporter) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

// ConsumeLogs refuses: what it exports does not come here.
func (e *Exporter) ConsumeLogs(context.Context, plog.Logs) error { return e.unmarked() }

// ConsumeTraces refuses: what it exports does not come here.
func (e *Exporter) ConsumeTraces(context.Context, ptrace.Traces) error { return e.unmarked() }

// ConsumeMetrics refuses: what it exports does not come here.
func (e *Exporter) ConsumeMetrics(context.Context, pmetric.Metrics) error { return e.unmarked() }
