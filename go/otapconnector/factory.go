// Package otapconnector is the Collector's `otap` connector: a chain or graph of nodes of the OTAP
// Dataflow Engine between pipelines, run in Rust. Its factory is pure; Rust is asked when a
// configuration is validated or a pipeline is built, and started by Start.
//
// Nodes keep the signal of what they take, so it connects each signal to itself. A graph's `out`
// leads to all pipelines that the connector is a receiver of; a pipeline's id leads to that one
// alone, so a node with several outputs chooses among pipelines.
package otapconnector

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"

	"github.com/strait-data/strait/go/otapconnector/internal/metadata"
	"github.com/strait-data/strait/go/otapnodes"
	"github.com/strait-data/strait/go/unit"
)

// Config is the configuration of the otap connector.
type Config struct {
	otapnodes.Config `mapstructure:",squash"`
}

// Unmarshal reads the Collector's values; what `nodes` holds is read by Rust.
func (c *Config) Unmarshal(conf *confmap.Conf) error {
	if err := conf.Unmarshal(c); err != nil {
		return err
	}
	return c.Conform(unit.KindConnector)
}

// Validate checks everything that needs no pipeline. It opens nothing.
func (c *Config) Validate() error { return c.Check(unit.KindConnector) }

func createDefaultConfig() component.Config { return &Config{Config: otapnodes.Default()} }

// NewFactory makes the factory.
func NewFactory() connector.Factory {
	return connector.NewFactory(metadata.Type, createDefaultConfig,
		connector.WithLogsToLogs(createLogs, metadata.LogsToLogsStability),
		connector.WithTracesToTraces(createTraces, metadata.TracesToTracesStability),
		connector.WithMetricsToMetrics(createMetrics, metadata.MetricsToMetricsStability))
}

func createLogs(
	_ context.Context, set connector.Settings, cfg component.Config, next consumer.Logs,
) (connector.Logs, error) {
	w, err := waysTo(unit.Logs, next, unit.ToLogs)
	if err != nil {
		return nil, err
	}
	spec, transport, err := cfg.(*Config).Unit(set.ID, unit.KindConnector, w.edges)
	if err != nil {
		return nil, err
	}
	return unit.NewLogs(spec, transport, set.TelemetrySettings, w.nexts...)
}

func createTraces(
	_ context.Context, set connector.Settings, cfg component.Config, next consumer.Traces,
) (connector.Traces, error) {
	w, err := waysTo(unit.Traces, next, unit.ToTraces)
	if err != nil {
		return nil, err
	}
	spec, transport, err := cfg.(*Config).Unit(set.ID, unit.KindConnector, w.edges)
	if err != nil {
		return nil, err
	}
	return unit.NewTraces(spec, transport, set.TelemetrySettings, w.nexts...)
}

func createMetrics(
	_ context.Context, set connector.Settings, cfg component.Config, next consumer.Metrics,
) (connector.Metrics, error) {
	w, err := waysTo(unit.Metrics, next, unit.ToMetrics)
	if err != nil {
		return nil, err
	}
	spec, transport, err := cfg.(*Config).Unit(set.ID, unit.KindConnector, w.edges)
	if err != nil {
		return nil, err
	}
	return unit.NewMetrics(spec, transport, set.TelemetrySettings, w.nexts...)
}
