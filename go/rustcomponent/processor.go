package rustcomponent

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/processor"

	"github.com/strait-data/strait/go/fuse"
	"github.com/strait-data/strait/go/rustconfig"
	"github.com/strait-data/strait/go/unit"
)

// NewProcessor makes the factory of a processor.
func NewProcessor(m Metadata) processor.Factory {
	var options []processor.FactoryOption
	if m.Logs != component.StabilityLevelUndefined {
		options = append(options, processor.WithLogs(m.createLogs, m.Logs))
	}
	if m.Traces != component.StabilityLevelUndefined {
		options = append(options, processor.WithTraces(m.createTraces, m.Traces))
	}
	if m.Metrics != component.StabilityLevelUndefined {
		options = append(options, processor.WithMetrics(m.createMetrics, m.Metrics))
	}
	return processor.NewFactory(component.MustNewType(m.Type), func() component.Config {
		return rustconfig.New(string(unit.KindProcessor), m.Type)
	}, options...)
}

func (m Metadata) createLogs(
	_ context.Context, set processor.Settings, cfg component.Config, next consumer.Logs,
) (processor.Logs, error) {
	return fuse.NewLogs(cfg.(*rustconfig.Config).Place(), m.processor(set.ID, cfg, unit.Logs),
		transport(cfg), set.TelemetrySettings, next)
}

func (m Metadata) createTraces(
	_ context.Context, set processor.Settings, cfg component.Config, next consumer.Traces,
) (processor.Traces, error) {
	return fuse.NewTraces(cfg.(*rustconfig.Config).Place(), m.processor(set.ID, cfg, unit.Traces),
		transport(cfg), set.TelemetrySettings, next)
}

func (m Metadata) createMetrics(
	_ context.Context, set processor.Settings, cfg component.Config, next consumer.Metrics,
) (processor.Metrics, error) {
	return fuse.NewMetrics(cfg.(*rustconfig.Config).Place(), m.processor(set.ID, cfg, unit.Metrics),
		transport(cfg), set.TelemetrySettings, next)
}

func (m Metadata) processor(
	id component.ID, cfg component.Config, signal unit.Signal,
) unit.Spec {
	return m.spec(unit.KindProcessor, id, cfg.(configured), unit.Between(signal))
}
