// Package contract holds {{type}} to what the Collector asks of an exporter:
// `strait test --config builder.yaml` builds it, and runs this.
//
// An exporter to something that answers can be held to exportertest.CheckConsumeContract, too,
// which wants a receiver at the other end. A file does not answer.
package contract

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/goleak"

	crate "crate.local/{{name}}"

	_ "strait.local/native" // the component, in Rust
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// configured is a configuration without the queue and the retries that the Collector has around
// an exporter: the caller hears at once what became of its batch.
func configured(t *testing.T, path string) component.Config {
	t.Helper()
	cfg := crate.NewFactory().CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(map[string]any{
		"path":             path,
		"sending_queue":    map[string]any{"enabled": false},
		"retry_on_failure": map[string]any{"enabled": false},
	}).Unmarshal(cfg))
	require.NoError(t, confmap.Validate(cfg))
	return cfg
}

func logs(t *testing.T, path string) exporter.Logs {
	t.Helper()
	f := crate.NewFactory()
	e, err := f.CreateLogs(t.Context(), exportertest.NewNopSettings(f.Type()), configured(t, path))
	require.NoError(t, err)
	return e
}

// batch is one log.
func batch(body string) plog.Logs {
	d := plog.NewLogs()
	record := d.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	record.SetSeverityNumber(plog.SeverityNumberInfo)
	record.Body().SetStr(body)
	return d
}

// The configuration is one that the Collector can read and show; without a path it is refused.
func TestConfig(t *testing.T) {
	cfg := crate.NewFactory().CreateDefaultConfig()
	require.NoError(t, componenttest.CheckConfigStruct(cfg))
	require.ErrorContains(t, confmap.Validate(cfg), "path")
}

// An instance ends without a start and after one, and another one can follow.
func TestLifecycle(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logs.txt")
	require.NoError(t, logs(t, path).Shutdown(t.Context()))
	require.NoFileExists(t, path)
	for range 2 {
		e := logs(t, path)
		require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
		require.NoError(t, e.ConsumeLogs(t.Context(), batch("order accepted")))
		require.NoError(t, e.Shutdown(t.Context()))
	}
	written, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "9 order accepted\n9 order accepted\n", string(written))
}

// A batch that cannot be delivered now is its caller's to try again.
func TestVerdict(t *testing.T) {
	e := logs(t, t.TempDir())
	require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
	err := e.ConsumeLogs(t.Context(), batch("order accepted"))
	require.Error(t, err)
	require.False(t, consumererror.IsPermanent(err), err)
	require.NoError(t, e.Shutdown(t.Context()))
}
