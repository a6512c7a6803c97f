// Package contract holds {{type}} to what the Collector asks of a processor:
// `strait test --config builder.yaml` builds it, and runs this.
package contract

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/testdata"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.uber.org/goleak"

	crate "crate.local/{{name}}"

	_ "strait.local/native" // the component, in Rust
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func logs(t *testing.T, next consumer.Logs) processor.Logs {
	t.Helper()
	f := crate.NewFactory()
	p, err := f.CreateLogs(
		t.Context(), processortest.NewNopSettings(f.Type()), f.CreateDefaultConfig(), next)
	require.NoError(t, err)
	return p
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
		p := logs(t, consumertest.NewNop())
		require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))
		require.NoError(t, p.ConsumeLogs(t.Context(), testdata.GenerateLogs(3)))
		require.NoError(t, p.Shutdown(t.Context()))
	}
}

// The Collector's own suite: what was taken before a shutdown has come out, and nothing comes
// after it.
func TestShutdown(t *testing.T) {
	f := crate.NewFactory()
	processortest.VerifyShutdown(t, f, f.CreateDefaultConfig())
}

// What the next consumer says is what the caller hears.
func TestVerdict(t *testing.T) {
	full := consumererror.NewPermanent(context.DeadlineExceeded)
	for _, verdict := range []error{nil, context.DeadlineExceeded, full} {
		p := logs(t, consumertest.NewErr(verdict))
		require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))
		err := p.ConsumeLogs(t.Context(), testdata.GenerateLogs(3))
		require.Equal(t, verdict == nil, err == nil, err)
		require.Equal(t, consumererror.IsPermanent(verdict), consumererror.IsPermanent(err), err)
		require.NoError(t, p.Shutdown(t.Context()))
	}
}
