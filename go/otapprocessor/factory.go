// Package otapprocessor is the Collector's `otap` processor: a chain or graph of nodes of the OTAP
// Dataflow Engine, run in Rust. Its factory is pure; Rust is asked when a configuration is
// validated or a pipeline is built, and started by Start.
package otapprocessor

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/processor"

	"github.com/strait-data/strait/go/fuse"
	"github.com/strait-data/strait/go/otapprocessor/internal/metadata"
	"github.com/strait-data/strait/go/unit"
)

// NewFactory makes the factory.
func NewFactory() processor.Factory {
	return processor.NewFactory(metadata.Type, createDefaultConfig,
		processor.WithLogs(createLogs, metadata.LogsStability),
		processor.WithTraces(createTraces, metadata.TracesStability),
		processor.WithMetrics(createMetrics, metadata.MetricsStability))
}

func createLogs(
	_ context.Context, set processor.Settings, cfg component.Config, next consumer.Logs,
) (processor.Logs, error) {
	spec, transport, err := cfg.(*Config).unit(set.ID, unit.Logs)
	if err != nil {
		return nil, err
	}
	return fuse.NewLogs(cfg.(*Config).place, spec, transport, set.TelemetrySettings, next)
}

func createTraces(
	_ context.Context, set processor.Settings, cfg component.Config, next consumer.Traces,
) (processor.Traces, error) {
	spec, transport, err := cfg.(*Config).unit(set.ID, unit.Traces)
	if err != nil {
		return nil, err
	}
	return fuse.NewTraces(cfg.(*Config).place, spec, transport, set.TelemetrySettings, next)
}

func createMetrics(
	_ context.Context, set processor.Settings, cfg component.Config, next consumer.Metrics,
) (processor.Metrics, error) {
	spec, transport, err := cfg.(*Config).unit(set.ID, unit.Metrics)
	if err != nil {
		return nil, err
	}
	return fuse.NewMetrics(cfg.(*Config).place, spec, transport, set.TelemetrySettings, next)
}
