package rustcomponent

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"

	"github.com/strait-data/strait/go/fuse"
	"github.com/strait-data/strait/go/rustconfig"
	"github.com/strait-data/strait/go/unit"
)

// NewExporter makes the factory of an exporter. In front of Rust is the Collector's exporter
// helper: its queue, batches, retries and timeout, and its metrics. It understands how Rust fails:
// what is permanent is not tried again, and a delay that was asked for is waited for. Where it is
// in another's part there is no helper: what stands for it is in Rust (unit.Sending).
func NewExporter(m Metadata) exporter.Factory {
	var options []exporter.FactoryOption
	if m.Logs != component.StabilityLevelUndefined {
		options = append(options, exporter.WithLogs(m.exportLogs, m.Logs))
	}
	if m.Traces != component.StabilityLevelUndefined {
		options = append(options, exporter.WithTraces(m.exportTraces, m.Traces))
	}
	if m.Metrics != component.StabilityLevelUndefined {
		options = append(options, exporter.WithMetrics(m.exportMetrics, m.Metrics))
	}
	return exporter.NewFactory(component.MustNewType(m.Type), func() component.Config {
		return rustconfig.NewExporter(m.Type)
	}, options...)
}

func (m Metadata) exportLogs(
	ctx context.Context, set exporter.Settings, cfg component.Config,
) (exporter.Logs, error) {
	if aside := m.aside(set, cfg, unit.Logs); aside != nil {
		return aside, nil
	}
	spec := m.exporter(set.ID, cfg, unit.Logs)
	if place := cfg.(*rustconfig.Exporter).Place(); place.Enters() {
		return fuse.EnterLogs(place, spec, transport(cfg), set.TelemetrySettings)
	}
	u, err := unit.NewLogs(spec, transport(cfg), set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	return exporterhelper.NewLogs(ctx, set, cfg, u.ConsumeLogs, helping(cfg, u)...)
}

func (m Metadata) exportTraces(
	ctx context.Context, set exporter.Settings, cfg component.Config,
) (exporter.Traces, error) {
	if aside := m.aside(set, cfg, unit.Traces); aside != nil {
		return aside, nil
	}
	spec := m.exporter(set.ID, cfg, unit.Traces)
	if place := cfg.(*rustconfig.Exporter).Place(); place.Enters() {
		return fuse.EnterTraces(place, spec, transport(cfg), set.TelemetrySettings)
	}
	u, err := unit.NewTraces(spec, transport(cfg), set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	return exporterhelper.NewTraces(ctx, set, cfg, u.ConsumeTraces, helping(cfg, u)...)
}

func (m Metadata) exportMetrics(
	ctx context.Context, set exporter.Settings, cfg component.Config,
) (exporter.Metrics, error) {
	if aside := m.aside(set, cfg, unit.Metrics); aside != nil {
		return aside, nil
	}
	spec := m.exporter(set.ID, cfg, unit.Metrics)
	if place := cfg.(*rustconfig.Exporter).Place(); place.Enters() {
		return fuse.EnterMetrics(place, spec, transport(cfg), set.TelemetrySettings)
	}
	u, err := unit.NewMetrics(spec, transport(cfg), set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	return exporterhelper.NewMetrics(ctx, set, cfg, u.ConsumeMetrics, helping(cfg, u)...)
}

// aside is the exporter where it is in another's part with a signal; nil: it is not.
func (m Metadata) aside(
	set exporter.Settings, cfg component.Config, signal unit.Signal,
) *fuse.Exporter {
	expect, c := m.description(unit.KindExporter), cfg.(*rustconfig.Exporter)
	return c.Place().Exporter(signal, set.TelemetrySettings, expect, c.Storage())
}

func (m Metadata) exporter(id component.ID, cfg component.Config, signal unit.Signal) unit.Spec {
	return m.spec(unit.KindExporter, id, cfg.(configured), unit.Into(signal))
}

// helping is what the helper does for a unit. It ends the unit last, when the queue is empty or
// stored.
func helping(cfg component.Config, u component.Component) []exporterhelper.Option {
	c := cfg.(*rustconfig.Exporter)
	return []exporterhelper.Option{
		exporterhelper.WithTimeout(c.TimeoutConfig), exporterhelper.WithRetry(c.RetryConfig),
		exporterhelper.WithQueue(c.QueueConfig),
		exporterhelper.WithStart(u.Start), exporterhelper.WithShutdown(u.Shutdown),
	}
}
