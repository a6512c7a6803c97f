// Package otapreceiver is the Collector's `otap` receiver: a chain or graph of nodes of the OTAP
// Dataflow Engine that begins with nodes that receive, run in Rust. Its factory is pure; Rust is
// asked when a configuration is validated or a pipeline is built, and started by Start.
//
// The signals of one configuration are one instance in Rust, as with the Collector's own receivers:
// it listens once. What it receives is counted as the Collector's receiver helper does.
package otapreceiver

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"

	"github.com/strait-data/strait/go/otapnodes"
	"github.com/strait-data/strait/go/otapreceiver/internal/metadata"
	"github.com/strait-data/strait/go/receivers"
	"github.com/strait-data/strait/go/unit"
)

// Config is the configuration of the otap receiver.
type Config struct {
	otapnodes.Config `mapstructure:",squash"`
}

// Unmarshal reads the Collector's values; what `nodes` holds is read by Rust.
func (c *Config) Unmarshal(conf *confmap.Conf) error {
	if err := conf.Unmarshal(c); err != nil {
		return err
	}
	return c.Conform(unit.KindReceiver)
}

// Validate checks everything that needs no pipeline's signal. It opens nothing.
func (c *Config) Validate() error { return c.Check(unit.KindReceiver) }

func createDefaultConfig() component.Config { return &Config{Config: otapnodes.Default()} }

// NewFactory makes the factory.
func NewFactory() receiver.Factory {
	var f factory
	return receiver.NewFactory(metadata.Type, createDefaultConfig,
		receiver.WithLogs(f.createLogs, metadata.LogsStability),
		receiver.WithTraces(f.createTraces, metadata.TracesStability),
		receiver.WithMetrics(f.createMetrics, metadata.MetricsStability))
}

// factory knows the receivers that there are: one for each configuration.
type factory struct {
	all receivers.Set[*Config]
}

func (f *factory) createLogs(
	_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Logs,
) (receiver.Logs, error) {
	counted, err := receivers.ToLogs(set, set.ID.Type().String(), next)
	if err != nil {
		return nil, err
	}
	return f.receiver(set, cfg, counted)
}

func (f *factory) createTraces(
	_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Traces,
) (receiver.Traces, error) {
	counted, err := receivers.ToTraces(set, set.ID.Type().String(), next)
	if err != nil {
		return nil, err
	}
	return f.receiver(set, cfg, counted)
}

func (f *factory) createMetrics(
	_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Metrics,
) (receiver.Metrics, error) {
	counted, err := receivers.ToMetrics(set, set.ID.Type().String(), next)
	if err != nil {
		return nil, err
	}
	return f.receiver(set, cfg, counted)
}

// receiver gives the receiver of a configuration one more signal.
func (f *factory) receiver(
	set receiver.Settings, cfg component.Config, next unit.Next,
) (*receivers.Receiver, error) {
	config := cfg.(*Config)
	spec, transport, err := config.Unit(set.ID, unit.KindReceiver, nil)
	if err != nil {
		return nil, err
	}
	return f.all.Add(config, func() *unit.Receiver {
		return unit.NewReceiver(spec, transport, set.TelemetrySettings)
	}, next)
}
