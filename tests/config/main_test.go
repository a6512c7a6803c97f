package config

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/envprovider"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/confmap/provider/yamlprovider"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/otelcol/otelcoltest"
	"go.opentelemetry.io/collector/processor"
	"go.uber.org/goleak"
	"go.yaml.in/yaml/v3"

	_ "github.com/strait-data/strait/tests/config/native"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// collector is the rest of a Collector's configuration.
const collector = `
receivers: {nop: }
exporters: {nop: }
service: {pipelines: {logs: {receivers: [nop], processors: [%s], exporters: [nop%s]}}}
`

// within is the rest of a Collector's configuration that has the component in its pipeline, and the
// section that the component's own stands in.
func within(typ string) (rest, section string) {
	if strings.HasSuffix(typ, "_sender") {
		return fmt.Sprintf(collector, "", ", "+typ), "exporters"
	}
	return fmt.Sprintf(collector, typ, ""), "processors"
}

func collectorFactories() (otelcol.Factories, error) {
	all, err := otelcoltest.NopFactories()
	if err != nil {
		return all, err
	}
	if all.Processors, err = otelcol.MakeFactoryMap[processor.Factory](factories...); err != nil {
		return all, err
	}
	nop := all.Exporters
	all.Exporters, err = otelcol.MakeFactoryMap[exporter.Factory](senders...)
	maps.Copy(all.Exporters, nop)
	return all, err
}

func resolverSettings(uris []string) confmap.ResolverSettings {
	return confmap.ResolverSettings{
		URIs:          uris,
		DefaultScheme: "env",
		ProviderFactories: []confmap.ProviderFactory{
			envprovider.NewFactory(), fileprovider.NewFactory(), yamlprovider.NewFactory(),
		},
	}
}

// load reads the configuration of one component as a Collector does with as many `--config` as
// there are bodies, and validates it. It returns the component's part as print-config shows it.
func load(t testing.TB, typ string, bodies ...string) (string, error) {
	t.Helper()
	var uris []string
	rest, section := within(typ)
	for i, body := range append([]string{""}, bodies...) {
		text := rest
		if i > 0 {
			text = section + ":\n  " + typ + ":" + strings.ReplaceAll("\n"+body, "\n", "\n    ")
		}
		uris = append(uris, "file:"+write(t, fmt.Sprintf("%d.yaml", i), text))
	}
	provider, err := otelcol.NewConfigProvider(
		otelcol.ConfigProviderSettings{ResolverSettings: resolverSettings(uris)},
	)
	require.NoError(t, err)
	defer func() { require.NoError(t, provider.Shutdown(context.Background())) }()
	all, err := collectorFactories()
	require.NoError(t, err)
	cfg, err := provider.Get(t.Context(), all)
	if err != nil {
		return "", err
	}
	if err := confmap.Validate(cfg); err != nil {
		return "", err
	}
	if section == "exporters" {
		return show(t, cfg.Exporters[component.MustNewID(typ)]), nil
	}
	return show(t, cfg.Processors[component.MustNewID(typ)]), nil
}

// show writes a configuration as print-config does.
func show(t testing.TB, cfg component.Config, options ...confmap.MarshalOption) string {
	t.Helper()
	conf := confmap.New()
	require.NoError(t, conf.Marshal(cfg, options...))
	text, err := yaml.Marshal(conf.ToStringMap())
	require.NoError(t, err)
	return string(text)
}

func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}
