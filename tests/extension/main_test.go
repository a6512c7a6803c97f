// Package extension runs real Collectors in this process with Rust extensions: a native module
// without an engine (tests/peers/extension) holds the two examples and `probe`, which does in each
// phase of its life as it is told.
package extension

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/bearertokenauthextension"
	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/healthcheckextension"
	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/confmap/provider/yamlprovider"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/nopexporter"
	"go.opentelemetry.io/collector/exporter/otlpexporter"
	"go.opentelemetry.io/collector/exporter/otlphttpexporter"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/nopreceiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/service/telemetry/otelconftelemetry"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	_ "github.com/strait-data/strait/tests/extension/native"

	"github.com/strait-data/strait/go/rustcomponent"
	"github.com/strait-data/strait/go/straitextension"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// The Collector's own telemetry and gRPC keep these until the process ends.
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

// The crates' metadata, as `strait build` writes it.
var (
	probe = rustcomponent.NewExtension(
		rustcomponent.Metadata{
			Type:      "probe",
			Crate:     "strait-extension-testpeer",
			Version:   "0.1.0",
			Stability: component.StabilityLevelDevelopment,
		},
	)
	tokenProvider = rustcomponent.NewExtension(
		rustcomponent.Metadata{
			Type:      "token_provider",
			Crate:     "token-provider",
			Version:   "0.1.0",
			Stability: component.StabilityLevelAlpha,
		},
	)
	healthReporter = rustcomponent.NewExtension(
		rustcomponent.Metadata{
			Type:      "health_reporter",
			Crate:     "health-reporter",
			Version:   "0.1.0",
			Stability: component.StabilityLevelAlpha,
		},
	)
)

func factories(more ...extension.Factory) func() (otelcol.Factories, error) {
	return func() (f otelcol.Factories, err error) {
		f.Telemetry = otelconftelemetry.NewFactory()
		all := append([]extension.Factory{
			probe, tokenProvider, healthReporter, straitextension.NewFactory(), filestorage.NewFactory(),
			bearertokenauthextension.NewFactory(), healthcheckextension.NewFactory(),
		}, more...)
		if f.Extensions, err = otelcol.MakeFactoryMap(all...); err != nil {
			return f, err
		}
		f.Receivers, err = otelcol.MakeFactoryMap[receiver.Factory](
			nopreceiver.NewFactory(),
			otlpreceiver.NewFactory(),
		)
		if err != nil {
			return f, err
		}
		f.Exporters, err = otelcol.MakeFactoryMap[exporter.Factory](
			nopexporter.NewFactory(),
			otlpexporter.NewFactory(),
			otlphttpexporter.NewFactory(),
		)
		return f, err
	}
}

// rest is what a Collector needs besides its extensions.
const rest = `
receivers: {nop: {}}
exporters: {nop: {}}
service:
  telemetry: {metrics: {level: none}, logs: {sampling: {enabled: false}}}
  pipelines: {logs: {receivers: [nop], exporters: [nop]}}
`

// collector is a Collector that runs, or has tried to.
type collector struct {
	*otelcol.Collector
	logs     *observer.ObservedLogs
	services atomic.Int32
	done     chan struct{}
	err      error
}

// newCollector makes a Collector with extensions in the order of ids; its configuration is theirs,
// and what more adds.
func newCollector(
	t testing.TB,
	extensions string,
	ids []string,
	more string,
	own ...extension.Factory,
) *collector {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return "file:" + path
	}
	uris := []string{
		write("rest.yaml", rest),
		write(
			"extensions.yaml",
			fmt.Sprintf(
				"extensions:\n%s\nservice: {extensions: [%s]}\n",
				indent(extensions),
				strings.Join(ids, ", "),
			),
		),
	}
	if more != "" {
		uris = append(uris, write("more.yaml", more))
	}
	c := &collector{done: make(chan struct{})}
	// Each service, so each reload, makes a logger with the level of its configuration.
	observed, logs := observer.New(zapcore.DebugLevel)
	c.logs = logs
	core := func(inner zapcore.Core) zapcore.Core {
		c.services.Add(1)
		leveled, err := zapcore.NewIncreaseLevelCore(observed, zapcore.LevelOf(inner))
		if err != nil {
			return observed
		}
		return leveled
	}
	col, err := otelcol.NewCollector(otelcol.CollectorSettings{
		BuildInfo: component.NewDefaultBuildInfo(),
		Factories: factories(own...),
		ConfigProviderSettings: otelcol.ConfigProviderSettings{ResolverSettings: confmap.ResolverSettings{
			URIs: uris, ProviderFactories: []confmap.ProviderFactory{
				fileprovider.NewFactory(), yamlprovider.NewFactory(),
			},
		}},
		LoggingOptions:        []zap.Option{zap.WrapCore(core)},
		SkipSettingGRPCLogger: true,
	})
	require.NoError(t, err)
	c.Collector = col
	return c
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ")
}

// run runs it until it stops by itself, or fails the test after a minute.
func (c *collector) run(t testing.TB, ctx context.Context) error {
	t.Helper()
	c.start(ctx)
	select {
	case <-c.done:
	case <-time.After(time.Minute):
		t.Fatal("the Collector does not stop")
	}
	return c.err
}

func (c *collector) start(ctx context.Context) {
	go func() {
		defer close(c.done)
		c.err = c.Run(ctx)
	}()
}

// started starts it and waits until it runs; the test's end stops it.
func (c *collector) started(t testing.TB) *collector {
	t.Helper()
	c.start(context.Background())
	t.Cleanup(func() { _ = c.stop(t) })
	require.Eventually(t, func() bool {
		select {
		case <-c.done:
			return true
		default:
			return c.GetState() == otelcol.StateRunning
		}
	}, time.Minute, time.Millisecond)
	require.Equal(t, otelcol.StateRunning, c.GetState(), "%v", c.err)
	return c
}

// stop stops it and gives Run's error.
func (c *collector) stop(t testing.TB) error {
	t.Helper()
	c.Shutdown()
	select {
	case <-c.done:
	case <-time.After(time.Minute):
		t.Fatal("the Collector does not stop")
	}
	return c.err
}

// loads is how often a service was made: more by one with each reload.
func (c *collector) loads() int { return int(c.services.Load()) }

// lines are the messages that the component with this id logged; "" = of all.
func (c *collector) lines(id string) (out []string) {
	for _, e := range c.logs.All() {
		if id == "" || fmt.Sprint(e.ContextMap()["otelcol.component.id"]) == id {
			out = append(out, e.Message)
		}
	}
	return out
}

// fields are those that Rust gave to the first line with this message from this component; nil:
// there is none.
func (c *collector) fields(id, message string) map[string]any {
	for _, e := range c.logs.All() {
		if all := e.ContextMap(); e.Message == message && fmt.Sprint(all["otelcol.component.id"]) == id {
			return all
		}
	}
	return nil
}

// freePort is a port that was free a moment ago.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}
