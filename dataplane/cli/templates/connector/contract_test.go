// Package contract holds {{type}} to what the Collector asks of a connector:
// `strait test --config builder.yaml` builds it, and runs this.
package contract

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/goleak"

	crate "crate.local/{{name}}"

	_ "strait.local/native" // the component, in Rust
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func logs(t *testing.T, next consumer.Logs) connector.Logs {
	t.Helper()
	f := crate.NewFactory()
	c, err := f.CreateLogsToLogs(
		t.Context(), connectortest.NewNopSettings(f.Type()), f.CreateDefaultConfig(), next)
	require.NoError(t, err)
	return c
}

// severe is a batch of one ERROR log, which the connector sends on.
func severe() plog.Logs {
	d := plog.NewLogs()
	record := d.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	record.SetSeverityNumber(plog.SeverityNumberError)
	record.Body().SetStr("payment refused")
	return d
}

// The default configuration is one that the Collector can read, show and validate.
func TestConfig(t *testing.T) {
	cfg := crate.NewFactory().CreateDefaultConfig()
	require.NoError(t, componenttest.CheckConfigStruct(cfg))
	require.NoError(t, confmap.Validate(cfg))
}

// An instance ends without a start and after one, and another one can follow.
func TestLifecycle(t *testing.T) {
	require.NoError(t, logs(t, consumertest.NewNop()).Shutdown(t.Context()))
	for range 2 {
		c := logs(t, consumertest.NewNop())
		require.NoError(t, c.Start(t.Context(), componenttest.NewNopHost()))
		require.NoError(t, c.ConsumeLogs(t.Context(), severe()))
		require.NoError(t, c.Shutdown(t.Context()))
	}
}

// What was taken before a shutdown has come out, and nothing comes after it.
func TestShutdown(t *testing.T) {
	sink := new(consumertest.LogsSink)
	c := logs(t, sink)
	require.NoError(t, c.Start(t.Context(), componenttest.NewNopHost()))
	for range 10 {
		require.NoError(t, c.ConsumeLogs(t.Context(), severe()))
	}
	require.NoError(t, c.Shutdown(t.Context()))
	require.Equal(t, 10, sink.LogRecordCount())
	require.Error(t, c.ConsumeLogs(t.Context(), severe()))
	require.Equal(t, 10, sink.LogRecordCount())
}

// What the next consumer says is what the caller hears.
func TestVerdict(t *testing.T) {
	full := consumererror.NewPermanent(context.DeadlineExceeded)
	for _, verdict := range []error{nil, context.DeadlineExceeded, full} {
		c := logs(t, consumertest.NewErr(verdict))
		require.NoError(t, c.Start(t.Context(), componenttest.NewNopHost()))
		err := c.ConsumeLogs(t.Context(), severe())
		require.Equal(t, verdict == nil, err == nil, err)
		require.Equal(t, consumererror.IsPermanent(verdict), consumererror.IsPermanent(err), err)
		require.NoError(t, c.Shutdown(t.Context()))
	}
}
