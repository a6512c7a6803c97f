package native

import (
	"context"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/strait-data/strait/go/otapreceiver"
	"github.com/strait-data/strait/go/unit"
)

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
	require.LessOrEqual(t, after.rings, before.rings)
}

// wholePipeline starts a part without edges, whose receiver sends one batch of traces to a queue,
// and stops it when that is exported.
func wholePipeline(t *testing.T) {
	none := map[string]any{}
	steps := []any{map[string]any{"signal": "traces", "text": "hello"}}
	r := unit.NewReceiver(unit.Spec{ID: "source", Fidelity: unit.Strict, Members: []unit.Member{{
		ID: "source", Kind: unit.KindReceiver, Type: "source",
		Config: map[string]any{"steps": steps, "repeat": 0, "listen": "", "fails": none},
	}}}, unit.DefaultTransport(), componenttest.NewNopTelemetrySettings())
	passes := ofNodes(chain(node("retry", none)))
	passes.Signal = unit.Traces
	require.NoError(t, r.Add(unit.ToTraces(consumertest.NewNop()), passes, unit.Member{
		ID: "outlet", Kind: unit.KindExporter, Type: "outlet", Signal: unit.Traces,
		Config: map[string]any{"says": "", "to": "", "fails": none},
		Sending: &unit.Sending{
			Timeout: time.Minute,
			Queue:   &unit.Queue{Size: 10, Sizer: "requests", Consumers: 2},
		},
	}))
	require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, r.Shutdown(t.Context()))
}

// receiverCycle starts the case's node that receives, and stops it.
func receiverCycle(t *testing.T, c *nodeCase, machine string) {
	f := otapreceiver.NewFactory()
	cfg, set := c.at(t, f, free(t), machine), receivertest.NewNopSettings(f.Type())
	var r component.Component
	var err error
	if c.Node == "host_metrics" {
		r, err = f.CreateMetrics(t.Context(), set, cfg, consumertest.NewNop())
	} else {
		r, err = f.CreateLogs(t.Context(), set, cfg, consumertest.NewNop())
	}
	require.NoError(t, err)
	require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, r.Shutdown(t.Context()))
}

// cyclesOf is a start, a batch, and a stop: of the engine's nodes, of a component of each kind, of
// a connector of nodes, and of a whole pipeline; and without a batch, of each node that receives.
func cyclesOf(t *testing.T) map[string]func(*testing.T) {
	f := forms()[0]
	all := map[string]func(*testing.T){"nodes": func(t *testing.T) {
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
	}}
	all["whole pipeline"] = wholePipeline
	all["connector of nodes"] = connectorCycle
	machine := t.TempDir()
	writeJournal(t, machine, []entry{{1, []string{"MESSAGE=hello"}}})
	writeFigures(t, machine, "MemTotal: 4 kB\n")
	for _, c := range allCases(t) {
		if c.Kind == "receiver" {
			all["node "+c.Node] = func(t *testing.T) { receiverCycle(t, &c, machine) }
		}
	}
	for _, k := range kinds() {
		all[k.name] = func(t *testing.T) {
			o := k.instance(t, "cycle", k.fails())
			o.start(t)
			if k.takes() {
				require.NoError(t, o.give(t.Context(), 5, "hello"))
			}
			require.NoError(t, o.stop(patience))
		}
	}
	return all
}

// Guarantees: start and stop cycles of each kind, each with a batch, leave nothing behind.
func TestCyclesLeaveNothing(t *testing.T) {
	cycles := 100
	if os.Getenv(soakEnv) != "" {
		cycles = 10_000
	}
	for name, cycle := range cyclesOf(t) {
		t.Run(name, func(t *testing.T) {
			for range 50 {
				cycle(t)
			}
			before := resources(t)
			for range cycles {
				cycle(t)
			}
			after := resources(t)
			require.LessOrEqual(t, after.rings, before.rings, "memory of rings that is still mapped")
			require.LessOrEqual(t, after.fds, before.fds)
			require.LessOrEqual(t, after.goroutines, before.goroutines+fewThreads)
			require.LessOrEqual(t, after.threads, before.threads+fewThreads)
			require.LessOrEqual(t, after.mappings, before.mappings+64)
			// A leaked slab would be 64 MiB a cycle, a leaked header a page: 10,000 cycles stay below
			// 4 KiB each.
			require.LessOrEqual(t, after.rss, before.rss+32<<20)
		})
	}
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
