package config

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/otelcol"
)

// command runs the Collector's own command line.
func command(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := otelcol.NewCommand(otelcol.CollectorSettings{
		BuildInfo:              component.NewDefaultBuildInfo(),
		Factories:              collectorFactories,
		ConfigProviderSettings: otelcol.ConfigProviderSettings{ResolverSettings: resolverSettings(nil)},
	})
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SilenceUsage = true
	cmd.SetArgs(args)
	err := cmd.Execute()
	return out.String(), err
}

func whole(t *testing.T, body string) string {
	t.Helper()
	rest, section := within("rust_twin")
	text := section + ":\n  rust_twin:" + strings.ReplaceAll("\n"+body, "\n", "\n    ")
	return write(t, "otelcol.yaml", rest+text)
}

// Guarantees: `print-config` shows what a component will have, with its defaults; given back, it
// shows the same.
func TestPrintConfigComesBack(t *testing.T) {
	print := func(path string) string {
		out, err := command(t, "print-config", "--config", path)
		require.NoError(t, err, out)
		return out
	}
	first := print(whole(t, "timeout: 90s\ntoken: hunter2\nrules: [{pattern: a}]"))
	for _, line := range []string{
		"timeout: 1m30s", "token: '[REDACTED]'", "max_count: 3", "wait: 0s", "maybe: null",
	} {
		require.Contains(t, first, line)
	}
	require.NotContains(t, first, "hunter")
	require.Equal(t, first, print(write(t, "again.yaml", first)))
}

// Guarantees: `validate` takes what is right, and names each mistake in what is not, in either
// phase.
func TestValidateCommand(t *testing.T) {
	out, err := command(t, "validate", "--config", whole(t, "name: x"))
	require.NoError(t, err, out)
	_, err = command(t, "validate", "--config", whole(t, "nmae: x\nnested: {depth: x}"))
	require.ErrorContains(t, err, "'rust_twin.Config' has invalid keys: nmae (did you mean 'name'?)")
	require.ErrorContains(
		t,
		err,
		"'nested.depth' expected type 'int64', got unconvertible type 'string'",
	)
	_, err = command(t, "validate", "--config", whole(t, "max_count: -1\nnested: {depth: 101}"))
	require.ErrorContains(
		t,
		err,
		"processors::rust_twin: max_count: must not be negative, found -1\n"+
			"nested: depth must be at most 100, found 101",
	)
}
