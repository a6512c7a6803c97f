package partition_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pipeline"
	"pgregory.net/rapid"

	"github.com/strait-data/strait/go/partition"
	"github.com/strait-data/strait/go/unit"
)

const alone = "it stays alone"

// named makes a component of a name: in Rust where it begins with r, with q, which runs otherwise,
// or with a, which is alone.
func named(kind unit.Kind, name string) partition.Component {
	x := partition.Component{
		Ref:  partition.Ref{Kind: kind, ID: component.MustNewID(name)},
		Rust: strings.ContainsAny(name[:1], "rqa"), Runs: "one lane",
	}
	switch name[0] {
	case 'a':
		x.Alone = alone
	case 'q':
		x.Runs = "two lanes"
	}
	return x
}

// piped makes a pipeline of names: receivers, processors and exporters.
func piped(id string, receivers, processors, exporters string) partition.Pipeline {
	p := partition.Pipeline{ID: pipeline.NewIDWithName(pipeline.SignalLogs, id)}
	add := func(to *[]partition.Component, kind unit.Kind, names string) {
		for _, name := range strings.Fields(names) {
			*to = append(*to, named(kind, name))
		}
	}
	add(&p.Receivers, unit.KindReceiver, receivers)
	add(&p.Processors, unit.KindProcessor, processors)
	add(&p.Exporters, unit.KindExporter, exporters)
	return p
}

// words are the parts with several members, and the cuts.
func words(p *partition.Partition) (parts, cuts []string) {
	for _, part := range p.Parts {
		if len(part.Members) > 1 {
			var ids []string
			for _, m := range part.Members {
				ids = append(ids, m.ID.String())
			}
			parts = append(parts, strings.Join(ids, " "))
		}
	}
	for _, cut := range p.Cuts {
		where := fmt.Sprintf("%s: %s|%s: ", cut.Pipeline, cut.From.ID, cut.To.ID)
		cuts = append(cuts, where+cut.Reason)
	}
	return parts, cuts
}

// Guarantees: what is fused, and why the rest is not.
func TestParts(t *testing.T) {
	for name, test := range map[string]struct {
		pipelines   []partition.Pipeline
		parts, cuts []string
	}{
		"neighbours": {
			[]partition.Pipeline{piped("x", "g1", "r1 r2 g2 r3 r4 r5", "g3")},
			[]string{"r1 r2", "r3 r4 r5"}, nil,
		},
		"ends": {
			[]partition.Pipeline{piped("x", "r9 g1", "r1", "r8 g2")}, nil,
			[]string{
				"logs/x: r9|r1: receivers hand their batches on in Go, where what they receive is counted",
				"logs/x: r1|r8: the queue, the retries and the timeout of exporters are in Go",
			},
		},
		"one alone": {
			[]partition.Pipeline{piped("x", "g1", "r1 a1 r2", "g2")}, nil,
			[]string{"logs/x: r1|a1: " + alone, "logs/x: a1|r2: " + alone},
		},
		"run otherwise": {
			[]partition.Pipeline{piped("x", "g1", "r1 r2 q1 q2 r3", "g2")}, []string{"q1 q2", "r1 r2"},
			[]string{
				"logs/x: r2|q1: they run differently: r2 with one lane, q1 with two lanes",
				"logs/x: q2|r3: they run differently: q2 with two lanes, r3 with one lane",
			},
		},
		"what is the same in all pipelines of the head": {
			[]partition.Pipeline{
				piped("y", "g1", "r1 r2 r4", "g2"), piped("x", "g1", "r1 r2 r3", "g2"),
			},
			[]string{"r1 r2"},
			[]string{
				"logs/x: r2|r3: r1 is in pipeline logs/y too, where r4 follows r2",
				"logs/y: r2|r4: r1 is in pipeline logs/x too, where r3 follows r2",
			},
		},
		"nothing follows elsewhere": {
			[]partition.Pipeline{piped("x", "g1", "r1 r2", "g2"), piped("y", "g1", "r1", "g2")}, nil,
			[]string{"logs/x: r1|r2: r1 is in pipeline logs/y too, where nothing that could be in its " +
				"part follows r1"},
		},
		"head here, member there": {
			[]partition.Pipeline{piped("x", "g1", "r1 r2 r3", "g2"), piped("y", "g1", "r2 r3", "g2")},
			[]string{"r1 r2 r3", "r2 r3"}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			parts, cuts := words(partition.Of(test.pipelines))
			require.Equal(t, test.parts, parts)
			require.Equal(t, test.cuts, cuts)
		})
	}
}

func drawPipelines(t *rapid.T) []partition.Pipeline {
	names := []string{"r1", "r2", "r3", "r4", "q1", "q2", "a1", "a2", "g1", "g2"}
	list := func(most int, what string) string {
		drawn := rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, most, rapid.ID).Draw(t, what)
		return strings.Join(drawn, " ")
	}
	var all []partition.Pipeline
	for i := range rapid.IntRange(0, 4).Draw(t, "pipelines") {
		all = append(all, piped(fmt.Sprint(i), list(2, "receivers"), list(6, "processors"),
			list(2, "exporters")))
	}
	return all
}

// at finds the place of a component's in what it is beside; -1: it is at no place.
func at(list []partition.Component, x partition.Ref) int {
	return slices.IndexFunc(list, func(c partition.Component) bool { return c.Ref == x })
}

// heads are, for each place of a pipeline's processors, the heads of the parts that it is in there.
func heads(t *rapid.T, p partition.Pipeline, all *partition.Partition) [][]partition.Ref {
	in := make([][]partition.Ref, len(p.Processors))
	for _, part := range all.Parts {
		begins := slices.ContainsFunc(part.Edges, func(e partition.Edge) bool {
			return e.Pipeline == p.ID && e.Direction == unit.In
		})
		from := at(p.Processors, part.Head())
		if !begins || part.Head().Kind != unit.KindProcessor {
			continue
		}
		for i, member := range part.Members {
			require.Less(t, from+i, len(p.Processors))
			require.Equal(t, member, p.Processors[from+i].Ref, "order")
			in[from+i] = append(in[from+i], part.Head())
		}
	}
	return in
}

// Guarantees: each Rust processor is in exactly one part at each place, others in none; members
// follow each other; a component that has to be alone is; between two in Rust is no part's end
// without a reason, and no cut inside of a part.
func TestPartsCoverRustOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pipelines := drawPipelines(t)
		all := partition.Of(pipelines)
		for _, p := range pipelines {
			in := heads(t, p, all)
			for i, x := range p.Processors {
				if !x.Rust {
					require.Empty(t, in[i])
					continue
				}
				require.Len(t, in[i], 1, "%s in %s", x.ID, p.ID)
				if x.Alone != "" {
					require.Len(t, all.HeadedBy(x.Ref).Members, 1)
				}
				if i > 0 && in[i-1] != nil && in[i][0] == in[i-1][0] {
					require.Equal(t, p.Processors[i-1].Runs, x.Runs)
				}
				if i == 0 || !p.Processors[i-1].Rust {
					continue
				}
				cut := slices.ContainsFunc(all.Cuts, func(c partition.Cut) bool {
					return c.Pipeline == p.ID && c.From == p.Processors[i-1].Ref && c.To == x.Ref &&
						c.Reason != ""
				})
				require.Equal(t, in[i][0] != in[i-1][0], cut, "%s|%s", p.Processors[i-1].ID, x.ID)
			}
		}
	})
}

// Guarantees: the result does not depend on the order of the pipelines, and is a value in JSON.
func TestTheOrderOfPipelinesIsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pipelines := drawPipelines(t)
		want, err := json.Marshal(partition.Of(pipelines))
		require.NoError(t, err)
		slices.Reverse(pipelines)
		got, err := json.Marshal(partition.Of(pipelines))
		require.NoError(t, err)
		require.Equal(t, string(want), string(got))
	})
}
