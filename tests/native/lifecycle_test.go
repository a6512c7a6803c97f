package native

import (
	"context"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/strait-data/strait/go/otapprocessor"
	"github.com/strait-data/strait/go/unit"
)

// Guarantees: the Collector's own suite holds for the otap processor, for all three signals.
func TestVerifyShutdown(t *testing.T) {
	f := otapprocessor.NewFactory()
	cfg := f.CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(map[string]any{
		"fidelity": "best_effort", "nodes": chain(node("retry", map[string]any{})),
	}).Unmarshal(cfg))
	processortest.VerifyShutdown(t, f, cfg)
}

// Guarantees: validating and creating open nothing: no descriptor, mapping or thread more than
// before.
func TestValidateAndCreateOpenNothing(t *testing.T) {
	make1 := func() *unit.LogsConsumer {
		p, err := unit.NewLogs(
			forms()[0].spec(chain(deleteA, atLeast(9))),
			unit.DefaultTransport(),
			componenttest.NewNopTelemetrySettings(),
			unit.ToLogs(&sink{}),
		)
		require.NoError(t, err)
		return p
	}
	make1()
	before := resources(t)
	for range 100 {
		p := make1()
		require.NoError(t, p.Shutdown(t.Context()), "without a start")
	}
	after := resources(t)
	require.Equal(t, before.fds, after.fds)
	require.LessOrEqual(t, after.threads, before.threads+fewThreads)
	require.Zero(t, after.rings)
}

// Guarantees: 1,000 start and stop cycles, each with a batch, leave nothing behind.
func TestCyclesLeaveNothing(t *testing.T) {
	f := forms()[0]
	cycle := func() {
		p, err := unit.NewLogs(
			f.spec(chain(deleteA)),
			unit.DefaultTransport(),
			componenttest.NewNopTelemetrySettings(),
			unit.ToLogs(&sink{}),
		)
		require.NoError(t, err)
		require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))
		require.NoError(t, p.ConsumeLogs(context.Background(), logs(5)))
		require.NoError(t, p.Shutdown(t.Context()))
	}
	for range 50 {
		cycle()
	}
	before := resources(t)
	for range 1000 {
		cycle()
	}
	after := resources(t)
	require.Zero(t, after.rings, "memory of rings that is still mapped")
	require.LessOrEqual(t, after.fds, before.fds)
	require.LessOrEqual(t, after.goroutines, before.goroutines+fewThreads)
	require.LessOrEqual(t, after.threads, before.threads+fewThreads)
	require.LessOrEqual(t, after.mappings, before.mappings+64)
	// A leaked slab would be 64 MiB a cycle, a leaked header a page: 1,000 cycles stay below 32 KiB
	// each.
	require.LessOrEqual(t, after.rss, before.rss+32<<20)
}

type usage struct {
	fds, threads, goroutines, mappings, rings int
	rss                                       int64
}

// fewThreads come and go without being leaked: Go keeps some for itself, and each of Rust's that
// has called Go counts as a goroutine as long as it lives. A leak would be one for each start.
const fewThreads = 4

func resources(t *testing.T) usage {
	t.Helper()
	runtime.GC()
	entries := func(dir string) int {
		e, err := os.ReadDir(dir)
		require.NoError(t, err)
		return len(e)
	}
	maps, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	statm, err := os.ReadFile("/proc/self/statm")
	require.NoError(t, err)
	return usage{
		fds: entries(
			"/proc/self/fd",
		), threads: entries("/proc/self/task"), goroutines: runtime.NumGoroutine(),
		mappings: strings.Count(string(maps), "\n"), rings: strings.Count(string(maps), "memfd:strait"),
		rss: pages(t, string(statm)) * int64(os.Getpagesize()),
	}
}

// pages is the resident set of /proc/self/statm.
func pages(t *testing.T, statm string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(strings.Fields(statm)[1], 10, 64)
	require.NoError(t, err)
	return n
}
