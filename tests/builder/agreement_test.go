package builder

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Guarantees: a crate whose Cargo.toml says another type and stability than its code is told before
// the Rust side is compiled, with both values, at its line of the builder file.
func TestACrateThatSaysTwoThings(t *testing.T) {
	folder := t.TempDir()
	c := component{name: "two-things", version: "0.1.0", typ: "in_code", appends: `"x"`}
	c.write(t, filepath.Join(folder, "two-things"))
	c.sdk = fmt.Sprintf("{ path = %q }", filepath.Join(root(t), "dataplane/component"))
	manifest := strings.NewReplacer(`"in_code"`, `"in_manifest"`, `"alpha"`, `"beta"`).
		Replace(c.manifest())
	write(t, filepath.Join(folder, "two-things/Cargo.toml"), manifest)
	write(t, filepath.Join(folder, "builder.yaml"), `dist: {name: otelcol, output_path: out}
processors:
  - cargo: two-things = { path = "two-things" }
`)
	code, out := build(t, folder)
	require.Equal(t, 1, code, out)
	for _, part := range []string{
		"two values for `type`: `in_manifest` in", "`in_code` in `describe()`",
		"two values for `signals`: `logs = beta` in", "`logs = alpha` in `describe()`",
		"builder.yaml:3:12]", "2 findings in builder.yaml",
	} {
		require.Contains(t, strings.Join(strings.Fields(out), " "), part)
	}
	require.NotContains(t, out, "compiling the Rust side")
}
