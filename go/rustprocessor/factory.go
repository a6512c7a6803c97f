// Package rustprocessor makes the Collector's factory for one Rust processor. `strait build` writes, for each
// `cargo:` line of a processor, a package whose NewFactory calls this one with what the crate's
// `[package.metadata.strait]` says; Start compares that with what Rust says of itself.
package rustprocessor

import (
	"context"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/processor"

	"github.com/strait-data/strait/go/unit"
)

// Metadata is what the crate says of its component, known without running Rust.
type Metadata struct {
	// Type is the component's type in the Collector's configuration.
	Type string
	// Crate and Version are the crate's.
	Crate, Version string
	// Logs, Traces and Metrics are the stability per signal; undefined where a signal is not supported.
	Logs, Traces, Metrics component.StabilityLevel
}

// NewFactory makes a pure factory: nothing of Rust is called until a configuration is validated.
func NewFactory(m Metadata) processor.Factory {
	var options []processor.FactoryOption
	if m.Logs != component.StabilityLevelUndefined {
		options = append(options, processor.WithLogs(createLogs, m.Logs))
	}
	if m.Traces != component.StabilityLevelUndefined {
		options = append(options, processor.WithTraces(createTraces, m.Traces))
	}
	if m.Metrics != component.StabilityLevelUndefined {
		options = append(options, processor.WithMetrics(createMetrics, m.Metrics))
	}
	return processor.NewFactory(component.MustNewType(m.Type), func() component.Config {
		return &Config{metadata: m}
	}, options...)
}

func (m Metadata) description() *unit.ComponentDescription {
	signals := map[unit.Signal]string{}
	for s, level := range map[unit.Signal]component.StabilityLevel{
		unit.Logs: m.Logs, unit.Traces: m.Traces, unit.Metrics: m.Metrics,
	} {
		if level != component.StabilityLevelUndefined {
			signals[s] = strings.ToLower(level.String())
		}
	}
	return &unit.ComponentDescription{Kind: "processor", Type: m.Type, Crate: m.Crate, Version: m.Version, Signals: signals}
}

func createLogs(_ context.Context, set processor.Settings, cfg component.Config, next consumer.Logs) (processor.Logs, error) {
	return unit.NewLogs(cfg.(*Config).spec(set.ID.String(), unit.Logs), unit.DefaultTransport(), set.TelemetrySettings, next)
}

func createTraces(_ context.Context, set processor.Settings, cfg component.Config, next consumer.Traces) (processor.Traces, error) {
	return unit.NewTraces(cfg.(*Config).spec(set.ID.String(), unit.Traces), unit.DefaultTransport(), set.TelemetrySettings, next)
}

func createMetrics(_ context.Context, set processor.Settings, cfg component.Config, next consumer.Metrics) (processor.Metrics, error) {
	return unit.NewMetrics(cfg.(*Config).spec(set.ID.String(), unit.Metrics), unit.DefaultTransport(), set.TelemetrySettings, next)
}
