package otapnodes_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/strait-data/strait/go/otapnodes"
	"github.com/strait-data/strait/go/unit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Guarantees: each key that is wrong is told by its name, all at once; without its Rust part a
// program takes the nodes as they are.
func TestCheckNamesTheKeys(t *testing.T) {
	cfg := otapnodes.Default()
	cfg.Lanes, cfg.Fidelity = 0, "best"
	err := cfg.Check(unit.KindExporter)
	require.ErrorContains(t, err, "nodes: empty")
	require.ErrorContains(t, err, "lanes: must be 1 to 256, found 0")
	require.ErrorContains(t, err, `fidelity: must be "strict" or "best_effort", found "best"`)
	cfg = otapnodes.Default()
	cfg.Nodes = []any{"noop"}
	require.NoError(t, cfg.Conform(unit.KindExporter))
	require.NoError(t, cfg.Check(unit.KindExporter))
}
