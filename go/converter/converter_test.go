package converter_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/strait-data/strait/go/converter"
)

var distribution = converter.Distribution{
	Version: "0.1.0", Engine: "0.63.0",
	Rust:  map[string][]string{"processors": {"mask"}, "exporters": {"sink"}},
	Twins: map[string][]string{"filter": {"logs"}, "both": {"logs", "traces"}},
}

func convert(t *testing.T, d converter.Distribution, conf map[string]any) map[string]any {
	t.Helper()
	c := confmap.NewFromStringMap(conf)
	require.NoError(
		t,
		converter.NewFactory(d).
			Create(confmap.ConverterSettings{Logger: zap.NewNop()}).
			Convert(t.Context(), c),
	)
	return c.ToStringMap()
}

func list(ids ...string) []any {
	out := make([]any, len(ids))
	for i, id := range ids {
		out[i] = id
	}
	return out
}

// marks converts a configuration with these pipelines (name, then receivers, processors and
// exporters) and returns the annotation of each configured twin.
func marks(t *testing.T, pipelines map[string][3][]any) map[string]any {
	t.Helper()
	processors, service := map[string]any{
		"mask":  nil,
		"batch": map[string]any{"timeout": "1s"},
	}, map[string]any{}
	for name, p := range pipelines {
		service[name] = map[string]any{"receivers": p[0], "processors": p[1], "exporters": p[2]}
		for _, id := range p[1] {
			if _, there := processors[id.(string)]; !there {
				processors[id.(string)] = map[string]any{"key": "value"}
			}
		}
	}
	out := convert(
		t,
		distribution,
		map[string]any{"processors": processors, "service": map[string]any{"pipelines": service}},
	)
	found := map[string]any{}
	for id, body := range out["processors"].(map[string]any) {
		if m, ok := body.(map[string]any); ok && m["strait_runtime"] != nil {
			found[id] = m["strait_runtime"]
			require.Equal(t, "value", m["key"], "the rest of %s stays", id)
		}
	}
	require.Equal(t, map[string]any{"timeout": "1s"}, out["processors"].(map[string]any)["batch"])
	return found
}

// Guarantees: a twin runs in Rust beside a Rust component or beside a twin that does, in any of its
// pipelines, and only where its Rust side handles the signals of all of them.
func TestNeighbours(t *testing.T) {
	otlp, sink, file := list("otlp"), list("sink"), list("file")
	for name, test := range map[string]struct {
		pipelines map[string][3][]any
		want      map[string]any
	}{
		"beside a Rust processor": {
			map[string][3][]any{"logs": {otlp, list("filter/a", "mask", "batch", "filter/b"), file}},
			map[string]any{"filter/a": "rust", "filter/b": "go"},
		},
		"beside a Rust exporter": {
			map[string][3][]any{"logs": {otlp, list("batch", "filter"), list("file", "sink")}},
			map[string]any{"filter": "rust"},
		},
		"twins in a row": {
			map[string][3][]any{"logs": {otlp, list("both", "filter/a", "filter/b", "mask"), file}},
			map[string]any{"both": "rust", "filter/a": "rust", "filter/b": "rust"},
		},
		"only Go around": {
			map[string][3][]any{"logs": {otlp, list("filter", "both"), file}},
			map[string]any{"filter": "go", "both": "go"},
		},
		"one pipeline is enough": {
			map[string][3][]any{"logs": {otlp, list("both"), file}, "traces": {otlp, list("both"), sink}},
			map[string]any{"both": "rust"},
		},
		"a signal that Rust lacks": {
			map[string][3][]any{
				"logs/x": {otlp, list("filter", "mask"), file}, "traces": {otlp, list("filter"), file},
			},
			map[string]any{"filter": "go"},
		},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.want, marks(t, test.pipelines)) })
	}
}

// Guarantees: what is no valid configuration is left as it is, for the Collector to refuse; nothing
// is made up.
func TestInvalidIsLeft(t *testing.T) {
	service := func(pipelines map[string]any) map[string]any {
		return map[string]any{"pipelines": pipelines}
	}
	with := func(processors ...any) map[string]any { return map[string]any{"processors": processors} }
	for _, conf := range []map[string]any{
		{},
		{"processors": "x", "service": 1},
		{"processors": map[string]any{"filter": "text"}},
		{
			"processors": map[string]any{},
			"service":    service(map[string]any{"logs": with("filter", "mask")}),
		},
		{"service": service(map[string]any{"logs": nil, "traces": with(1, nil)})},
	} {
		before := fmt.Sprint(conf)
		require.Equal(t, before, fmt.Sprint(convert(t, distribution, conf)))
	}
}

// Guarantees: a twin without a body is annotated too, and a distribution without Rust leaves all as
// it is.
func TestEmptyBody(t *testing.T) {
	conf := func() map[string]any {
		return map[string]any{
			"processors": map[string]any{"filter": nil, "mask": nil},
			"service": map[string]any{
				"pipelines": map[string]any{"logs": map[string]any{"processors": list("mask", "filter")}},
			},
		}
	}
	out := convert(t, distribution, conf())["processors"].(map[string]any)
	require.Equal(t, "rust", out["filter"].(map[string]any)["strait_runtime"])
	require.NotContains(t, out["mask"], "strait_runtime")
	require.Equal(t, conf(), convert(t, converter.Distribution{}, conf()))
}

// Guarantees: without a Rust side a configuration is still read; the components say at Start what
// is missing.
func TestWithoutRust(t *testing.T) {
	core, logs := observer.New(zap.InfoLevel)
	d := distribution
	d.Linked = []string{"processor mask"}
	require.NoError(
		t,
		converter.NewFactory(d).
			Create(confmap.ConverterSettings{Logger: zap.New(core)}).
			Convert(t.Context(), confmap.New()),
	)
	require.Zero(t, logs.Len())
}
