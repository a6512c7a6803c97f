package rustcomponent

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receiverhelper"

	"github.com/strait-data/strait/go/rustconfig"
	"github.com/strait-data/strait/go/unit"
)

// NewReceiver makes the factory of a receiver. What the Collector creates for each signal of one
// configuration is one instance in Rust. What it receives is counted as the Collector's receiver
// helper does, with the component's type for the format and no transport.
func NewReceiver(m Metadata) receiver.Factory {
	s := &shared{metadata: m, instances: map[*rustconfig.Config]*sharedReceiver{}}
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

func (s *shared) createLogs(
	_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Logs,
) (receiver.Logs, error) {
	report, err := reportOf(set)
	if err != nil {
		return nil, err
	}
	counted, err := consumer.NewLogs(func(ctx context.Context, d plog.Logs) error {
		ctx, n := report.StartLogsOp(ctx), d.LogRecordCount() // before it is somebody else's
		err := next.ConsumeLogs(ctx, d)
		report.EndLogsOp(ctx, s.metadata.Type, n, err)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.receiver(set, cfg, unit.ToLogs(counted))
}

func (s *shared) createTraces(
	_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Traces,
) (receiver.Traces, error) {
	report, err := reportOf(set)
	if err != nil {
		return nil, err
	}
	counted, err := consumer.NewTraces(func(ctx context.Context, d ptrace.Traces) error {
		ctx, n := report.StartTracesOp(ctx), d.SpanCount()
		err := next.ConsumeTraces(ctx, d)
		report.EndTracesOp(ctx, s.metadata.Type, n, err)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.receiver(set, cfg, unit.ToTraces(counted))
}

func (s *shared) createMetrics(
	_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Metrics,
) (receiver.Metrics, error) {
	report, err := reportOf(set)
	if err != nil {
		return nil, err
	}
	counted, err := consumer.NewMetrics(func(ctx context.Context, d pmetric.Metrics) error {
		ctx, n := report.StartMetricsOp(ctx), d.DataPointCount()
		err := next.ConsumeMetrics(ctx, d)
		report.EndMetricsOp(ctx, s.metadata.Type, n, err)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.receiver(set, cfg, unit.ToMetrics(counted))
}

func reportOf(set receiver.Settings) (*receiverhelper.ObsReport, error) {
	return receiverhelper.NewObsReport(receiverhelper.ObsReportSettings{
		ReceiverID: set.ID, ReceiverCreateSettings: set,
	})
}
