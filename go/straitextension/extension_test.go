package straitextension

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/extension/extensiontest"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/whole"
)

// Guarantees: a program without its Rust part starts with the defaults, and refuses a limit that
// nobody keeps.
func TestWithoutRust(t *testing.T) {
	f := NewFactory()
	for limit, want := range map[whole.Number]error{0: nil, 100: control.ErrNoPeer} {
		made, err := f.Create(
			t.Context(),
			extensiontest.NewNopSettings(f.Type()),
			&Config{MemoryLimitMiB: limit},
		)
		require.NoError(t, err)
		require.ErrorIs(t, made.Start(t.Context(), componenttest.NewNopHost()), want)
		require.NoError(t, made.Shutdown(t.Context()))
		require.NoError(t, made.Shutdown(t.Context()))
	}
}

// Guarantees: a limit that is none is refused with its key.
func TestValidate(t *testing.T) {
	require.NoError(t, confmap.Validate(&Config{MemoryLimitMiB: maxMiB}))
	for _, limit := range []whole.Number{-1, maxMiB + 1, 1<<63 - 1} {
		require.EqualError(t, confmap.Validate(&Config{MemoryLimitMiB: limit}),
			fmt.Sprintf("memory_limit_mib: must be 0 to 1099511627776, found %d", limit))
	}
	require.ErrorContains(t, confmap.Validate(&Config{MemoryLimitMiB: 9, MemorySpikeLimitMiB: -1}),
		"memory_spike_limit_mib: must not be negative, found -1")
	require.NoError(t, confmap.Validate(&Config{MemoryLimitMiB: 100, MemorySpikeLimitMiB: 99}))
	require.ErrorContains(
		t,
		confmap.Validate(&Config{MemoryLimitMiB: 100, MemorySpikeLimitMiB: 100}),
		"memory_spike_limit_mib",
	)
	require.ErrorContains(
		t,
		confmap.Validate(&Config{MemorySpikeLimitMiB: 1}),
		"memory_spike_limit_mib",
	)
	require.EqualValues(t, 80<<20, (&Config{MemoryLimitMiB: 100}).refuseAbove())
	require.EqualValues(
		t,
		70<<20,
		(&Config{MemoryLimitMiB: 100, MemorySpikeLimitMiB: 30}).refuseAbove(),
	)
	require.Zero(t, (&Config{}).refuseAbove())
}
