package extension

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/featuregate"
)

// Guarantees: each status that Rust reports reaches the Collector once, equal ones only the first
// time; the Collector's own (starting, stopping, stopped) stand around them.
func TestStatusesReachTheCollector(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	m := &middle{statuses: func(id, status, err string) {
		if id == "probe/a" {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, strings.TrimSpace(strings.TrimPrefix(status, "Status")+" "+err))
		}
	}}
	report := func(status, message string) string {
		return fmt.Sprintf("report: {status: %s, message: %s}", status, message)
	}
	steps := strings.Join([]string{
		report("recoverable", "one"), report("recoverable", "one"), report("recoverable", "two"),
		report("ok", "x"), report("ok", "y"), report("permanent", "three"),
	}, "}, {")
	c := newCollector(
		t,
		"probe/a: {on: {task: [{"+steps+"}]}}\nmiddle: {}",
		[]string{"middle", "probe/a"},
		"",
		middleFactory(m),
	).started(t)
	require.Eventually(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(seen) > 0 && seen[len(seen)-1] == "PermanentError three"
	}, minute, tick)
	require.NoError(t, c.stop(t))
	require.Equal(t, "Starting", seen[0])
	// The task may run before or after the Collector says that the start has ended.
	var own []string
	for _, s := range seen[1:] {
		if s != "OK" {
			own = append(own, s)
		}
	}
	require.Equal(
		t,
		[]string{
			"RecoverableError one",
			"RecoverableError two",
			"PermanentError three",
			"Stopping",
			"Stopped",
		},
		own,
	)
}

// Guarantees: a fatal status stops the Collector with its text, also when it is reported before the
// start has ended.
func TestAFatalStatusStopsTheCollector(t *testing.T) {
	for _, phase := range []string{"task", "start"} {
		c := newCollector(
			t,
			"probe/a: {on: {"+phase+": [report: {status: fatal, message: out of luck}]}}",
			[]string{"probe/a"},
			"",
		)
		_ = c.run(t, t.Context())
		require.Contains(t, fmt.Sprint(c.err, c.errors()), "out of luck", phase)
	}
}

// errors are the errors of the lines that have one.
func (c *collector) errors() (out []string) {
	for _, e := range c.logs.All() {
		if err := e.ContextMap()["error"]; err != nil {
			out = append(out, fmt.Sprint(err))
		}
	}
	return out
}

// Guarantees: the Collector's health check extension shows what Rust reports.
func TestTheHealthCheckShowsIt(t *testing.T) {
	const gate = "extension.healthcheck.useComponentStatus"
	require.NoError(t, featuregate.GlobalRegistry().Set(gate, true))
	t.Cleanup(func() { require.NoError(t, featuregate.GlobalRegistry().Set(gate, false)) })
	at := freePort(t)
	newCollector(t, `
health_check:
  http: {endpoint: "`+at+`", status: {enabled: true, path: /status}}
probe/a:
  on:
    task: [{sleep: {ms: 50}}, {report: {status: recoverable, message: the moon is full}}]`,
		[]string{"health_check", "probe/a"}, "").started(t)
	var body string
	require.Eventually(t, func() bool {
		r, err := http.Get("http://" + at + "/status?verbose")
		if err != nil {
			return false
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		body = string(b)
		return err == nil && strings.Contains(body, "the moon is full")
	}, minute, tick, "%s", body)
	require.Contains(t, body, `"extension:probe/a"`)
	require.Contains(t, body, "StatusRecoverableError")
}
