package extension

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/strait-data/strait/go/control"
)

// configOf reads and validates a configuration as the Collector does.
func configOf(t testing.TB, f extension.Factory, text string) component.Config {
	t.Helper()
	cfg := f.CreateDefaultConfig()
	retrieved, err := confmap.NewRetrievedFromYAML([]byte(text))
	require.NoError(t, err)
	conf, err := retrieved.AsConf()
	require.NoError(t, err)
	require.NoError(t, conf.Unmarshal(cfg))
	require.NoError(t, confmap.Validate(cfg))
	return cfg
}

// statusHost keeps what is reported.
type statusHost struct {
	component.Host
	mu   sync.Mutex
	seen []string
}

func (h *statusHost) Report(e *componentstatus.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	text := e.Status().String()
	if e.Err() != nil {
		text += " " + e.Err().Error()
	}
	h.seen = append(h.seen, text)
}

func (h *statusHost) said(part string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Contains(strings.Join(h.seen, "\n"), part)
}

// gauge is the last value of a metric that is one number.
func gauge(t testing.TB, telemetry *componenttest.Telemetry, name string) int64 {
	t.Helper()
	found, err := telemetry.GetMetric(name)
	require.NoError(t, err)
	switch data := found.Data.(type) {
	case metricdata.Gauge[int64]:
		require.Len(t, data.DataPoints, 1)
		return data.DataPoints[0].Value
	case metricdata.Sum[int64]:
		require.Len(t, data.DataPoints, 1)
		return data.DataPoints[0].Value
	default:
		t.Fatalf("%s is a %T", name, found.Data)
		return 0
	}
}

// readAllocated is what Rust has allocated, as the control channel says.
func readAllocated(t testing.TB) int {
	t.Helper()
	peer, err := control.Bind()
	require.NoError(t, err)
	b, err := peer.Call(context.Background(), control.Counters, 0, []byte("{}"))
	require.NoError(t, err)
	var counted struct {
		Bytes int `json:"allocated_bytes"`
	}
	require.NoError(t, json.Unmarshal(b, &counted))
	return counted.Bytes
}

// nothingLeaks waits until no thread is counted as leaked: those of earlier tests end too.
func nothingLeaks(t testing.TB, telemetry *componenttest.Telemetry) {
	t.Helper()
	require.Eventually(
		t,
		func() bool { return gauge(t, telemetry, "otelcol_strait_leaked_threads") == 0 },
		minute,
		10*tick,
	)
}
