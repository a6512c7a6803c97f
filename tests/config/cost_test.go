package config

import (
	"encoding/json"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"golang.org/x/sys/unix"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/rustconfig"
)

// ordinary is a configuration of ordinary size, for a Twin and its Rust twin.
func ordinary() *confmap.Conf {
	return confmap.NewFromStringMap(map[string]any{
		"name": "other", "max_count": 12, "ratio": 0.25, "timeout": "30s", "token": "hunter2",
		"mode": "exact",
		"tags": []any{"a", "b", "c"}, "labels": map[string]any{"env": "test", "zone": "one"},
		"nested": map[string]any{"depth": 3}, "endpoint": "localhost:4317",
		"rules": []any{
			map[string]any{"pattern": "a+", "weight": 1},
			map[string]any{"pattern": "b+", "wait": "100ms"},
		},
	})
}

// wrong has a mistake of every kind.
func wrong() *confmap.Conf {
	return confmap.NewFromStringMap(map[string]any{
		"nmae": "x", "max_count": "many", "timeout": "soon", "token": []any{1}, "mode": "slow", "tags": 1,
		"rules": []any{map[string]any{"patern": 1}},
	})
}

// invalid is refused by the component's own validation.
func invalid() *confmap.Conf {
	return confmap.NewFromStringMap(map[string]any{"max_count": -1, "rules": []any{map[string]any{}}})
}

func read(cfg component.Config, conf *confmap.Conf) error {
	if err := conf.Unmarshal(cfg); err != nil {
		return err
	}
	return confmap.Validate(cfg)
}

func newRustTwin() component.Config { return rustconfig.New("processor", "rust_twin") }

// Guarantees: reading configurations, good and bad, leaves nothing behind in either language.
// Rust's allocator is asked how many bytes it has given out, so that a few thousand tell;
// STRAIT_VALIDATIONS sets another number.
func TestNothingIsLeftBehind(t *testing.T) {
	count := 3_000
	if text, ok := os.LookupEnv("STRAIT_VALIDATIONS"); ok {
		var err error
		count, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	run := func(count int) {
		good, bad, worse := ordinary(), wrong(), invalid()
		for range count / 3 {
			require.NoError(t, read(newRustTwin(), good))
			require.Error(t, read(newRustTwin(), bad))
			require.Error(t, read(newRustTwin(), worse))
		}
	}
	run(300)
	before := measure(t)
	run(count)
	after := measure(t)
	t.Logf("%d validations: Rust %+d bytes, Go %+d bytes, resident %+d KiB", count,
		after.inRust-before.inRust, after.inGo-before.inGo, (after.resident-before.resident)>>10)
	// A byte for each would be more.
	require.Less(t, after.inRust-before.inRust, count)
	// Go's heap has what the test itself keeps; 16 bytes, the smallest object with a pointer, for
	// each would be more.
	require.Less(t, after.inGo-before.inGo, 16*count)
}

type memory struct{ inRust, inGo, resident int }

func measure(t testing.TB) memory {
	t.Helper()
	runtime.GC()
	debug.FreeOSMemory()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	peer, err := control.Bind()
	require.NoError(t, err)
	reply, err := peer.Call(t.Context(), control.Counters, 0, nil)
	require.NoError(t, err)
	var counters struct{ Allocated int }
	require.NoError(t, json.Unmarshal(reply, &counters))
	text, err := os.ReadFile("/proc/self/statm")
	require.NoError(t, err)
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	require.NoError(t, err)
	return memory{counters.Allocated, int(stats.HeapAlloc), pages * os.Getpagesize()}
}

// The cost of what the Collector does with one component's values, Unmarshal and Validate: CPU of
// all threads, Go and Rust in turns in one process, medians. The peer must be built as it is
// measured: `build.sh release`.
func BenchmarkRead(b *testing.B) {
	for _, c := range []struct {
		name string
		conf func() *confmap.Conf
		fine bool
	}{{"ordinary", ordinary, true}, {"wrong", wrong, false}, {"invalid", invalid, false}} {
		b.Run(c.name, func(b *testing.B) {
			conf := c.conf()
			var inGo, inRust, ratios []float64
			round := func(make func() component.Config) float64 {
				const each = 100
				before := cpu(b)
				for range each {
					if err := read(make(), conf); (err == nil) != c.fine {
						b.Fatal(err)
					}
				}
				return float64(cpu(b)-before) / each
			}
			round(newTwin)
			round(newRustTwin)
			for b.Loop() {
				g, r := round(newTwin), round(newRustTwin)
				inGo, inRust, ratios = append(inGo, g), append(inRust, r), append(ratios, r/g)
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(median(inGo)/1e3, "us-go")
			b.ReportMetric(median(inRust)/1e3, "us-rust")
			b.ReportMetric(median(ratios), "rust/go")
		})
	}
}

// cpu is what this process has used, in nanoseconds.
func cpu(b *testing.B) int64 {
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return used.Utime.Nano() + used.Stime.Nano()
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
