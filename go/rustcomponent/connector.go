package rustcomponent

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"

	"github.com/strait-data/strait/go/fuse"
	"github.com/strait-data/strait/go/rustconfig"
	"github.com/strait-data/strait/go/unit"
)

// NewConnector makes the factory of a connector.
func NewConnector(m Metadata) connector.Factory {
	options := append(m.fromLogs(), m.fromTraces()...)
	options = append(options, m.fromMetrics()...)
	return connector.NewFactory(component.MustNewType(m.Type), func() component.Config {
		return rustconfig.New(string(unit.KindConnector), m.Type)
	}, options...)
}

func (m Metadata) fromLogs() (options []connector.FactoryOption) {
	if level := m.LogsToLogs; level != component.StabilityLevelUndefined {
		options = append(options, connector.WithLogsToLogs(
			func(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Logs,
			) (connector.Logs, error) {
				return m.connectLogs(set, cfg, unit.Logs, unit.ToLogs(next))
			}, level))
	}
	if level := m.LogsToTraces; level != component.StabilityLevelUndefined {
		options = append(options, connector.WithLogsToTraces(
			func(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Traces,
			) (connector.Logs, error) {
				return m.connectLogs(set, cfg, unit.Traces, unit.ToTraces(next))
			}, level))
	}
	if level := m.LogsToMetrics; level != component.StabilityLevelUndefined {
		options = append(options, connector.WithLogsToMetrics(
			func(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Metrics,
			) (connector.Logs, error) {
				return m.connectLogs(set, cfg, unit.Metrics, unit.ToMetrics(next))
			}, level))
	}
	return options
}

func (m Metadata) fromTraces() (options []connector.FactoryOption) {
	if level := m.TracesToLogs; level != component.StabilityLevelUndefined {
		options = append(options, connector.WithTracesToLogs(
			func(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Logs,
			) (connector.Traces, error) {
				return m.connectTraces(set, cfg, unit.Logs, unit.ToLogs(next))
			}, level))
	}
	if level := m.TracesToTraces; level != component.StabilityLevelUndefined {
		options = append(options, connector.WithTracesToTraces(
			func(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Traces,
			) (connector.Traces, error) {
				return m.connectTraces(set, cfg, unit.Traces, unit.ToTraces(next))
			}, level))
	}
	if level := m.TracesToMetrics; level != component.StabilityLevelUndefined {
		options = append(options, connector.WithTracesToMetrics(
			func(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Metrics,
			) (connector.Traces, error) {
				return m.connectTraces(set, cfg, unit.Metrics, unit.ToMetrics(next))
			}, level))
	}
	return options
}

func (m Metadata) fromMetrics() (options []connector.FactoryOption) {
	if level := m.MetricsToLogs; level != component.StabilityLevelUndefined {
		options = append(options, connector.WithMetricsToLogs(
			func(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Logs,
			) (connector.Metrics, error) {
				return m.connectMetrics(set, cfg, unit.Logs, unit.ToLogs(next))
			}, level))
	}
	if level := m.MetricsToTraces; level != component.StabilityLevelUndefined {
		options = append(options, connector.WithMetricsToTraces(
			func(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Traces,
			) (connector.Metrics, error) {
				return m.connectMetrics(set, cfg, unit.Traces, unit.ToTraces(next))
			}, level))
	}
	if level := m.MetricsToMetrics; level != component.StabilityLevelUndefined {
		options = append(options, connector.WithMetricsToMetrics(
			func(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Metrics,
			) (connector.Metrics, error) {
				return m.connectMetrics(set, cfg, unit.Metrics, unit.ToMetrics(next))
			}, level))
	}
	return options
}

func (m Metadata) connectLogs(
	set connector.Settings, cfg component.Config, to unit.Signal, next unit.Next,
) (connector.Logs, error) {
	return fuse.EnterLogs(cfg.(*rustconfig.Config).Place(),
		m.connector(set.ID, cfg, unit.Logs, to), transport(cfg), set.TelemetrySettings, next)
}

func (m Metadata) connectTraces(
	set connector.Settings, cfg component.Config, to unit.Signal, next unit.Next,
) (connector.Traces, error) {
	return fuse.EnterTraces(cfg.(*rustconfig.Config).Place(),
		m.connector(set.ID, cfg, unit.Traces, to), transport(cfg), set.TelemetrySettings, next)
}

func (m Metadata) connectMetrics(
	set connector.Settings, cfg component.Config, to unit.Signal, next unit.Next,
) (connector.Metrics, error) {
	return fuse.EnterMetrics(cfg.(*rustconfig.Config).Place(),
		m.connector(set.ID, cfg, unit.Metrics, to), transport(cfg), set.TelemetrySettings, next)
}

func (m Metadata) connector(
	id component.ID, cfg component.Config, from, to unit.Signal,
) unit.Spec {
	return m.spec(unit.KindConnector, id, cfg.(configured), unit.FromTo(from, to))
}
