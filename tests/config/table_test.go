package config

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// want is how the two sides of a case compare.
type want int

const (
	// equal: both take it, to the same effect.
	equal want = iota
	// refused: both refuse it, for the same reasons in the same words; Rust adds what is allowed.
	refused
	// rustRefuses and goRefuses are the differences that docs/configuration.md lists.
	rustRefuses
	goRefuses
	// differs: both take it, and the effect is not the same; also listed there.
	differs
)

type testCase struct {
	name string
	want want
	// bodies are the component's part in as many configurations as are merged.
	bodies []string
	env    map[string]string
	// kind is "twin" unless it is "open" or "sender".
	kind string
}

func one(name string, w want, body string) testCase {
	return testCase{name: name, want: w, bodies: []string{body}}
}

func env(name string, w want, body string, pairs ...string) testCase {
	c := one(name, w, body)
	c.env = map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		c.env[pairs[i]] = pairs[i+1]
	}
	return c
}

func open(name string, w want, body string) testCase {
	c := one(name, w, body)
	c.kind = "open"
	return c
}

func sends(name string, w want, bodies ...string) testCase {
	return testCase{name: name, want: w, bodies: bodies, kind: "sender"}
}

func merged(name string, w want, bodies ...string) testCase {
	return testCase{name: name, want: w, bodies: bodies}
}

// Guarantees: what the Collector makes of a configuration is the same for a Go component and for a
// Rust one.
func TestTwins(t *testing.T) {
	require.GreaterOrEqual(t, len(cases), 60)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for key, value := range c.env {
				t.Setenv(key, value)
			}
			kind := c.kind
			if kind == "" {
				kind = "twin"
			}
			goText, goErr := load(t, "go_"+kind, c.bodies...)
			rustText, rustErr := load(t, "rust_"+kind, c.bodies...)
			switch c.want {
			case equal:
				require.NoError(t, goErr)
				require.NoError(t, rustErr)
				require.Equal(t, goText, rustText)
			case refused:
				require.Error(t, goErr)
				require.Error(t, rustErr)
				goLines, rustLines := lines(goErr), lines(rustErr)
				require.Len(t, rustLines, len(goLines), "Go: %v\nRust: %v", goErr, rustErr)
				for i, line := range goLines {
					assert.True(t, strings.HasPrefix(rustLines[i], line), "Go: %s\nRust: %s", line, rustLines[i])
				}
			case rustRefuses:
				require.NoError(t, goErr)
				require.Error(t, rustErr)
			case goRefuses:
				require.Error(t, goErr)
				require.NoError(t, rustErr)
			case differs:
				require.NoError(t, goErr)
				require.NoError(t, rustErr)
				require.NotEqual(t, goText, rustText)
			}
		})
	}
}

// lines are what an error says of a configuration, in order, without what names the language: a
// struct's Go type, and the Collector's words around them. Where a component's own validation
// speaks, the Collector writes `: ` before its paths, and `::` before those that it found itself.
func lines(err error) []string {
	text := err.Error()
	for _, end := range []string{"error(s):\n\n", "invalid configuration: "} {
		if i := strings.LastIndex(text, end); i >= 0 {
			text = text[i+len(end):]
		}
	}
	text = language.ReplaceAllString(text, "")
	found := strings.Split(text, "\n")
	slices.Sort(found)
	return found
}

var language = regexp.MustCompile(
	`config\.(Twin|Open|Sender)|rust_(twin|open|sender)\.Config|(processors|exporters)::\w+(::|: )`,
)

// Guarantees: print-config shows a configuration whole, and what it shows is read to the same
// effect.
func TestRoundTrip(t *testing.T) {
	for _, c := range cases {
		if c.want == refused || c.want == rustRefuses {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			for key, value := range c.env {
				t.Setenv(key, value)
			}
			kind := "rust_twin"
			if c.kind != "" {
				kind = "rust_" + c.kind
			}
			shown, err := load(t, kind, c.bodies...)
			require.NoError(t, err)
			want, again := shown, strings.ReplaceAll(shown, "$", "$$")
			if c.kind == "sender" { // the Collector's own keys do not all come back the same
				want, err = load(t, "go_sender", again)
				require.NoError(t, err)
			}
			got, err := load(t, kind, again)
			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	}
}
