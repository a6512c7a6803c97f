package config

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/xconfmap"

	"github.com/strait-data/strait/go/rustconfig"
)

func rustTwin(t testing.TB, values map[string]any) *rustconfig.Config {
	t.Helper()
	cfg := rustconfig.New("processor", "rust_twin")
	require.NoError(t, confmap.NewFromStringMap(values).Unmarshal(cfg))
	return cfg
}

// Guarantees: a secret is masked wherever a configuration is shown, unless the whole truth is asked
// for; Create has it.
func TestSecretsAreMasked(t *testing.T) {
	cfg := rustTwin(t, map[string]any{"token": "hunter2", "vault": map[string]any{"a/b": "hunter3"}})
	masked := show(t, cfg)
	require.NotContains(t, masked, "hunter")
	require.Equal(t, 2, strings.Count(masked, "[REDACTED]"))
	open := show(t, cfg, xconfmap.WithUnredacted())
	require.Contains(t, open, "token: hunter2")
	require.Contains(t, open, "a/b: hunter3")
	require.Contains(t, string(cfg.JSON()), "hunter2")
}

// Guarantees: no error shows a secret, whatever stands in its place.
func TestErrorsHideSecrets(t *testing.T) {
	for _, values := range []map[string]any{
		{"token": []any{"hunter2"}},
		{"token": map[string]any{"a": "hunter2"}},
		{"vault": "hunter2"},
		{"vault": map[string]any{"a": []any{"hunter2"}}, "token": "hunter3", "nmae": 1},
	} {
		err := confmap.NewFromStringMap(values).Unmarshal(rustconfig.New("processor", "rust_twin"))
		require.Error(t, err)
		require.NotContains(t, err.Error(), "hunter")
	}
}

// Guarantees: a configuration that no values came for is the component's default, whole.
func TestDefaultIsWhole(t *testing.T) {
	require.Equal(t, show(t, newTwin()), show(t, rustconfig.New("processor", "rust_twin")))
	require.NoError(t, rustconfig.New("processor", "rust_twin").Validate())
}

// Guarantees: a component that is not in the Rust part is named.
func TestUnknownComponent(t *testing.T) {
	err := confmap.New().Unmarshal(rustconfig.New("exporter", "rust_twin"))
	require.ErrorContains(t, err, "no exporter of type `rust_twin` is linked in")
}
