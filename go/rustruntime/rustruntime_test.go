package rustruntime_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.uber.org/goleak"

	"github.com/strait-data/strait/go/ring"
	"github.com/strait-data/strait/go/rustruntime"
	"github.com/strait-data/strait/go/unit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func read(t *testing.T, text string) (*rustruntime.Config, error) {
	retrieved, err := confmap.NewRetrievedFromYAML([]byte(text))
	require.NoError(t, err)
	conf, err := retrieved.AsConf()
	require.NoError(t, err)
	cfg := new(rustruntime.Config)
	err = conf.Unmarshal(cfg)
	if err == nil {
		err = confmap.Validate(cfg)
	}
	return cfg, err
}

// Guarantees: every key arrives in the unit's runtime; what is left out stays open, and so does
// everything of a component without the key.
func TestKeys(t *testing.T) {
	cfg, err := read(t, `rust: {executor: tokio_local, lanes: 2, max_in_flight: 3, max_wait: 4s,
		wake: latency, ring: {descriptors: 8, size_mib: 5}}`)
	require.NoError(t, err)
	require.Equal(t, unit.Runtime{
		Lanes: 2, MaxInFlight: 3, MaxWait: 4 * time.Second, Wake: unit.WakeLatency,
		Geometry: ring.Geometry{Descriptors: 8, Blocks: 5 * unit.BlocksPerMiB},
	}, cfg.Runtime())
	require.NoError(t, componenttest.CheckConfigStruct(cfg))
	cfg, err = read(t, `rust: {}`)
	require.NoError(t, err)
	require.Equal(t, unit.Runtime{}, cfg.Runtime())
	require.Equal(t, unit.Runtime{}, (*rustruntime.Config)(nil).Runtime())
}

// Guarantees: what cannot be is refused with its place, what is allowed, and what was found.
func TestWrongValues(t *testing.T) {
	for text, want := range map[string]string{
		"rust: {lane: 2}":           "'rust' has invalid keys: lane",
		"go: {}":                    "'rustruntime.Config' has invalid keys: go",
		"rust: {lanes: 257}":        "rust: lanes: must be 1 to 256, found 257",
		"rust: {lanes: -1}":         "rust: lanes: must be 1 to 256, found -1",
		"rust: {lanes: 1.5}":        "expected a whole number, found 1.5",
		"rust: {executor: tokio}":   `rust: executor: must be "tokio_local", found "tokio"`,
		"rust: {max_in_flight: -2}": "rust: max_in_flight: must be 1 to 65536, found -2",
		"rust: {max_wait: 5}":       "rust: max_wait: must be at least 1ms, found 5ns",
		"rust: {wake: never}":       `rust: wake: must be "efficient" or "latency", found "never"`,
		"rust: {ring: {descriptors: 12}}": "rust: ring::descriptors: must be a power of two from 8 " +
			"to 65536, found 12",
		"rust: {ring: {size_mib: 4097}}": "rust: ring::size_mib: must be 1 to ",
	} {
		_, err := read(t, text)
		require.ErrorContains(t, err, want, text)
	}
}
