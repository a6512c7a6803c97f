package rustcomponent

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"

	"github.com/strait-data/strait/go/receivers"
	"github.com/strait-data/strait/go/rustconfig"
	"github.com/strait-data/strait/go/unit"
)

// NewReceiver makes the factory of a receiver. What the Collector creates for each signal of one
// configuration is one instance in Rust. What it receives is counted as the Collector's receiver
// helper does, with the component's type for the format and no transport.
func NewReceiver(m Metadata) receiver.Factory {
	s := &shared{metadata: m}
	var options []receiver.FactoryOption
	if m.Logs != component.StabilityLevelUndefined {
		options = append(options, receiver.WithLogs(s.createLogs, m.Logs))
	}
	if m.Traces != component.StabilityLevelUndefined {
		options = append(options, receiver.WithTraces(s.createTraces, m.Traces))
	}
	if m.Metrics != component.StabilityLevelUndefined {
		options = append(options, receiver.WithMetrics(s.createMetrics, m.Metrics))
	}
	return receiver.NewFactory(component.MustNewType(m.Type), func() component.Config {
		return rustconfig.New(string(unit.KindReceiver), m.Type)
	}, options...)
}

// shared are the receivers of one type.
type shared struct {
	metadata Metadata
	all      receivers.Set[*rustconfig.Config]
}

func (s *shared) createLogs(
	_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Logs,
) (receiver.Logs, error) {
	return createReceiver(s, set, cfg, unit.Logs, next, receivers.ToLogs)
}

func (s *shared) createTraces(
	_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Traces,
) (receiver.Traces, error) {
	return createReceiver(s, set, cfg, unit.Traces, next, receivers.ToTraces)
}

func (s *shared) createMetrics(
	_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Metrics,
) (receiver.Metrics, error) {
	return createReceiver(s, set, cfg, unit.Metrics, next, receivers.ToMetrics)
}

// createReceiver gives the receiver of a configuration one more signal, and what of the pipeline
// behind it is in its part there.
func createReceiver[Consumer any](
	s *shared, set receiver.Settings, cfg component.Config, signal unit.Signal, next Consumer,
	to func(receiver.Settings, string, Consumer) (unit.Next, error),
) (*receivers.Receiver, error) {
	config := cfg.(*rustconfig.Config)
	behind, err := config.Place().Branch(signal)
	if err != nil {
		return nil, err
	}
	counted, err := to(behind.Settings(set), s.metadata.Type, next)
	if err != nil {
		return nil, err
	}
	return s.all.Add(config, func() *unit.Receiver {
		spec := s.metadata.spec(unit.KindReceiver, set.ID, config, nil)
		config.Place().Stands(&spec)
		return unit.NewReceiver(spec, transport(cfg), set.TelemetrySettings)
	}, behind.Next(counted), behind.Members()...)
}
