package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../../../../"

// Guarantees: what is committed carries the hash of the IDL beside it. That it is also all that the
// IDL generates is checked by `dataplane/control/regen.sh -check`, which needs the tool.
func TestCommittedFilesCarryTheHash(t *testing.T) {
	idl, err := os.ReadFile(root + "dataplane/control/src/idl.rs")
	require.NoError(t, err)
	out := rustFile(nil, nil, abiHash(idl))
	_, constant, found := strings.Cut(string(out), "pub const ABI: u64 = ")
	require.True(t, found)
	constant, _, _ = strings.Cut(constant, ";")
	for _, name := range []string{"go/control/idl_gen.go", "dataplane/control/src/gen.rs"} {
		text, err := os.ReadFile(root + name)
		require.NoError(t, err)
		require.Contains(t, string(text), constant, "%s is stale: run dataplane/control/regen.sh", name)
	}
}

// Guarantees: line ends do not count, text does.
func TestHashIsOfTheText(t *testing.T) {
	require.Equal(t, abiHash([]byte("a\nb\n")), abiHash([]byte("a\r\nb\r\n")))
	require.NotEqual(t, abiHash([]byte("a\nb\n")), abiHash([]byte("a\nc\n")))
}

// Guarantees: an interface that would leak, crash or hide pointers is refused with the reason.
func TestBadInterfacesAreRefused(t *testing.T) {
	const raw = "package main\n/*\n*/\nimport (\n\"runtime\"\n)\n" +
		"//export CHostCalls_a\nfunc CHostCalls_a(x C.uint64_t) {}\n"
	const idl = "#[rust2go::g2r]\npub trait PeerCalls {\n    fn b(x: u64);\n}\n"
	_, err := generate([]byte(idl), raw)
	require.NoError(t, err)
	for reason, c := range map[string]struct{ idl, raw string }{
		"doc comment":               {strings.Replace(idl, "    fn b", "    /// Doc.\n    fn b", 1), raw},
		"\"asmcall\"":               {idl, raw + "import asmcall"},
		"\"ref_list_mapper(ref\"":   {idl, raw + "ref_list_mapper(refOpStart)"},
		"void functions only":       {strings.Replace(idl, ");", ") -> u64;", 1), raw},
		"write each on one line":    {strings.Replace(idl, "fn b(", "fn b(\n", 1), raw},
		"no CHostCalls_ function":   {idl, "package main\n"},
		"no cgo preamble":           {idl, strings.Replace(raw, "/*\n*/\n", "", 1)},
		"once in the tool's output": {idl, strings.Replace(raw, "package main", "package other", 1)},
	} {
		_, err := generate([]byte(c.idl), c.raw)
		require.ErrorContains(t, err, reason)
	}
}
