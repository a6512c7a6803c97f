package extension

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension/extensiontest"

	"github.com/strait-data/strait/go/control"
)

// Guarantees: growth past memory_limit_mib is a fatal status that names both figures and stops the
// Collector; below it nothing happens; and the limit ends with its Collector.
func TestGrowthPastTheLimitStopsTheCollector(t *testing.T) {
	config := func(limit, mib int) string {
		return fmt.Sprintf(
			"strait: {memory_limit_mib: %d}\nprobe/a: {on: {task: [{allocate: {mib: %d}}]}}",
			limit,
			mib,
		)
	}
	ids := []string{"strait", "probe/a"}
	c := newCollector(t, config(200, 4000), ids, "")
	_ = c.run(t, t.Context())
	require.Contains(t, fmt.Sprint(c.err, c.errors()), "more than memory_limit_mib: 200")
	require.Contains(t, strings.Join(c.lines("probe/a"), " "), "stops", "it stops in order")

	small := newCollector(t, config(200, 20), ids, "").started(t)
	require.NoError(t, small.stop(t))
	require.NotContains(t, fmt.Sprint(small.errors()), "memory_limit_mib")
	unlimited := newCollector(t, config(0, 300), ids, "").started(t)
	require.NoError(t, unlimited.stop(t))
}

// Guarantees: below the limit by the spike, new batches are refused with both figures, until memory
// is free again or the Collector stops.
func TestBatchesAreRefusedBelowTheLimit(t *testing.T) {
	c := newCollector(
		t,
		"strait: {memory_limit_mib: 4000, memory_spike_limit_mib: 3900}\n"+
			"probe/a: {on: {task: [{allocate: {mib: 150}}]}}",
		[]string{"strait", "probe/a"},
		"",
	).started(t)
	require.Eventually(t, func() bool { return control.MemoryRefusal() != nil }, minute, tick)
	refusal := control.MemoryRefusal()
	require.Equal(t, control.Refused, refusal.Class)
	require.ErrorContains(t, refusal, "take no more above 100 MiB")
	require.NoError(t, c.stop(t))
	require.Nil(t, control.MemoryRefusal())
}

// Guarantees: what Rust has allocated is a metric, and goes down when an instance goes.
func TestAllocatedMemoryIsAMetric(t *testing.T) {
	reader := componenttest.NewTelemetry()
	defer func() { require.NoError(t, reader.Shutdown(context.Background())) }()
	set := extensiontest.NewNopSettings(probe.Type())
	set.TelemetrySettings = reader.NewTelemetrySettings()
	carrier, err := probe.Create(t.Context(), set, configOf(t, probe, ""))
	require.NoError(t, err)
	require.NoError(t, carrier.Start(t.Context(), componenttest.NewNopHost()))
	defer func() { require.NoError(t, carrier.Shutdown(context.Background())) }()
	const metric = "otelcol_strait_allocated_memory"
	before := gauge(t, reader, metric)
	made := instance(t, probe, "probe/hoard", "on: {start: [{allocate: {mib: 50}}]}")
	require.NoError(t, made.Start(t.Context(), componenttest.NewNopHost()))
	require.InDelta(t, 50<<20, gauge(t, reader, metric)-before, 2<<20)
	require.NoError(t, made.Shutdown(context.Background()))
	require.InDelta(t, 0, gauge(t, reader, metric)-before, 2<<20)
}
