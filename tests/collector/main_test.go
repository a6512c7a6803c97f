// Package collector holds the system tests: the Collector that `strait build` made, as a process,
// fed by telemetrygen. run.sh names the two programs; without them the tests fail.
package collector

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"google.golang.org/grpc"

	"github.com/strait-data/strait/tests/otelcol"
)

func program(t *testing.T, variable string) string {
	path := os.Getenv(variable)
	require.NotEmpty(t, path, "%s names no program: run these tests with `make test-system`", variable)
	return path
}

func writeConfig(t *testing.T, text string) string {
	path := filepath.Join(t.TempDir(), "otelcol.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// run starts the Collector with a configuration whose receiver listens on ${env:OTLP_IN}.
func run(t *testing.T, config string, env map[string]string) (*otelcol.Process, string) {
	in, err := otelcol.FreeAddress()
	require.NoError(t, err)
	env["OTLP_IN"] = in
	c, err := otelcol.Start(program(t, "STRAIT_COLLECTOR"), writeConfig(t, config), env)
	require.NoError(t, err)
	t.Cleanup(c.Kill)
	require.NoError(t, c.Ready(t.Context(), in))
	return c, in
}

// command runs the Collector to its end and returns its exit code and what it wrote.
func command(t *testing.T, args ...string) (int, string) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, program(t, "STRAIT_COLLECTOR"), args...)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	err := c.Run()
	if c.ProcessState == nil {
		require.NoError(t, err)
	}
	return c.ProcessState.ExitCode(), out.String()
}

// census counts equal logs.
func census(logs []plog.Logs) map[string]int {
	out := map[string]int{}
	otelcol.Each(
		logs,
		func(res pcommon.Resource, scope pcommon.InstrumentationScope, lr plog.LogRecord) {
			out[otelcol.Describe(res, scope, lr)]++
		},
	)
	return out
}

func total(c map[string]int) (n int) {
	for _, k := range c {
		n += k
	}
	return n
}

// serve runs a gRPC server on a free port until the test's end.
func serve(t *testing.T, register func(*grpc.Server)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	g := grpc.NewServer()
	register(g)
	go func() { _ = g.Serve(l) }() // ends, without an error, at the stop
	t.Cleanup(g.Stop)
	return l.Addr().String()
}

// replace puts a processor's name into a configuration.
func replace(config, processor string) string {
	return strings.ReplaceAll(config, "%PROCESSOR%", processor)
}
