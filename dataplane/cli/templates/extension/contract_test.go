// Package contract holds {{type}} to what the Collector asks of an extension, and of one that
// authenticates: `strait test --config builder.yaml` builds it, and runs this.
package contract

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensionauth"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.uber.org/goleak"

	crate "crate.local/{{name}}"

	_ "strait.local/native" // the component, in Rust
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func made(t *testing.T) extension.Extension {
	t.Helper()
	f := crate.NewFactory()
	cfg := f.CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(map[string]any{
		"keys": []any{"let-me-in"},
	}).Unmarshal(cfg))
	require.NoError(t, confmap.Validate(cfg))
	e, err := f.Create(t.Context(), extensiontest.NewNopSettings(f.Type()), cfg)
	require.NoError(t, err)
	return e
}

// The configuration is one that the Collector can read and show; without a key it is refused.
func TestConfig(t *testing.T) {
	cfg := crate.NewFactory().CreateDefaultConfig()
	require.NoError(t, componenttest.CheckConfigStruct(cfg))
	require.ErrorContains(t, confmap.Validate(cfg), "keys")
}

// An instance ends without a start and after one, also twice, and another one can follow.
func TestLifecycle(t *testing.T) {
	require.NoError(t, made(t).Shutdown(t.Context()))
	for range 2 {
		e := made(t)
		require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
		require.NoError(t, e.Shutdown(t.Context()))
		require.NoError(t, e.Shutdown(t.Context()))
	}
}

// Receivers find an authenticator in it, which lets in who has a key, and nobody after a shutdown.
func TestAuthenticator(t *testing.T) {
	e := made(t)
	require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
	server, is := e.(extensionauth.Server)
	require.True(t, is)
	known := map[string][]string{"X-Api-Key": {"let-me-in"}}
	_, err := server.Authenticate(t.Context(), known)
	require.NoError(t, err)
	for _, headers := range []map[string][]string{nil, {"X-Api-Key": {"guess"}}} {
		_, err = server.Authenticate(t.Context(), headers)
		require.Error(t, err)
	}
	require.NoError(t, e.Shutdown(t.Context()))
	_, err = server.Authenticate(t.Context(), known)
	require.Error(t, err)
}
