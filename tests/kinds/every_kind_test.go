package kinds

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/strait-data/strait/tests/otelcol"
)

// append writes lines of n digits and a card number, each of its own.
func (l *lines) append(n int, padding string) {
	l.t.Helper()
	w := bufio.NewWriter(l.file)
	for range n {
		_, err := fmt.Fprintf(w, "line %d paid with 4111 1111 1111 1111%s\n", l.n, padding)
		require.NoError(l.t, err)
		l.n++
	}
	require.NoError(l.t, w.Flush())
}

// environment is what the configurations of testdata ask for.
func environment(t *testing.T, from *lines, to *desk) map[string]string {
	t.Helper()
	env := map[string]string{
		"STORAGE": t.TempDir(), "LINES": from.path, "DESK": to.Address,
		"OTLP_IN": free(t), "BETWEEN": free(t),
	}
	return env
}

// bodies counts equal ones.
func bodies(s *otelcol.Sink) map[string]int {
	found := map[string]int{}
	otelcol.Each(s.Received(), func(
		_ pcommon.Resource, _ pcommon.InstrumentationScope, lr plog.LogRecord,
	) {
		found[lr.Body().Str()]++
	})
	return found
}

// counted is what the connector has counted so far.
func counted(s *otelcol.Sink) (n int64) {
	for _, metric := range s.Metrics() {
		for _, point := range metric.Sum().DataPoints().All() {
			n += point.IntValue()
		}
	}
	return n
}

// rewrite is a copy of a configuration with one text in the place of another.
func rewrite(t *testing.T, path, old, replacement string) {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(b), old)
	b = []byte(strings.ReplaceAll(string(b), old, replacement))
	require.NoError(t, os.WriteFile(path, b, 0o600))
}

func copied(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, b, 0o600))
	return path
}

// Guarantees: a Collector with a receiver, processors, a connector and an exporter in Rust delivers
// every item once, through a reload that changes one of them while lines and logs come, counts
// each, and ends with nothing in its hands and 0.
func TestACollectorOfEveryKind(t *testing.T) {
	const each = 20_000
	s, d, from := startSink(t), startDesk(t, nil), newLines(t)
	env, config := environment(t, from, d), copied(t, "every_kind.yaml")
	env["SINK"] = s.Address
	c := start(t, config, env)
	load := func() {
		require.NoError(t, c.Ready(t.Context(), env["OTLP_IN"]))
		_, err := otelcol.Generate(t.Context(), program(t, "TELEMETRYGEN"), env["OTLP_IN"],
			otelcol.Workload{Logs: each, Severity: 9, Text: "Info", Body: "has secret-42"})
		require.NoError(t, err)
	}
	from.append(each, "")
	load()
	eventually(t, c, func() bool { return s.Count() == each }, "what was sent is delivered")
	from.append(each, "") // they are on their way through the reload
	rewrite(t, config, "replacement: before", "replacement: after")
	require.NoError(t, c.Reload())
	eventually(t, c, func() bool { return c.Logged("Everything is ready") == 2 }, "it runs again")
	from.append(each, "")
	load()
	eventually(t, c, func() bool {
		n, _ := d.Lines()
		return s.Count() == 2*each && counted(s) == 2*each && n == 3*each
	}, "everything is delivered and counted")
	require.NoError(t, c.Stop(t.Context()))

	require.Equal(t, map[string]int{"has before": each, "has after": each}, bodies(s))
	require.EqualValues(t, 2*each, counted(s))
	n, again := d.Lines()
	require.Equal(t, 3*each, n)
	require.Zero(t, again, "lines that came twice")
	require.Positive(t, d.times["line 0 paid with **** **** **** 1111"])
}

// Guarantees: validate takes that configuration, and refuses a setting of each kind that is wrong,
// by its key; print-config shows each kind whole, and what it shows is taken again.
func TestCommandsOnEveryKind(t *testing.T) {
	env := environment(t, newLines(t), startDesk(t, nil))
	env["SINK"] = free(t)
	config := copied(t, "every_kind.yaml")
	code, out := command(t, env, "validate", "--config", config)
	require.Zero(t, code, out)
	for right, wrong := range map[string][2]string{
		"wake: latency": {"wake: later", "file_lines"}, "lanes: 2": {"lanes: -2", "redact"},
		"size_mib: 8": {"size_mib: -8", "log_count"}, "max_wait: 1s": {"max_waits: 1s", "outlet"},
	} {
		broken := copied(t, "every_kind.yaml")
		rewrite(t, broken, right, wrong[0])
		code, out := command(t, env, "validate", "--config", broken)
		require.Equal(t, 1, code, out)
		require.Contains(t, out, wrong[1])
		require.Contains(t, out, strings.SplitN(wrong[0], ":", 2)[0])
	}
	code, shown := command(t, env, "print-config", "--config", config)
	require.Zero(t, code, shown)
	for _, line := range []string{
		"wake: latency", "lanes: 2", "size_mib: 8", "max_wait: 1s", "limit: 1000", "hash: []",
		"start_at: beginning", "retry_on_failure:",
	} {
		require.Contains(t, shown, line)
	}
}
