package converter_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/featuregate"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/strait-data/strait/go/converter"
)

// inRow is a distribution whose types otap, one and two run in Rust, and the receiver source.
var inRow = converter.Distribution{
	Rust: map[string][]string{
		"receivers": {"otap", "source"}, "processors": {"otap", "one", "two"},
		"exporters": {"otap", "sink"}, "connectors": {"otap", "joint"},
	},
}

// partsOf converts a configuration in YAML and gives the stand of each component that has one, and
// the reasons of the cuts.
func partsOf(t *testing.T, yaml string) (stands map[string]map[string]any, reasons []string) {
	t.Helper()
	retrieved, err := confmap.NewRetrievedFromYAML([]byte(yaml))
	require.NoError(t, err)
	conf, err := retrieved.AsConf()
	require.NoError(t, err)
	core, logs := observer.New(zap.InfoLevel)
	c := converter.NewFactory(inRow).Create(confmap.ConverterSettings{Logger: zap.New(core)})
	require.NoError(t, c.Convert(t.Context(), conf))
	stands = map[string]map[string]any{}
	for _, section := range []string{"receivers", "processors", "exporters", "connectors"} {
		configured, _ := conf.Get(section).(map[string]any)
		for id, body := range configured {
			of, _ := body.(map[string]any)
			if stand, is := of["strait_part"].(map[string]any); is {
				require.Equal(t, id, stand["id"])
				require.NotZero(t, stand["configuration"])
				stands[id] = stand
			}
		}
	}
	for _, line := range logs.FilterMessageSnippet("leave Rust").All() {
		reasons = append(reasons, line.ContextMap()["reason"].(string))
	}
	return stands, reasons
}

// Guarantees: processors that follow each other in Rust are told their part: the head who is behind
// it, the others where they are; one that is in no part of several is told nothing.
func TestWhoStandsWhere(t *testing.T) {
	stands, reasons := partsOf(t, `
processors: {one: , two: {key: value}, otap: {nodes: []}, one/b: , batch: }
service:
  pipelines:
    logs: {processors: [otap, one, two, batch, one/b]}
    logs/x: {processors: [two, batch]}
    traces: {processors: [otap, one, two]}
`)
	require.Empty(t, reasons)
	require.Len(t, stands, 3)
	require.Equal(t, list("processor one", "processor two"), stands["otap"]["fellows"])
	require.Empty(t, stands["otap"]["aside"])
	for _, id := range []string{"one", "two"} {
		require.ElementsMatch(t, list("logs", "traces"), stands[id]["aside"])
		require.Equal(t, stands["otap"]["configuration"], stands[id]["configuration"])
	}
}

// Guarantees: a receiver is told who is behind it in each of its pipelines, one for a signal; these
// are told where they stand aside, and are heads elsewhere.
func TestWhoStandsBehindAReceiver(t *testing.T) {
	stands, reasons := partsOf(t, `
receivers: {source: {key: value}, otlp: , otap: {nodes: []}}
processors: {one: , two: , batch: }
service:
  pipelines:
    logs: {receivers: [source], processors: [one, two, batch]}
    traces/x: {receivers: [source], processors: [two]}
    metrics: {receivers: [otlp], processors: [one, two]}
    metrics/x: {receivers: [source], processors: [batch]}
`)
	require.Empty(t, reasons)
	require.Len(t, stands, 3)
	require.Equal(t, map[string]any{
		"logs": list("processor one", "processor two"), "traces/x": list("processor two"),
	}, stands["source"]["behind"])
	require.Empty(t, stands["source"]["fellows"])
	require.Equal(t, list("processor two"), stands["one"]["fellows"])
	require.Equal(t, list("logs"), stands["one"]["aside"])
	require.ElementsMatch(t, list("logs", "traces/x", "metrics"), stands["two"]["aside"])
}

// Guarantees: who has batches of others in Rust is told so, and who gives them where they go, with
// what Go gets besides, in each pipeline of the signal.
func TestWhoStandsAtABridge(t *testing.T) {
	stands, reasons := partsOf(t, `
receivers: {source: {key: value}, source/b: , otlp: }
processors: {one: , two: , batch: }
connectors: {joint: }
exporters: {sink: , sink/b: , debug: }
service:
  pipelines:
    logs: {receivers: [source, otlp], processors: [one, two], exporters: [sink, joint]}
    logs/x: {receivers: [source], processors: [batch], exporters: [debug]}
    logs/y: {receivers: [joint], exporters: [sink, sink/b]}
    traces: {receivers: [source], exporters: [debug]}
    metrics: {receivers: [source/b], processors: [two], exporters: [debug, sink]}
`)
	require.Empty(t, reasons)
	type way = map[string]any
	require.Equal(t, map[string]any{
		"logs":   way{"to": list("processor one"), "go": false},
		"logs/x": way{"to": list(), "go": true},
	}, stands["source"]["across"])
	require.Equal(t, map[string]any{
		"logs": way{"to": list("exporter sink", "connector joint"), "go": false},
	}, stands["one"]["across"])
	require.Equal(t, map[string]any{
		"logs/y": way{"to": list("exporter sink", "exporter sink/b"), "go": false},
	}, stands["joint"]["across"])
	require.Equal(t, map[string]any{
		"metrics": way{"to": list("exporter sink"), "go": true},
	}, stands["source/b"]["across"])
	for id, stand := range stands {
		enters := id == "one" || id == "joint" || id == "sink" || id == "sink/b"
		require.Equal(t, enters, stand["door"], id)
	}
}

// Guarantees: what a pipeline names twice is there once, as in the Collector.
func TestWhoIsNamedTwice(t *testing.T) {
	stands, _ := partsOf(t, `
receivers: {source: , otlp: }
processors: {one: }
exporters: {sink: , sink/b: }
service:
  pipelines:
    logs: {receivers: [source, source, otlp], processors: [one], exporters: [sink, sink/b, sink]}
`)
	to := func(of string) any {
		across := stands[of]["across"].(map[string]any)
		return across["logs"].(map[string]any)["to"]
	}
	require.Equal(t, list("processor one"), to("source"))
	require.Equal(t, list("exporter sink", "exporter sink/b"), to("one"))
}

// alone are configurations with a cut, by its reason.
var alone = map[string]string{
	"`fuse: false` holds for one": `
processors: {one: {runtime: {rust: {fuse: false}}}, two: }
service: {pipelines: {logs: {processors: [one, two]}}}`,
	"`fuse: false` holds for otap": `
processors: {one: , otap: {fuse: false}}
service: {pipelines: {logs: {processors: [one, otap]}}}`,
	"`fuse: false` holds for two": `
extensions: {strait: {runtime: {rust: {fuse: false}}}}
processors: {one: {runtime: {rust: {fuse: true}}}, two: }
service: {extensions: [strait], pipelines: {logs: {processors: [one, two]}}}`,
	"one with 2 lanes,": `
processors: {one: {runtime: {rust: {lanes: 2}}}, two: }
service: {pipelines: {logs: {processors: [one, two]}}}`,
	"two with 3 lanes,": `
extensions: {strait/x: {runtime: {rust: {lanes: 3}}}}
processors: {otap: , two: }
service: {extensions: [strait/x], pipelines: {logs: {processors: [otap, two]}}}`,
	"fidelity best_effort": `
processors: {one: , otap: {fidelity: best_effort}}
service: {pipelines: {logs: {processors: [one, otap]}}}`,
	"`full_decode: true` holds for otap": `
processors: {one: , otap: {full_decode: true}}
service: {pipelines: {logs: {processors: [one, otap]}}}`,
	"how one is to run cannot be read": `
processors: {one: {runtime: fast}, two: }
service: {pipelines: {logs: {processors: [one, two]}}}`,
	"how two is to run cannot be read": `
processors: {one: , two: text}
service: {pipelines: {logs: {processors: [one, two]}}}`,
	"its id is not written as the Collector writes it": `
processors: {one: , two / x: }
service: {pipelines: {logs: {processors: [one, two / x]}}}`,
	"batches of source come to sink on a way through Go as well": `
receivers: {source: }
processors: {batch: }
exporters: {sink: }
service:
  pipelines:
    logs: {receivers: [source], exporters: [sink]}
    logs/x: {receivers: [source], processors: [batch], exporters: [sink]}`,
	"the engine's connectors hand their batches on in Go": `
receivers: {otlp: }
processors: {one: }
connectors: {otap: }
service:
  pipelines:
    logs: {receivers: [otlp], processors: [one], exporters: [otap]}
    logs/x: {receivers: [otap], exporters: [debug]}`,
	"`fuse: false` holds for source": `
receivers: {source: {runtime: {rust: {fuse: false}}}}
processors: {one: }
service: {pipelines: {logs: {receivers: [source], processors: [one]}}}`,
	"the engine's receivers hand their batches on in Go": `
receivers: {otap: }
processors: {one: }
service: {pipelines: {logs: {receivers: [otap], processors: [one]}}}`,
	"how source is to run cannot be read": `
receivers: {source: text}
processors: {one: }
service: {pipelines: {logs: {receivers: [source], processors: [one]}}}`,
	"the retries and the timeout of the engine's exporters are in Go": `
processors: {one: }
exporters: {otap: }
service: {pipelines: {logs: {processors: [one], exporters: [otap]}}}`,
	"sink has one queue, and runs with 2 lanes": `
processors: {one: {runtime: {rust: {lanes: 2}}}}
exporters: {sink: {runtime: {rust: {lanes: 2}}}}
service: {pipelines: {logs: {processors: [one], exporters: [sink]}}}`,
	"`fuse: false` holds for sink": `
processors: {one: }
exporters: {sink: {runtime: {rust: {fuse: false}}}}
service: {pipelines: {logs: {processors: [one], exporters: [sink]}}}`,
	"how sink is to run cannot be read": `
processors: {one: }
exporters: {sink: {sending_queue: {queue_size: many}}}
service: {pipelines: {logs: {processors: [one], exporters: [sink]}}}`,
	"debug gets batches of one in Go": `
processors: {one: }
exporters: {sink: , debug: }
service: {pipelines: {logs: {processors: [one], exporters: [sink, debug]}}}`,
}

// Guarantees: an exporter is behind the head of its part, and is told where it stands aside;
// without a queue too.
func TestWhoStandsBeforeAnExporter(t *testing.T) {
	stands, reasons := partsOf(t, `
receivers: {source: , otlp: }
processors: {one: , two: }
exporters: {sink: {sending_queue: {queue_size: 7}}, sink/b: {sending_queue: {enabled: false}}}
service:
  pipelines:
    logs: {receivers: [otlp], processors: [one], exporters: [sink]}
    traces: {receivers: [source], processors: [two], exporters: [sink]}
    metrics: {receivers: [source], exporters: [sink/b]}
`)
	require.Empty(t, reasons)
	require.Len(t, stands, 5)
	require.Equal(t, list("exporter sink"), stands["one"]["fellows"])
	require.Equal(t, map[string]any{
		"traces": list("processor two", "exporter sink"), "metrics": list("exporter sink/b"),
	}, stands["source"]["behind"])
	require.ElementsMatch(t, list("logs", "traces"), stands["sink"]["aside"])
	require.Equal(t, list("metrics"), stands["sink/b"]["aside"])
}

// Guarantees: what is to run by itself, or otherwise than its neighbour, does, and the log says
// why.
func TestWhyNot(t *testing.T) {
	for reason, yaml := range alone {
		stands, reasons := partsOf(t, yaml)
		require.Empty(t, stands, yaml)
		require.Len(t, reasons, 1, yaml)
		require.Contains(t, reasons[0], reason)
	}
	stands, reasons := partsOf(t, `
extensions: {strait: {runtime: {rust: {fuse: false}}}}
processors: {one: , two: }
service: {pipelines: {logs: {processors: [one, two]}}}`)
	require.Len(t, stands, 2, "an extension that is not the service's says nothing")
	require.Empty(t, reasons)
}

// Guarantees: the feature gate turns fusing off.
func TestTheGate(t *testing.T) {
	const gate = "strait.fuse"
	require.NoError(t, featuregate.GlobalRegistry().Set(gate, false))
	defer func() { require.NoError(t, featuregate.GlobalRegistry().Set(gate, true)) }()
	stands, reasons := partsOf(t, `
processors: {one: , two: }
service: {pipelines: {logs: {processors: [one, two]}}}`)
	require.Empty(t, stands)
	require.Equal(t, []string{"the feature gate strait.fuse is off"}, reasons)
}

// Guarantees: a pipeline that names a processor twice, which the Collector refuses, is left alone.
func TestAProcessorTwice(t *testing.T) {
	stands, reasons := partsOf(t, `
processors: {one: , two: }
service: {pipelines: {logs: {processors: [one, two, one]}}}`)
	require.Empty(t, stands)
	require.Empty(t, reasons)
}

// Guarantees: the graph is written where it is asked for, in one order whatever that of the maps;
// where it cannot be, the error says so.
func TestTheGraph(t *testing.T) {
	path := filepath.Join(t.TempDir(), "graph.json")
	t.Setenv("STRAIT_GRAPH", path)
	const yaml = `
connectors: {count: }
processors: {one: , two: {runtime: {rust: {fuse: false}}}}
service:
  pipelines:
    metrics: {receivers: [count], exporters: [sink]}
    logs: {receivers: [otlp], processors: [one, two], exporters: [count]}`
	partsOf(t, yaml)
	first, err := os.ReadFile(path)
	require.NoError(t, err)
	var graph struct {
		Pipelines []struct {
			ID        string
			Exporters []struct {
				Kind, ID string
				Rust     bool
			}
		}
		Parts []json.RawMessage
		Cuts  []struct{ Reason string }
	}
	require.NoError(t, json.Unmarshal(first, &graph))
	require.Len(t, graph.Pipelines, 2)
	require.Equal(t, "logs", graph.Pipelines[0].ID)
	require.Equal(t, "connector", graph.Pipelines[0].Exporters[0].Kind)
	require.True(t, graph.Pipelines[1].Exporters[0].Rust)
	require.Len(t, graph.Parts, 3)
	require.Len(t, graph.Cuts, 1)
	partsOf(t, yaml)
	second, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(first), string(second))

	t.Setenv("STRAIT_GRAPH", filepath.Join(path, "below a file"))
	c := converter.NewFactory(inRow).Create(confmap.ConverterSettings{Logger: zap.NewNop()})
	err = c.Convert(t.Context(), confmap.New())
	require.ErrorContains(t, err, "STRAIT_GRAPH")
	require.True(t, strings.Contains(err.Error(), path), err)
}
