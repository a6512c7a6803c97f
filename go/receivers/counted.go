package receivers

import (
	"context"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receiverhelper"

	"github.com/strait-data/strait/go/unit"
)

// ToLogs is where a receiver's logs go. What passes is counted, with this name for its format and
// no transport.
func ToLogs(set receiver.Settings, format string, next consumer.Logs) (unit.Next, error) {
	report, err := reportOf(set)
	if err != nil {
		return unit.Next{}, err
	}
	counted, err := consumer.NewLogs(func(ctx context.Context, d plog.Logs) error {
		ctx, n := report.StartLogsOp(ctx), d.LogRecordCount() // before it is somebody else's
		err := next.ConsumeLogs(ctx, d)
		report.EndLogsOp(ctx, format, n, err)
		return err
	})
	return unit.ToLogs(counted), err
}

// ToTraces is the same of spans.
func ToTraces(set receiver.Settings, format string, next consumer.Traces) (unit.Next, error) {
	report, err := reportOf(set)
	if err != nil {
		return unit.Next{}, err
	}
	counted, err := consumer.NewTraces(func(ctx context.Context, d ptrace.Traces) error {
		ctx, n := report.StartTracesOp(ctx), d.SpanCount()
		err := next.ConsumeTraces(ctx, d)
		report.EndTracesOp(ctx, format, n, err)
		return err
	})
	return unit.ToTraces(counted), err
}

// ToMetrics is the same of data points.
func ToMetrics(set receiver.Settings, format string, next consumer.Metrics) (unit.Next, error) {
	report, err := reportOf(set)
	if err != nil {
		return unit.Next{}, err
	}
	counted, err := consumer.NewMetrics(func(ctx context.Context, d pmetric.Metrics) error {
		ctx, n := report.StartMetricsOp(ctx), d.DataPointCount()
		err := next.ConsumeMetrics(ctx, d)
		report.EndMetricsOp(ctx, format, n, err)
		return err
	})
	return unit.ToMetrics(counted), err
}

func reportOf(set receiver.Settings) (*receiverhelper.ObsReport, error) {
	return receiverhelper.NewObsReport(receiverhelper.ObsReportSettings{
		ReceiverID: set.ID, ReceiverCreateSettings: set,
	})
}
