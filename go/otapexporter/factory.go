// Package otapexporter is the Collector's `otap` exporter: a chain or graph of nodes of the OTAP
// Dataflow Engine that ends with nodes that export, run in Rust. Its factory is pure; Rust is asked
// when a configuration is validated or a pipeline is built, and started by Start.
//
// In front of the nodes is the Collector's exporter helper: its queue, batches, retries and
// timeout, and its metrics. It understands how nodes fail: what is permanent is not tried again,
// and a delay that a destination asked for is waited for.
package otapexporter

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"

	"github.com/strait-data/strait/go/otapexporter/internal/metadata"
	"github.com/strait-data/strait/go/unit"
)

// NewFactory makes the factory.
func NewFactory() exporter.Factory {
	return exporter.NewFactory(metadata.Type, createDefaultConfig,
		exporter.WithLogs(createLogs, metadata.LogsStability),
		exporter.WithTraces(createTraces, metadata.TracesStability),
		exporter.WithMetrics(createMetrics, metadata.MetricsStability))
}

func createLogs(
	ctx context.Context, set exporter.Settings, cfg component.Config,
) (exporter.Logs, error) {
	spec, transport, err := cfg.(*Config).unit(set.ID, unit.Logs)
	if err != nil {
		return nil, err
	}
	u, err := unit.NewLogs(spec, transport, set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	return exporterhelper.NewLogs(ctx, set, cfg, u.ConsumeLogs, helping(cfg, u)...)
}

func createTraces(
	ctx context.Context, set exporter.Settings, cfg component.Config,
) (exporter.Traces, error) {
	spec, transport, err := cfg.(*Config).unit(set.ID, unit.Traces)
	if err != nil {
		return nil, err
	}
	u, err := unit.NewTraces(spec, transport, set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	return exporterhelper.NewTraces(ctx, set, cfg, u.ConsumeTraces, helping(cfg, u)...)
}

func createMetrics(
	ctx context.Context, set exporter.Settings, cfg component.Config,
) (exporter.Metrics, error) {
	spec, transport, err := cfg.(*Config).unit(set.ID, unit.Metrics)
	if err != nil {
		return nil, err
	}
	u, err := unit.NewMetrics(spec, transport, set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	return exporterhelper.NewMetrics(ctx, set, cfg, u.ConsumeMetrics, helping(cfg, u)...)
}

// helping is what the helper does for a unit. It ends the unit last, when the queue is empty or
// stored.
func helping(cfg component.Config, u component.Component) []exporterhelper.Option {
	c := cfg.(*Config)
	return []exporterhelper.Option{
		exporterhelper.WithTimeout(c.TimeoutConfig), exporterhelper.WithRetry(c.RetryConfig),
		exporterhelper.WithQueue(c.QueueConfig),
		exporterhelper.WithStart(u.Start), exporterhelper.WithShutdown(u.Shutdown),
	}
}
