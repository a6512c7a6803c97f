package collector

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/strait-data/strait/tests/otelcol"
)

const extensionsConfig = `
extensions:
  strait: {memory_limit_mib: 4000}
  token_provider: {file: %q, check_interval: 20ms}
  health_reporter: {file: %q}
receivers:
  otlp:
    protocols:
      grpc: {endpoint: "${env:OTLP_IN}"}
      http: {endpoint: %q, auth: {authenticator: token_provider}}
processors: {otap: {nodes: [{attribute: {actions: [{action: delete, key: k}]}}]}, mask_cards: {}}
exporters: {nop: {}}
service:
  extensions: [strait, token_provider, health_reporter]
  telemetry: {metrics: {level: none}}
  pipelines: {logs: {receivers: [otlp], processors: [otap, mask_cards], exporters: [nop]}}
`

// Guarantees: in the Collector that was built, Rust extensions run beside Rust processors: a token
// guards a receiver, health is in a file through a reload, and both end with the process, which
// exits with 0.
func TestExtensionsInTheBuiltCollector(t *testing.T) {
	dir := t.TempDir()
	tokens, health := filepath.Join(dir, "tokens"), filepath.Join(dir, "health.json")
	require.NoError(t, os.WriteFile(tokens, []byte("sesame\n"), 0o600))
	guarded, err := otelcol.FreeAddress()
	require.NoError(t, err)
	c, _ := run(t, fmt.Sprintf(extensionsConfig, tokens, health, guarded), map[string]string{})
	healthy := func() bool {
		b, err := os.ReadFile(health)
		return err == nil && string(b) == `{"healthy":true,"ready":true,"components":{}}`
	}
	require.Eventually(t, healthy, time.Minute, 5*time.Millisecond, "%s", c.Output())
	post := func(token string) int {
		r, err := http.NewRequest(http.MethodPost, "http://"+guarded+"/v1/logs", strings.NewReader("{}"))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", token)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0 // not there during a reload
		}
		require.NoError(t, answer.Body.Close())
		return answer.StatusCode
	}
	require.Equal(t, http.StatusOK, post("Bearer sesame"))
	require.Equal(t, http.StatusUnauthorized, post("Bearer wrong"))

	require.NoError(t, os.Remove(health))
	require.NoError(t, os.WriteFile(health, []byte("old"), 0o600))
	require.NoError(t, c.Reload())
	require.Eventually(t, healthy, time.Minute, 5*time.Millisecond, "%s", c.Output())
	require.Eventually(
		t,
		func() bool { return post("Bearer sesame") == http.StatusOK },
		time.Minute,
		5*time.Millisecond,
	)

	require.NoError(t, c.Stop(t.Context()))
	require.NoFileExists(t, health)
	http.DefaultClient.CloseIdleConnections()
}

// Guarantees: the exit codes are the Collector's: 0 for a configuration that is right, 1 with the
// key's path for one that is not, and 1 with the extension's name for a start that fails.
func TestExtensionsExitCodes(t *testing.T) {
	t.Setenv("OTLP_IN", "127.0.0.1:0")
	config := func(tokens string) string {
		text := fmt.Sprintf(extensionsConfig, tokens, filepath.Join(t.TempDir(), "health"), "127.0.0.1:0")
		return writeConfig(t, text)
	}
	code, out := command(t, "validate", "--config", config("/nowhere"))
	require.Zero(t, code, out)
	code, out = command(t, "validate", "--config", config(""))
	require.Equal(t, 1, code, out)
	require.Contains(t, out, "extensions::token_provider: file: is missing")
	code, out = command(t, "--config", config("/nowhere"))
	require.Equal(t, 1, code, out)
	require.Contains(
		t,
		out,
		"failed to start extensions: token_provider: start: the file of tokens /nowhere",
	)
}
