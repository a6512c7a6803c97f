package collector

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Guarantees: what `${env:X}` expands to is, inside nodes, the text where a key takes text and the
// number where it takes one; the values reach the nodes so.
func TestExpandedValuesInsideNodes(t *testing.T) {
	t.Setenv("N", "9")
	t.Setenv("NO", "false")
	t.Setenv("KEY", "0123")
	t.Setenv("SALT", "404")
	const nodes = `  otap:
    nodes:
      - filter:
          logs: {include: {severity_number: {min: "${env:N}", match_undefined: "${env:NO}"}}}
      - attribute: {actions: [{action: hash, key: "${env:KEY}", salt: "${env:SALT}"}]}`
	path := writeConfig(t, fmt.Sprintf(skeleton, nodes, "logs", "otap"))
	code, out := command(t, "validate", "--config", path)
	require.Zero(t, code, out)
	code, out = command(t, "print-config", "--mode", "unredacted", "--config", path)
	require.Zero(t, code, out)
	for _, line := range []string{"min: 9", "match_undefined: false", `key: "0123"`, `salt: "404"`} {
		require.Contains(t, out, line)
	}
}

// Guarantees: a secret of a node's is masked where the configuration is shown, and is in no
// message, also where it is of the wrong type or stands in a configuration that is wrong.
func TestSecretsOfNodesAreNotShown(t *testing.T) {
	t.Setenv("SALT", "hunter2")
	const text = "  otap: {nodes: [{attribute: {actions: [{action: hash, key: a, %s}]%s}}]}"
	for _, c := range []struct{ salt, more string }{
		{`salt: "${env:SALT}"`, ""}, {"salt: hunter2", ""}, {"salt: hunter2", ", typo: 1"},
		{"salt: [hunter2]", ""}, {"salt: hunter2, typo: 1", ""}, {"salt: 404", ""},
	} {
		path := writeConfig(t, fmt.Sprintf(skeleton, fmt.Sprintf(text, c.salt, c.more), "logs", "otap"))
		_, out := command(t, "print-config", "--config", path)
		require.NotContains(t, out, "hunter2")
		_, out = command(t, "print-config", "--validate=false", "--config", path)
		require.NotContains(t, out, "hunter2")
		require.Contains(t, out, "[REDACTED]")
		code, out := command(t, "validate", "--config", path)
		require.NotContains(t, out, "hunter2")
		isText := c.more == "" && !strings.ContainsAny(c.salt, "[,4")
		require.Equal(t, isText, code == 0, "%s%s: %s", c.salt, c.more, out)
	}
}
