package rustconfig_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.uber.org/goleak"

	"github.com/strait-data/strait/go/rustconfig"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Guarantees: what the user wrote comes back from the configuration as it was, and goes to Create.
func TestConfigComesBack(t *testing.T) {
	cfg := rustconfig.New("processor", "some")
	values := map[string]any{"rules": []any{map[string]any{"pattern": "x"}}, "n": 7}
	require.NoError(t, confmap.NewFromStringMap(values).Unmarshal(cfg))
	out := confmap.New()
	require.NoError(t, out.Marshal(cfg))
	require.Equal(t, values, out.ToStringMap())
	require.JSONEq(t, `{"rules": [{"pattern": "x"}], "n": 7}`, string(cfg.JSON()))
}

// Guarantees: a configuration with nothing in it goes to Create as an empty one.
func TestEmptyConfig(t *testing.T) {
	cfg := rustconfig.New("processor", "some")
	require.JSONEq(t, "{}", string(cfg.JSON()))
	require.NoError(t, confmap.NewFromStringMap(nil).Unmarshal(cfg))
	require.JSONEq(t, "{}", string(cfg.JSON()))
	require.NoError(t, cfg.Validate(), "without its Rust part a program takes the values as they are")
	require.NoError(t, componenttest.CheckConfigStruct(cfg))
}

// Guarantees: `runtime` is read by Go for each component that is a unit, shown where it was said,
// never sent to Rust, and wrong in it is told with its place; an extension has no such key.
func TestTheRuntimeIsGos(t *testing.T) {
	said := map[string]any{"n": 7, "runtime": map[string]any{"rust": map[string]any{"lanes": 3}}}
	for _, kind := range []string{"receiver", "processor", "connector"} {
		cfg := rustconfig.New(kind, "some")
		require.NoError(t, confmap.NewFromStringMap(said).Unmarshal(cfg))
		require.Equal(t, 3, cfg.Runtime().Lanes)
		require.JSONEq(t, `{"n": 7}`, string(cfg.JSON()))
		out := confmap.New()
		require.NoError(t, out.Marshal(cfg))
		require.Equal(t, 7, out.Get("n"))
		require.EqualValues(t, 3, out.Get("runtime::rust::lanes"))
	}
	exporter := rustconfig.NewExporter("some")
	require.NoError(t, confmap.NewFromStringMap(said).Unmarshal(exporter))
	require.Equal(t, 3, exporter.Runtime().Lanes)
	require.JSONEq(t, `{"n": 7}`, string(exporter.JSON()))

	wrong := rustconfig.New("processor", "some")
	require.NoError(t, confmap.NewFromStringMap(map[string]any{
		"runtime": map[string]any{"rust": map[string]any{"lanes": 1000}},
	}).Unmarshal(wrong))
	require.ErrorContains(t, confmap.Validate(wrong),
		"runtime::rust: lanes: must be 1 to 256, found 1000")
	unknown := map[string]any{"runtime": map[string]any{"rust": map[string]any{"lane": 1}}}
	require.ErrorContains(t,
		confmap.NewFromStringMap(unknown).Unmarshal(rustconfig.New("processor", "some")),
		"'runtime.rust' has invalid keys: lane")

	extension := rustconfig.New("extension", "some")
	require.NoError(t, confmap.NewFromStringMap(said).Unmarshal(extension))
	require.JSONEq(t, `{"n": 7, "runtime": {"rust": {"lanes": 3}}}`, string(extension.JSON()))
}
