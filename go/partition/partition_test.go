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

// traced is the same of a pipeline of traces.
func traced(id string, receivers, processors, exporters string) partition.Pipeline {
	p := piped(id, receivers, processors, exporters)
	p.ID = pipeline.NewIDWithName(pipeline.SignalTraces, id)
	return p
}

// joined is a pipeline whose exporter is a connector.
func joined(id string, receivers, processors string) partition.Pipeline {
	p := piped(id, receivers, processors, "r8")
	p.Exporters[0].Kind = unit.KindConnector
	return p
}

// behind is a pipeline whose receiver is that connector.
func behind(id string, processors, exporters string) partition.Pipeline {
	p := piped(id, "r8", processors, exporters)
	p.Receivers[0].Kind = unit.KindConnector
	return p
}

// words are the parts with several members, the bridges, and the cuts.
func words(p *partition.Partition) (parts, bridges, cuts []string) {
	for _, part := range p.Parts {
		if len(part.Members) > 1 {
			var ids []string
			for _, m := range part.Members {
				ids = append(ids, m.ID.String())
			}
			parts = append(parts, strings.Join(ids, " "))
		}
	}
	for _, b := range p.Bridges {
		bridges = append(bridges, fmt.Sprintf("%s: %s>%s", b.Pipeline, b.From.ID, b.To.ID))
	}
	for _, cut := range p.Cuts {
		where := fmt.Sprintf("%s: %s|%s: ", cut.Pipeline, cut.From.ID, cut.To.ID)
		cuts = append(cuts, where+cut.Reason)
	}
	return parts, bridges, cuts
}

// cutting is pipelines, and what becomes of them.
type cutting struct {
	pipelines            []partition.Pipeline
	parts, bridges, cuts []string
}

var cuttings = map[string]cutting{
	"neighbours": {
		[]partition.Pipeline{piped("x", "g1", "r1 r2 g2 r3 r4 r5", "g3")},
		[]string{"r1 r2", "r3 r4 r5"}, nil, nil,
	},
	"ends": {
		[]partition.Pipeline{piped("x", "r9 g1", "r1", "r8 g2")}, nil, []string{"logs/x: r9>r1"},
		[]string{
			"logs/x: r1|r8: g2 gets batches of r1 in Go, and they are not sent whole for one of several",
		},
	},
	"to several in Rust": {
		[]partition.Pipeline{piped("x", "g1", "r1 r2", "r8 r7"), traced("y", "r9", "r3", "r8 g2")},
		[]string{"r1 r2", "r9 r3"},
		[]string{"logs/x: r2>r8", "logs/x: r2>r7", "traces/y: r3>r8"}, nil,
	},
	"to one that others in Go lead to as well": {
		[]partition.Pipeline{piped("x", "r9", "", "r8"), piped("y", "r9", "g1", "r8 r7")}, nil, nil,
		[]string{"logs/x: r9|r8: batches of r9 come to r8 on a way through Go as well"},
	},
	"a connector between pipelines": {
		[]partition.Pipeline{
			joined("x", "r9", "r1"), behind("y", "r2", "r7"), behind("z", "g1", "g7"),
		},
		[]string{"r2 r7", "r9 r1"}, []string{"logs/x: r1>r8", "logs/y: r8>r2"}, nil,
	},
	"a pipeline that Go leads to as well": {
		[]partition.Pipeline{
			joined("x", "r9 r7", "g1"), behind("y", "r2", "g7"), piped("z", "r9", "r1", "g7"),
		},
		nil, []string{"logs/y: r8>r2", "logs/z: r9>r1"}, nil,
	},
	"a receiver and those behind it": {
		[]partition.Pipeline{piped("x", "r9", "r1 r2 g1 r3", "g2"), traced("y", "r9", "r2 q1", "r8")},
		[]string{"r9 r1 r2", "r9 r2"},
		[]string{"traces/y: r2>q1", "traces/y: q1>r8"}, nil,
	},
	"a member behind a receiver, a head elsewhere": {
		[]partition.Pipeline{piped("x", "r9", "r1 r2 r3", "g2"), piped("y", "g1", "r1 r2", "g2")},
		[]string{"r1 r2", "r9 r1 r2 r3"}, nil, nil,
	},
	"a receiver that runs otherwise, or alone": {
		[]partition.Pipeline{piped("x", "q9", "r1 r2", "g2"), piped("y", "a9", "r1 r2", "g2")},
		[]string{"r1 r2"}, []string{"logs/x: q9>r1"}, []string{"logs/y: a9|r1: " + alone},
	},
	"a receiver of two pipelines": {
		[]partition.Pipeline{piped("x", "r9", "r1", "g2"), piped("y", "r9", "g1 r1", "g2")}, nil,
		[]string{"logs/x: r9>r1"}, nil,
	},
	"one alone": {
		[]partition.Pipeline{piped("x", "g1", "r1 a1 r2", "g2")}, nil, nil,
		[]string{"logs/x: r1|a1: " + alone, "logs/x: a1|r2: " + alone},
	},
	"run otherwise": {
		[]partition.Pipeline{piped("x", "g1", "r1 r2 q1 q2 r3", "g2")}, []string{"q1 q2", "r1 r2"}, nil,
		[]string{
			"logs/x: r2|q1: they run differently: r2 with one lane, q1 with two lanes",
			"logs/x: q2|r3: they run differently: q2 with two lanes, r3 with one lane",
		},
	},
	"what is the same in all pipelines of the head": {
		[]partition.Pipeline{
			piped("y", "g1", "r1 r2 r4", "g2"), piped("x", "g1", "r1 r2 r3", "g2"),
		},
		[]string{"r1 r2"}, nil,
		[]string{
			"logs/x: r2|r3: r1 is in pipeline logs/y too, where r4 follows r2",
			"logs/y: r2|r4: r1 is in pipeline logs/x too, where r3 follows r2",
		},
	},
	"nothing follows elsewhere": {
		[]partition.Pipeline{piped("x", "g1", "r1 r2", "g2"), piped("y", "g1", "r1", "g2")}, nil, nil,
		[]string{"logs/x: r1|r2: r1 is in pipeline logs/y too, where nothing that could be in its " +
			"part follows r1"},
	},
	"to the exporter": {
		[]partition.Pipeline{
			piped("w", "r9", "r1 g1 r2", "r8"), piped("x", "r7", "r1", "r6"), piped("y", "r5", "", "r4"),
			piped("z", "g1", "", "r3"),
		},
		[]string{"r2 r8", "r5 r4", "r7 r1 r6", "r9 r1"}, nil, nil,
	},
	"an exporter of two pipelines": {
		[]partition.Pipeline{
			piped("x", "g1", "r1", "r8"), piped("y", "g1", "r2", "r8"), traced("z", "g1", "r2", "r8"),
		},
		nil, []string{"logs/x: r1>r8", "logs/y: r2>r8", "traces/z: r2>r8"}, nil,
	},
	"an exporter in Go in one of two pipelines": {
		[]partition.Pipeline{piped("x", "g1", "r1", "r8 r7"), piped("y", "g1", "r1", "g8")}, nil, nil,
		[]string{
			"logs/x: r1|r8: g8 gets batches of r1 in Go, and they are not sent whole for one of several",
			"logs/x: r1|r7: g8 gets batches of r1 in Go, and they are not sent whole for one of several",
		},
	},
	"an exporter by itself, and a connector": {
		[]partition.Pipeline{piped("x", "g1", "r1", "a8"), joined("y", "g1", "r2")}, nil,
		[]string{"logs/y: r2>r8"}, []string{"logs/x: r1|a8: " + alone},
	},
	"head here, member there": {
		[]partition.Pipeline{piped("x", "g1", "r1 r2 r3", "g2"), piped("y", "g1", "r2 r3", "g2")},
		[]string{"r1 r2 r3", "r2 r3"}, nil, nil,
	},
}

// Guarantees: what is fused, and why the rest is not.
func TestParts(t *testing.T) {
	for name, test := range cuttings {
		t.Run(name, func(t *testing.T) {
			parts, bridges, cuts := words(partition.Of(test.pipelines))
			require.Equal(t, test.parts, parts)
			require.Equal(t, test.bridges, bridges)
			require.Equal(t, test.cuts, cuts)
		})
	}
}

func drawPipelines(t *rapid.T) []partition.Pipeline {
	names := []string{"r1", "r2", "r3", "r4", "q1", "q2", "a1", "a2", "g1", "g2"}
	list := func(least, most int, what string) string {
		drawn := rapid.SliceOfNDistinct(rapid.SampledFrom(names), least, most, rapid.ID).Draw(t, what)
		return strings.Join(drawn, " ")
	}
	of := []func(id string, receivers, processors, exporters string) partition.Pipeline{piped, traced}
	var all []partition.Pipeline
	for i := range rapid.IntRange(0, 4).Draw(t, "pipelines") {
		signal := rapid.SampledFrom(of).Draw(t, "signal")
		all = append(all, signal(fmt.Sprint(i), list(0, 2, "receivers"), list(0, 6, "processors"),
			list(0, 2, "exporters")))
	}
	return all
}

// at finds the place of a component's in what it is beside; -1: it is at no place.
func at(list []partition.Component, x partition.Ref) int {
	return slices.IndexFunc(list, func(c partition.Component) bool { return c.Ref == x })
}

// partsOf are, for each place of a list of components, the parts that it is in there.
func partsOf(
	t *rapid.T, p partition.Pipeline, list []partition.Component, all *partition.Partition,
) [][]*partition.Part {
	in := make([][]*partition.Part, len(list))
	for i := range all.Parts {
		part := &all.Parts[i]
		from := at(list, part.Head())
		if !slices.Contains(part.Pipelines, p.ID) || from < 0 {
			continue
		}
		for i, member := range part.Members {
			require.Less(t, from+i, len(list))
			require.Equal(t, member, list[from+i].Ref, "order")
			in[from+i] = append(in[from+i], part)
		}
	}
	return in
}

// before are those that give a component its batches.
func before(p partition.Pipeline, x partition.Component) []partition.Component {
	i := at(p.Processors, x.Ref)
	if x.Kind == unit.KindExporter {
		i = len(p.Processors)
	}
	if i == 0 {
		return p.Receivers
	}
	return p.Processors[i-1 : i]
}

// Guarantees: each component in Rust is in exactly one part at each place, others in none; members
// follow each other, run alike, and are none that has to be alone; a receiver or exporter is in one
// with others only where batches come from nobody else and go nowhere else; between two in Rust is
// no part's end without a bridge or a reason, and neither inside of a part.
func TestPartsCoverRustOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pipelines := drawPipelines(t)
		all := partition.Of(pipelines)
		for _, p := range pipelines {
			order := slices.Concat(p.Receivers, p.Processors, p.Exporters)
			in := partsOf(t, p, order, all)
			for i, x := range order {
				if !x.Rust {
					require.Empty(t, in[i])
					continue
				}
				require.Len(t, in[i], 1, "%s in %s", x.ID, p.ID)
				part := in[i][0]
				if len(part.Members) > 1 {
					require.Empty(t, x.Alone)
				}
				if len(part.Members) > 1 && x.Kind != unit.KindProcessor {
					require.Len(t, feeds(pipelines, p, x.Ref), 1)
				}
				if x.Kind == unit.KindReceiver {
					continue
				}
				for _, from := range before(p, x) {
					same := in[at(order, from.Ref)]
					fused := same != nil && same[0] == part
					if fused {
						require.Equal(t, from.Runs, x.Runs)
						require.True(t, from.Kind != unit.KindReceiver || len(p.Receivers) == 1)
						require.True(t, x.Kind != unit.KindExporter || len(p.Exporters) == 1)
					}
					cut, bridged := isCut(all, p, from.Ref, x.Ref), isBridged(all, p, from.Ref, x.Ref)
					require.Equal(t, from.Rust && !fused, cut != bridged, "%s|%s", from.ID, x.ID)
					require.False(t, cut && bridged)
				}
			}
		}
	})
}

// spot is where batches come to: a processor in its pipeline, an exporter for all of a signal.
func spot(p partition.Pipeline, x partition.Ref) string {
	if x.Kind == unit.KindProcessor {
		return fmt.Sprint(p.ID, x)
	}
	return fmt.Sprint(p.ID.Signal(), x)
}

// comesTo adds where batches come to that are given to a component in Go, and handed on there.
func comesTo(p partition.Pipeline, x partition.Ref, seen map[string]bool) {
	seen[spot(p, x)] = true
	if x.Kind != unit.KindProcessor {
		return
	}
	next := p.Exporters
	if i := at(p.Processors, x) + 1; i < len(p.Processors) {
		next = p.Processors[i : i+1]
	}
	for _, to := range next {
		comesTo(p, to.Ref, seen)
	}
}

// Guarantees: what Go gets of a receiver's batches comes by no way to one that has them by a
// bridge.
func TestNobodyGetsABatchTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pipelines := drawPipelines(t)
		all := partition.Of(pipelines)
		for _, b := range all.Bridges {
			if b.Head.Kind == unit.KindProcessor {
				continue
			}
			inGo := map[string]bool{}
			for i := range all.Parts {
				for _, e := range all.Parts[i].Edges {
					if all.Parts[i].Head() != b.Head || e.Direction != unit.Out ||
						e.Pipeline.Signal() != b.Pipeline.Signal() {
						continue
					}
					for _, p := range pipelines {
						for _, x := range e.Beside {
							if p.ID == e.Pipeline {
								comesTo(p, x, inGo)
							}
						}
					}
				}
			}
			for _, p := range pipelines {
				if p.ID == b.Pipeline {
					require.False(t, inGo[spot(p, b.To)], "%s in %s", b.To, b.Pipeline)
				}
			}
		}
	})
}

// feeds are the pipelines of one's signal that a receiver or exporter is in.
func feeds(pipelines []partition.Pipeline, of partition.Pipeline, x partition.Ref) (fed []string) {
	for _, p := range pipelines {
		if p.ID.Signal() == of.ID.Signal() && at(slices.Concat(p.Receivers, p.Exporters), x) >= 0 {
			fed = append(fed, p.ID.String())
		}
	}
	return fed
}

// isBridged says that there is a bridge between two.
func isBridged(all *partition.Partition, p partition.Pipeline, from, to partition.Ref) bool {
	return slices.ContainsFunc(all.Bridges, func(b partition.Bridge) bool {
		return b.Pipeline == p.ID && b.From == from && b.To == to
	})
}

// isCut says that there is a cut between two, with a reason.
func isCut(all *partition.Partition, p partition.Pipeline, from, to partition.Ref) bool {
	return slices.ContainsFunc(all.Cuts, func(c partition.Cut) bool {
		return c.Pipeline == p.ID && c.From == from && c.To == to && c.Reason != ""
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
