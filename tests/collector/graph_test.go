package collector

import (
	"context"
	"encoding/xml"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// graphOf runs `strait graph` and gives what it prints and says.
func graphOf(t *testing.T, args ...string) (out, said string, err error) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, program(t, "STRAIT"), append([]string{"graph"}, args...)...)
	var words strings.Builder
	c.Stderr = &words
	b, err := c.Output()
	return string(b), words.String(), err
}

// Guarantees: `strait graph` draws what the Collector is going to fuse, in each form, with the
// reason of each cut; a configuration that the Collector refuses is refused with its words.
func TestTheGraphIsDrawn(t *testing.T) {
	const processors = `  otap: {nodes: [{debug: {}}]}
  mask_cards: {}
  mask_cards/b: {runtime: {rust: {fuse: false}}}
  mask_cards/c: {}`
	const order = "otap, mask_cards, mask_cards/b, mask_cards/c"
	path := writeConfig(t, fmt.Sprintf(skeleton, processors, "logs", order))
	collector := program(t, "STRAIT_COLLECTOR")
	text, said, err := graphOf(t, "--collector", collector, "-c", path)
	require.NoError(t, err, said)
	require.Equal(t, `logs
    receiver   otlp          Go
  ┌ processor  otap          Rust, one part of 2
  └ processor  mask_cards    Rust
    processor  mask_cards/b  Rust
    processor  mask_cards/c  Rust
    exporter   nop           Go

Batches leave Rust between two that run there:
  logs: mask_cards | mask_cards/b: `+"`fuse: false` holds for mask_cards/b"+`
  logs: mask_cards/b | mask_cards/c: `+"`fuse: false` holds for mask_cards/b\n", text)
	dot, _, err := graphOf(t, "--collector", collector, "-c", path, "--format", "dot")
	require.NoError(t, err)
	require.Contains(t, dot, `"logs processor otap" -> "logs processor mask_cards"`)
	svg, _, err := graphOf(t, "--collector", collector, "-c", path, "--format", "svg")
	require.NoError(t, err)
	require.NoError(t, xml.Unmarshal([]byte(svg), new(struct{})))

	_, said, err = graphOf(t, "--collector", collector, "-c",
		writeConfig(t, fmt.Sprintf(skeleton, "  otap: {nodez: []}", "logs", "otap")))
	require.Error(t, err)
	require.Contains(t, said, "the Collector refuses")
	require.Contains(t, said, "nodez")
	_, said, err = graphOf(t, "--collector", "/no/collector", "-c", path)
	require.Error(t, err)
	require.Contains(t, said, "/no/collector")
}
