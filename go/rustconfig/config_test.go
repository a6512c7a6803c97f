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
