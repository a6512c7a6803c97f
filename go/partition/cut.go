package partition

import (
	"fmt"

	"go.opentelemetry.io/collector/pipeline"

	"github.com/strait-data/strait/go/unit"
)

// cutter cuts pipelines one after the other.
type cutter struct {
	// runs are, for each processor that may have members beside it, what follows it in each of its
	// pipelines that may be such a member.
	runs map[Ref][]run
	// tails are what of that is the same in all of them.
	tails map[Ref][]Ref

	parts []*Part
	of    map[Ref]*Part // by their heads
	cuts  []Cut
}

// run is what follows a processor in a pipeline.
type run struct {
	in      pipeline.ID
	members []Ref
}

func newCutter(pipelines []Pipeline) *cutter {
	c := &cutter{
		runs: map[Ref][]run{}, tails: map[Ref][]Ref{}, of: map[Ref]*Part{}, cuts: []Cut{},
	}
	for i := range pipelines {
		p := &pipelines[i]
		var members []Ref // those that follow, the nearest in front
		var runs string   // how they run
		for at := len(p.Processors) - 1; at >= 0; at-- {
			x := p.Processors[at]
			if !x.joins() {
				members = nil
				continue
			}
			if x.Runs != runs {
				members, runs = nil, x.Runs
			}
			c.runs[x.Ref] = append(c.runs[x.Ref], run{p.ID, members})
			members = append([]Ref{x.Ref}, members...)
		}
	}
	for head, runs := range c.runs {
		tail := runs[0].members
		for _, r := range runs[1:] {
			tail = tail[:common(tail, r.members)]
		}
		c.tails[head] = tail
	}
	return c
}

// joins says that it may have members beside it.
func (x *Component) joins() bool { return x.Rust && x.Kind == unit.KindProcessor && x.Alone == "" }

// common is how many of the first are the same.
func common(a, b []Ref) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// cut takes the parts of one pipeline.
func (c *cutter) cut(p *Pipeline) {
	first, last := p.Exporters, p.Receivers // beside no processor
	if n := len(p.Processors); n > 0 {
		first, last = p.Processors[:1], p.Processors[n-1:]
	}
	for _, x := range p.Receivers {
		if x.Rust {
			c.alone(p.ID, x.Ref, unit.Out, first)
		}
		c.between(p.ID, x.Ref, x, first)
	}
	before := p.Receivers
	for at := 0; at < len(p.Processors); {
		x := p.Processors[at]
		members := 1
		if x.joins() {
			members += len(c.tails[x.Ref])
		}
		end := at + members
		next := p.Exporters
		if end < len(p.Processors) {
			next = p.Processors[end : end+1]
		}
		if x.Rust {
			part := c.part(x.Ref)
			part.Edges = append(part.Edges,
				Edge{p.ID, unit.In, refs(before)}, Edge{p.ID, unit.Out, refs(next)})
		}
		c.between(p.ID, x.Ref, p.Processors[end-1], next)
		before, at = p.Processors[end-1:end], end
	}
	for _, x := range p.Exporters {
		if x.Rust {
			c.alone(p.ID, x.Ref, unit.In, last)
		}
	}
}

// alone is a part of one that batches only enter, or only leave, in this pipeline.
func (c *cutter) alone(in pipeline.ID, x Ref, d unit.Direction, beside []Component) {
	part := c.part(x)
	part.Edges = append(part.Edges, Edge{in, d, refs(beside)})
}

// part is the one that a component is the head of.
func (c *cutter) part(head Ref) *Part {
	part := c.of[head]
	if part == nil {
		part = &Part{Members: append([]Ref{head}, c.tails[head]...)}
		c.of[head], c.parts = part, append(c.parts, part)
	}
	return part
}

// between notes where batches leave the part of a head, whose last member is from, for Rust.
func (c *cutter) between(in pipeline.ID, head Ref, from Component, next []Component) {
	for _, to := range next {
		if from.Rust && to.Rust {
			c.cuts = append(c.cuts, Cut{in, from.Ref, to.Ref, c.reason(head, from, to)})
		}
	}
}

// reason is why two that follow each other are not in one part.
func (c *cutter) reason(head Ref, from, to Component) string {
	for _, x := range []Component{from, to} {
		switch {
		case x.Kind == unit.KindReceiver:
			return "receivers hand their batches on in Go, where what they receive is counted"
		case x.Kind == unit.KindExporter:
			return "the queue, the retries and the timeout of exporters are in Go"
		case x.Kind == unit.KindConnector:
			return "connectors take and give batches in Go, which joins the pipelines"
		case x.Alone != "":
			return x.Alone
		}
	}
	if from.Runs != to.Runs {
		return fmt.Sprintf("they run differently: %s with %s, %s with %s",
			from.ID, from.Runs, to.ID, to.Runs)
	}
	n := len(c.tails[head])
	for _, r := range c.runs[head] {
		if len(r.members) == n {
			return fmt.Sprintf("%s is in pipeline %s too, where nothing that could be in its part "+
				"follows %s", head.ID, r.in, from.ID)
		}
		if r.members[n] != to.Ref {
			return fmt.Sprintf("%s is in pipeline %s too, where %s follows %s",
				head.ID, r.in, r.members[n].ID, from.ID)
		}
	}
	panic("a part ends where the runs of its head differ")
}

func refs(components []Component) []Ref {
	out := make([]Ref, 0, len(components))
	for _, x := range components {
		out = append(out, x.Ref)
	}
	return out
}
