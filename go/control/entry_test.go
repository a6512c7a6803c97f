package control

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// Guarantees: a Collector without a usable Rust part says what to do. No library is linked into
// these tests; with CGO_ENABLED=0 they check the other text.
func TestBindSaysWhatToDo(t *testing.T) {
	peer, err := Bind()
	require.Nil(t, peer)
	if !supported {
		require.ErrorContains(t, err, "CGO_ENABLED=0")
		require.ErrorContains(t, err, "`dist.cgo_enabled: true`")
		return
	}
	require.ErrorContains(t, err, "without its Rust part")
	require.ErrorContains(t, err, "`strait build --config <your builder file>`")
}

// Guarantees: two different libraries are refused by name; the same one twice is not two. Neither
// address is called.
func TestTwoLibrariesAreRefused(t *testing.T) {
	if !supported {
		t.Skip("there is nothing to bind without cgo; TestBindSaysWhatToDo covers that")
	}
	defer func() {
		registered.entry, registered.name, registered.twice, registered.err = nil, "", "", nil
	}()
	// SAFETY: the addresses are compared, never called.
	var code [2]byte
	RegisterEntry(unsafe.Pointer(&code[0]), "first")
	RegisterEntry(unsafe.Pointer(&code[0]), "first again")
	require.Empty(t, registered.twice)
	RegisterEntry(unsafe.Pointer(&code[1]), "second")
	for range 2 {
		peer, err := Bind()
		require.Nil(t, peer)
		require.ErrorContains(t, err, `"first" and "second"`)
	}
}
