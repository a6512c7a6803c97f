package extension

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensionauth"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/otelcol"

	"github.com/strait-data/strait/go/rustcomponent"
)

// Guarantees: the suites that the Collector has for its own components: the configuration type, the
// factory, and the life cycle with and without Start.
func TestTheCollectorsSuites(t *testing.T) {
	configs := map[string]string{
		"probe": "on: {}", "token_provider": "file: " + os.DevNull,
		"health_reporter": "file: " + t.TempDir() + "/health",
	}
	for _, f := range []extension.Factory{probe, tokenProvider, healthReporter} {
		require.NoError(t, componenttest.CheckConfigStruct(f.CreateDefaultConfig()))
		require.NotEqual(t, component.StabilityLevelUndefined, f.Stability())
		create := func() extension.Extension {
			made, err := f.Create(
				t.Context(),
				extensiontest.NewNopSettings(f.Type()),
				configOf(t, f, configs[f.Type().String()]),
			)
			require.NoError(t, err)
			return made
		}
		require.NoError(t, create().Shutdown(t.Context()), "without Start")
		if f.Type().String() == "token_provider" {
			require.ErrorContains(
				t,
				create().Start(t.Context(), componenttest.NewNopHost()),
				"holds no token",
			)
			continue
		}
		for range 2 { // a second life after the first
			made := create()
			require.NoError(t, made.Start(t.Context(), componenttest.NewNopHost()))
			require.Error(t, made.Start(t.Context(), componenttest.NewNopHost()), "twice")
			require.NoError(t, made.Shutdown(t.Context()))
			require.NoError(t, made.Shutdown(t.Context()), "twice")
			require.Error(t, made.Start(t.Context(), componenttest.NewNopHost()), "after its end")
		}
	}
}

// Guarantees: an extension of another crate, version or stability than the Go side was made for
// does not start.
func TestMetadataIsChecked(t *testing.T) {
	right := rustcomponent.Metadata{
		Type:      "probe",
		Crate:     "strait-extension-testpeer",
		Version:   "0.1.0",
		Stability: component.StabilityLevelDevelopment,
	}
	for _, change := range []func(*rustcomponent.Metadata){
		func(m *rustcomponent.Metadata) { m.Crate = "other" },
		func(m *rustcomponent.Metadata) { m.Version = "0.2.0" },
		func(m *rustcomponent.Metadata) { m.Stability = component.StabilityLevelStable },
	} {
		wrong := right
		change(&wrong)
		made := instance(t, rustcomponent.NewExtension(wrong), "probe/a", "")
		require.ErrorContains(
			t,
			made.Start(t.Context(), componenttest.NewNopHost()),
			"build both with one `strait build`",
		)
		require.NoError(t, made.Shutdown(t.Context()))
	}
}

// Guarantees: a shutdown during a start cancels it; both end, and nothing stays.
func TestShutdownDuringStart(t *testing.T) {
	made := instance(t, probe, "probe/during", "on: {start: [hang]}")
	started := make(chan error, 1)
	go func() { started <- made.Start(context.Background(), componenttest.NewNopHost()) }()
	require.Eventually(
		t,
		func() bool { return threads(t) > 0 && named(t, "probe/during") == 1 },
		minute,
		tick,
	)
	require.NoError(t, made.Shutdown(t.Context()))
	require.ErrorIs(t, <-started, context.Canceled)
	require.Eventually(t, func() bool { return named(t, "probe/during") == 0 }, minute, tick)
}

// Guarantees: many instances of one type live side by side, and each ends by itself.
func TestManyInstances(t *testing.T) {
	var wg sync.WaitGroup
	for n := range 64 {
		wg.Go(func() {
			made := instance(
				t,
				probe,
				fmt.Sprintf("probe/n%d", n),
				fmt.Sprintf("server_auth: %t\non: {start: [{sleep: {ms: %d}}]}", n%2 == 0, n%7),
			)
			if err := made.Start(context.Background(), componenttest.NewNopHost()); err != nil {
				t.Error(err)
			}
			if err := made.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.Eventually(t, func() bool { return named(t, "probe/n") == 0 }, minute, tick)
}

// Guarantees: an instance that the Collector creates and forgets is forgotten in Rust too.
func TestForgottenInstancesAreDropped(t *testing.T) {
	before := readAllocated(t)
	for range 200 {
		_ = instance(t, probe, "probe/forgotten", "on: {drop: [{fail: "+strings.Repeat("x", 10000)+"}]}")
	}
	require.Eventually(t, func() bool {
		runtime.GC()
		return readAllocated(t) < before+500_000
	}, minute, 10*tick)
}

// cycles is how many lives the cycle test has: 10,000 take about half a minute; STRAIT_CYCLES says
// otherwise.
func cycles(t *testing.T, normal int) int {
	t.Helper()
	if text := os.Getenv("STRAIT_CYCLES"); text != "" {
		n, err := strconv.Atoi(text)
		require.NoError(t, err)
		return n
	}
	return normal
}

// Guarantees: 10,000 lives of an extension with a task, a storage call and a timer leave no memory,
// thread, descriptor or goroutine.
func TestCyclesLeaveNothing(t *testing.T) {
	host := componenttest.NewNopHost()
	config := configOf(
		t,
		probe,
		"server_auth: true\nclient_auth: true\nwatch: true\n"+
			"on: {task: [hang], start: [{log: {level: info, lines: 1}}]}",
	)
	life := func() {
		made, err := probe.Create(t.Context(), extensiontest.NewNopSettings(probe.Type()), config)
		require.NoError(t, err)
		require.NoError(t, made.Start(t.Context(), host))
		require.NoError(t, made.Shutdown(t.Context()))
	}
	flat(t, cycles(t, 10_000), life)
}

// Guarantees: reloads of a whole Collector leave nothing either.
func TestReloadsLeaveNothing(t *testing.T) {
	dir := t.TempDir()
	tokens := dir + "/tokens"
	require.NoError(t, os.WriteFile(tokens, []byte("t\n"), 0o600))
	c := newCollector(
		t,
		fmt.Sprintf(`
strait: {memory_limit_mib: 1000}
file_storage: {directory: %q}
probe/a: {depends_on: [file_storage], on: {start: [{count: {storage: file_storage}}], task: [hang]}}
probe/b: {depends_on: [probe/a], watch: true}
token_provider: {file: %q}
health_reporter: {file: %q}`, dir, tokens, dir+"/health.json"),
		[]string{
			"strait",
			"probe/b",
			"probe/a",
			"file_storage",
			"token_provider",
			"health_reporter",
		},
		"",
	).started(t)
	flat(t, 100, func() {
		loads := c.loads()
		require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGHUP))
		require.Eventually(t, func() bool {
			return c.loads() == loads+1 && c.GetState() == otelcol.StateRunning
		}, minute, time.Millisecond)
	})
	require.NoError(t, c.stop(t))
}

// flat runs life many times and compares what the process holds after a tenth of them with what it
// holds at the end.
func flat(t *testing.T, times int, life func()) {
	t.Helper()
	for range max(times/10, 10) {
		life()
	}
	before := holds(t)
	began := time.Now()
	for range times {
		life()
	}
	t.Logf("%d lives in %s", times, time.Since(began).Round(time.Millisecond))
	var after held
	// What ends last (a thread, a connection) may need a moment.
	require.Eventually(t, func() bool {
		after = holds(t)
		return after.threads <= before.threads+2 && after.descriptors <= before.descriptors+2 &&
			after.goroutines <= before.goroutines+2 && after.rust <= before.rust+100_000 &&
			after.resident <= before.resident+16<<20
	}, minute, 50*time.Millisecond, "before %+v", before)
	t.Logf("before %+v, after %+v", before, after)
}

type held struct{ resident, threads, descriptors, goroutines, rust int }

func holds(t *testing.T) held {
	t.Helper()
	runtime.GC()
	status, err := os.ReadFile("/proc/self/statm")
	require.NoError(t, err)
	pages, err := strconv.Atoi(strings.Fields(string(status))[1])
	require.NoError(t, err)
	descriptors, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return held{
		pages * os.Getpagesize(),
		threads(t),
		len(descriptors),
		runtime.NumGoroutine(),
		readAllocated(t),
	}
}

func threads(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/task")
	require.NoError(t, err)
	return len(list)
}

// named counts this process's threads whose name begins so; the kernel keeps 15 bytes.
func named(t *testing.T, prefix string) (n int) {
	t.Helper()
	list, err := os.ReadDir("/proc/self/task")
	require.NoError(t, err)
	for _, task := range list {
		name, err := os.ReadFile("/proc/self/task/" + task.Name() + "/comm")
		if err == nil && strings.HasPrefix(string(name), prefix) {
			n++
		}
	}
	return n
}

// BenchmarkCapability is what a question to a Rust extension costs: into the other runtime, to the
// instance's thread, and back.
func BenchmarkCapability(b *testing.B) {
	made := instance(b, probe, "probe/a", "server_auth: true")
	if err := made.Start(b.Context(), componenttest.NewNopHost()); err != nil {
		b.Fatal(err)
	}
	auth := made.(extensionauth.Server)
	headers := map[string][]string{"Authorization": {"Bearer token"}}
	for b.Loop() {
		if _, err := auth.Authenticate(b.Context(), headers); err != nil {
			b.Fatal(err)
		}
	}
	if err := made.Shutdown(context.Background()); err != nil {
		b.Fatal(err)
	}
}
