package collector

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const skeleton = `
receivers:
  otlp: {protocols: {grpc: {endpoint: 127.0.0.1:0}}}
processors:
%s
exporters:
  nop:
service:
  pipelines:
    %s: {receivers: [otlp], processors: [%s], exporters: [nop]}
`

// Guarantees: what is wrong in a configuration is said by `validate`, with the key's path.
func TestValidateNamesTheKey(t *testing.T) {
	for _, c := range []struct{ name, processor, text, signal, want string }{
		{"unknown node", "otap", "  otap: {nodes: [{atribute: {}}]}", "logs", "nodes::0"},
		{
			"unknown key of a node", "otap", "  otap: {nodes: [{attribute: {acton: []}}]}",
			"logs", "nodes::0::attribute::acton",
		},
		{
			"unknown key deep in a node", "otap",
			"  otap: {nodes: [{filter: {logs: {include: {severity: {min: 9}}}}}]}",
			"logs", "nodes::0::filter::logs::include::severity",
		},
		{"unknown key of the processor", "otap", "  otap: {nodez: []}", "logs", "nodez"},
		{"no nodes", "otap", "  otap: {}", "logs", "nodes"},
		{
			"two renames onto one key", "otap",
			"  otap: {nodes: [{attribute: {actions: [" +
				"{action: rename, source_key: a, destination_key: c}, " +
				"{action: rename, source_key: b, destination_key: c}]}}]}",
			"logs", "nodes::0",
		},
		{"lanes out of range", "otap", "  otap: {lanes: 0, nodes: [{debug: {}}]}", "logs", "lanes"},
		{
			"ring size", "otap", "  otap: {ring: {descriptors: 100}, nodes: [{debug: {}}]}",
			"logs", "ring::descriptors",
		},
		{
			"unknown key of a Rust component", "mask_cards", "  mask_cards: {atributes: true}",
			"logs", "atributes",
		},
		{
			"wrong type in a Rust component", "mask_cards", "  mask_cards: {attributes: 7}",
			"logs", "attributes",
		},
		{
			"metrics through a node that converts", "otap", "  otap: {nodes: [{filter: {}}]}",
			"metrics", "fidelity",
		},
		{
			"traces through a node that fails them whole", "otap",
			"  otap: {fidelity: best_effort, nodes: [{filter: {}}]}",
			"traces", "empty trace ids",
		},
		{
			"metrics that a redaction would skip", "otap",
			"  otap: {fidelity: best_effort, nodes: [{attribute: {actions: [{action: delete, key: a}]}}]}",
			"metrics", "exponential histograms",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out := command(
				t,
				"validate",
				"--config",
				writeConfig(t, fmt.Sprintf(skeleton, c.text, c.signal, c.processor)),
			)
			require.NotZero(t, code, out)
			require.Contains(t, out, c.want)
			require.Contains(t, out, c.processor)
		})
	}
}

// Guarantees: a valid configuration passes, and print-config shows it whole.
func TestValidConfigurations(t *testing.T) {
	for _, c := range []struct{ name, processor, text, signal string }{
		{
			"chain", "otap",
			"  otap: {nodes: [{attribute: {actions: [{action: delete, key: a}]}}, {filter: {logs: {}}}]}",
			"logs",
		},
		{"rust component", "mask_cards", "  mask_cards: {keep_last: 2}", "logs"},
		{
			"metrics, best effort", "otap", "  otap: {fidelity: best_effort, nodes: [{filter: {}}]}",
			"metrics",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := writeConfig(t, fmt.Sprintf(skeleton, c.text, c.signal, c.processor))
			code, out := command(t, "validate", "--config", path)
			require.Zero(t, code, out)
			code, out = command(t, "print-config", "--mode", "unredacted", "--config", path)
			require.Zero(t, code, out)
			for _, word := range []string{"keep_last", "nodes"} {
				if c.processor == "mask_cards" == (word == "keep_last") {
					require.Contains(t, out, word)
				}
			}
		})
	}
}

// Guarantees: print-config shows a Rust component whole, with its defaults; given back, it shows
// the same.
func TestPrintConfigComesBack(t *testing.T) {
	print := func(text string) string {
		code, out := command(t, "print-config", "--config", writeConfig(t, text))
		require.Zero(t, code, out)
		return out
	}
	// Of the Rust component: what the Go receiver prints does not come back the same.
	part := func(out string) string {
		_, out, _ = strings.Cut(out, "\nprocessors:\n")
		out, _, found := strings.Cut(out, "\nreceivers:\n")
		require.True(t, found)
		return out
	}
	first := print(fmt.Sprintf(skeleton, "  mask_cards: {keep_last: 2}", "logs", "mask_cards"))
	for _, line := range []string{"keep_last: 2", "bodies: true", "keys: []", "mask: '*'"} {
		require.Contains(t, part(first), line)
	}
	require.Equal(t, part(first), part(print(first)))
}

// Guarantees: `components` lists the Rust component with its crate's version and its stability.
func TestComponentsListsRust(t *testing.T) {
	code, out := command(t, "components")
	require.Zero(t, code, out)
	require.Contains(t, out, "mask_cards")
	require.Contains(t, out, "otap")
	require.Contains(t, out, "v0.1.0")
}
