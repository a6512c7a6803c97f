package native

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/yamlprovider"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/receiver"
	servicetelemetry "go.opentelemetry.io/collector/service/telemetry"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/strait-data/strait/go/converter"
	"github.com/strait-data/strait/go/otapconnector"
	"github.com/strait-data/strait/go/otapprocessor"
	"github.com/strait-data/strait/go/rustcomponent"
	"github.com/strait-data/strait/go/straitextension"
)

// A whole Collector in this process, whose ends are the test's: the receivers `feed` are fed by it,
// and `feeder`, which is in Rust, over a socket; the exporters `keep` are its sinks, the extension
// `watch` hears every status.

// collector is one that runs.
type collector struct {
	*otelcol.Collector
	reader *sdkmetric.ManualReader
	ended  chan error

	mu       sync.Mutex
	feeds    map[string]consumer.Logs
	keeps    map[string]*sink
	traces   consumertest.TracesSink
	statuses map[string]string // the last of each component, by kind and id
}

// ends are those of a component that does nothing at its start and end.
type ends struct {
	component.StartFunc
	component.ShutdownFunc
}

type watcher struct {
	ends
	c *collector
}

func (w watcher) ComponentStatusChanged(of *componentstatus.InstanceID, e *componentstatus.Event) {
	w.c.mu.Lock()
	defer w.c.mu.Unlock()
	text := e.Status().String()
	if e.Err() != nil {
		text += ": " + e.Err().Error()
	}
	w.c.statuses[of.Kind().String()+" "+of.ComponentID().String()] = text
}

// awaits waits until a component has a status.
func (c *collector) awaits(t testing.TB, of, status string) {
	t.Helper()
	for end := time.Now().Add(patience); c.status(of) != status; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			require.Equal(t, status, c.status(of), "%s: %v", of, c.statuses)
		}
	}
}

func (c *collector) status(of string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.statuses[of]
}

type passing struct {
	ends
	consumer.Logs
}

type passingTraces struct {
	ends
	consumer.Traces
}

func none() component.Config { return &struct{}{} }

// factories are the test's own components and the Rust ones of builder.yaml.
func (c *collector) factories() (f otelcol.Factories, err error) {
	typ := component.MustNewType
	masks := crate("mask_cards")
	masks.Crate, masks.Logs = "mask-cards", component.StabilityLevelAlpha
	faulty, feeder, source := crate("faulty"), crate("feeder"), crate("source")
	for _, m := range []*rustcomponent.Metadata{&masks, &faulty} {
		m.Traces, m.Metrics = component.StabilityLevelUndefined, component.StabilityLevelUndefined
	}
	f.Receivers, err = otelcol.MakeFactoryMap(receiver.NewFactory(typ("feed"), none,
		receiver.WithLogs(func(
			_ context.Context, set receiver.Settings, _ component.Config, next consumer.Logs,
		) (receiver.Logs, error) {
			c.feeds[set.ID.String()] = next
			return &ends{}, nil
		}, level)), rustcomponent.NewReceiver(feeder), rustcomponent.NewReceiver(source))
	if err != nil {
		return f, err
	}
	f.Processors, err = otelcol.MakeFactoryMap(rustcomponent.NewProcessor(masks),
		rustcomponent.NewProcessor(faulty), otapprocessor.NewFactory(),
		processor.NewFactory(typ("same"), none, processor.WithLogs(func(
			_ context.Context, _ processor.Settings, _ component.Config, next consumer.Logs,
		) (processor.Logs, error) {
			return passing{Logs: next}, nil
		}, level)))
	if err != nil {
		return f, err
	}
	f.Exporters, err = otelcol.MakeFactoryMap(exporter.NewFactory(typ("keep"), none,
		exporter.WithLogs(func(
			_ context.Context, set exporter.Settings, _ component.Config,
		) (exporter.Logs, error) {
			s := &sink{}
			c.keeps[set.ID.String()] = s
			return passing{Logs: s}, nil
		}, level), exporter.WithTraces(func(
			context.Context, exporter.Settings, component.Config,
		) (exporter.Traces, error) {
			return passingTraces{Traces: &c.traces}, nil
		}, level)), rustcomponent.NewExporter(crate("outlet")))
	if err != nil {
		return f, err
	}
	f.Connectors, err = otelcol.MakeFactoryMap(connector.NewFactory(typ("join"), none,
		connector.WithLogsToLogs(func(
			_ context.Context, _ connector.Settings, _ component.Config, next consumer.Logs,
		) (connector.Logs, error) {
			return passing{Logs: next}, nil
		}, level)), otapconnector.NewFactory(), tallies())
	if err != nil {
		return f, err
	}
	f.Extensions, err = otelcol.MakeFactoryMap(straitextension.NewFactory(), filestorage.NewFactory(),
		extension.NewFactory(typ("watch"), none, func(
			context.Context, extension.Settings, component.Config,
		) (extension.Extension, error) {
			return watcher{c: c}, nil
		}, level))
	f.Telemetry = servicetelemetry.NewFactory(none, servicetelemetry.WithCreateMeterProvider(func(
		context.Context, servicetelemetry.MeterSettings, component.Config,
	) (servicetelemetry.MeterProvider, error) {
		return sdkmetric.NewMeterProvider(sdkmetric.WithReader(c.reader)), nil
	}))
	return f, err
}

// distribution is what `strait build` says of builder.yaml.
var distribution = converter.Distribution{
	Version: "0.1.0",
	Rust: map[string][]string{
		"receivers": {"feeder", "source"}, "processors": {"otap", "mask_cards", "faulty"},
		"exporters": {"outlet"}, "connectors": {"otap", "tally"},
	},
}

// runCollector starts a Collector of a configuration, in YAML, and ends it with the test.
func runCollector(t testing.TB, yaml string) *collector {
	t.Helper()
	c := tryCollector(t, yaml)
	require.Equal(t, otelcol.StateRunning, c.GetState(), "%v", c.failure())
	return c
}

// tryCollector starts a Collector of a configuration, and waits until it runs or has ended.
func tryCollector(t testing.TB, yaml string) *collector {
	t.Helper()
	c := &collector{
		reader: sdkmetric.NewManualReader(), ended: make(chan error, 1),
		feeds: map[string]consumer.Logs{}, keeps: map[string]*sink{}, statuses: map[string]string{},
	}
	var err error
	c.Collector, err = otelcol.NewCollector(otelcol.CollectorSettings{
		Factories: c.factories, BuildInfo: component.NewDefaultBuildInfo(),
		DisableGracefulShutdown: true, SkipSettingGRPCLogger: true,
		ConfigProviderSettings: otelcol.ConfigProviderSettings{ResolverSettings: confmap.ResolverSettings{
			URIs:               []string{"yaml:" + yaml},
			ProviderFactories:  []confmap.ProviderFactory{yamlprovider.NewFactory()},
			ConverterFactories: []confmap.ConverterFactory{converter.NewFactory(distribution)},
		}},
	})
	require.NoError(t, err)
	go func() { c.ended <- c.Run(context.Background()) }()
	require.Eventually(t, func() bool {
		if len(c.ended) > 0 {
			return true
		}
		return c.GetState() == otelcol.StateRunning
	}, patience, time.Millisecond)
	return c
}

// failure is why it has ended; nil while it runs.
func (c *collector) failure() error {
	select {
	case err := <-c.ended:
		c.ended <- err
		return err
	default:
		return nil
	}
}

// end shuts the Collector down.
func (c *collector) end(t testing.TB) {
	t.Helper()
	c.Shutdown()
	require.NoError(t, <-c.ended)
}

// sums are the metrics whose names begin so, each summed by the value of an attribute.
func (c *collector) sums(t testing.TB, prefix, by string) map[string]int64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	require.NoError(t, c.reader.Collect(context.Background(), &all))
	found := map[string]int64{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			data, is := m.Data.(metricdata.Sum[int64])
			if !is || !strings.HasPrefix(m.Name, prefix) {
				continue
			}
			for _, point := range data.DataPoints {
				value, has := point.Attributes.Value(attributeKey(by))
				if !has {
					value, _ = scope.Scope.Attributes.Value(attributeKey(by))
				}
				found[fmt.Sprintf("%s of %s", m.Name, value.AsString())] += point.Value
			}
		}
	}
	return found
}
