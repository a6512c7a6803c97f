package edge

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/strait-data/strait/go/otap"
	"github.com/strait-data/strait/go/ring"
)

// Guarantees: the limits that the page on logs gives are those of the code.
func TestLimitsOnThePage(t *testing.T) {
	page, err := os.ReadFile("../../../docs/records-logs.md")
	require.NoError(t, err)
	const slab = ring.DefaultBlocks * ring.BlockBytes
	o := encoderOptions(otap.Strict, slab)
	require.EqualValues(t, slab, o.MaxRecordBytes)
	for _, text := range []string{
		fmt.Sprintf("a quarter of the slab: %d MiB with the default `ring::size_mib` of %d",
			o.MaxBytes>>20, slab>>20),
		fmt.Sprintf("the slab: %d MiB by default", o.MaxRecordBytes>>20),
		fmt.Sprintf("| nesting | %d levels |", otap.MaxDepth),
		fmt.Sprintf("deeper than %d |", otap.MaxDepth),
		fmt.Sprintf("| %d,%03d each |", otap.MaxIDs/1000, otap.MaxIDs%1000),
	} {
		require.Contains(t, string(page), text)
	}
}
