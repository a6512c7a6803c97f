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
	// fed are, for each receiver, the pipelines that it feeds.
	fed map[Ref][]pipeline.ID

	parts []*Part
	of    map[place]*Part
	cuts  []Cut
}

// place is where a part is: everywhere that its head is, or, of a receiver's with others in it, in
// one pipeline.
type place struct {
	head Ref
	in   pipeline.ID
}

// run is what follows a processor in a pipeline.
type run struct {
	in      pipeline.ID
	members []Ref
}

func newCutter(pipelines []Pipeline) *cutter {
	c := &cutter{
		runs: map[Ref][]run{}, tails: map[Ref][]Ref{}, fed: map[Ref][]pipeline.ID{},
		of: map[place]*Part{}, cuts: []Cut{},
	}
	for i := range pipelines {
		p := &pipelines[i]
		for _, x := range p.Receivers {
			c.fed[x.Ref] = append(c.fed[x.Ref], p.ID)
		}
		var members []Ref // those that follow, the nearest in front
		var runs string   // how they run
		for at := len(p.Processors) - 1; at >= 0; at-- {
			x := p.Processors[at]
			if !x.joins(unit.KindProcessor) {
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

// joins says that it may have members beside it, as one of a kind.
func (x *Component) joins(kind unit.Kind) bool { return x.Rust && x.Kind == kind && x.Alone == "" }

// behind are the processors of a pipeline that are in its receiver's part: those in front that may
// be, where nobody else gives them batches, and the receiver's go nowhere else.
func (c *cutter) behind(p *Pipeline) (members []Ref) {
	if len(p.Receivers) != 1 || len(p.Processors) == 0 {
		return nil
	}
	x := p.Receivers[0]
	if !x.joins(unit.KindReceiver) || c.elsewhere(p.ID, x.Ref) != nil {
		return nil
	}
	for _, next := range p.Processors {
		if !next.joins(unit.KindProcessor) || next.Runs != x.Runs {
			break
		}
		members = append(members, next.Ref)
	}
	return members
}

// elsewhere is another pipeline of the same signal that a receiver feeds; nil: there is none.
func (c *cutter) elsewhere(in pipeline.ID, x Ref) *pipeline.ID {
	for i, other := range c.fed[x] {
		if other != in && other.Signal() == in.Signal() {
			return &c.fed[x][i]
		}
	}
	return nil
}

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
	before, at := p.Receivers, 0
	if behind := c.behind(p); len(behind) > 0 {
		x := p.Receivers[0]
		at = len(behind)
		before = p.Processors[at-1 : at]
		part := c.part(place{x.Ref, p.ID}, behind)
		part.Edges = append(part.Edges, Edge{p.ID, unit.Out, refs(p.following(at))})
		c.between(p, x.Ref, before[0], p.following(at))
	} else {
		for _, x := range p.Receivers {
			if x.Rust {
				c.alone(p.ID, x.Ref, unit.Out, first)
			}
			c.between(p, x.Ref, x, first)
		}
	}
	for at < len(p.Processors) {
		x := p.Processors[at]
		var behind []Ref
		if x.joins(unit.KindProcessor) {
			behind = c.tails[x.Ref]
		}
		end := at + 1 + len(behind)
		if x.Rust {
			part := c.part(place{head: x.Ref}, behind)
			part.Edges = append(part.Edges,
				Edge{p.ID, unit.In, refs(before)}, Edge{p.ID, unit.Out, refs(p.following(end))})
		}
		c.between(p, x.Ref, p.Processors[end-1], p.following(end))
		before, at = p.Processors[end-1:end], end
	}
	for _, x := range p.Exporters {
		if x.Rust {
			c.alone(p.ID, x.Ref, unit.In, last)
		}
	}
}

// following is what batches come to behind so many processors.
func (p *Pipeline) following(processors int) []Component {
	if processors < len(p.Processors) {
		return p.Processors[processors : processors+1]
	}
	return p.Exporters
}

// alone is a part of one that batches only enter, or only leave, in this pipeline.
func (c *cutter) alone(in pipeline.ID, x Ref, d unit.Direction, beside []Component) {
	part := c.part(place{head: x}, nil)
	part.Edges = append(part.Edges, Edge{in, d, refs(beside)})
}

// part is the one at a place, with those behind its head.
func (c *cutter) part(at place, behind []Ref) *Part {
	part := c.of[at]
	if part == nil {
		part = &Part{Members: append([]Ref{at.head}, behind...)}
		c.of[at], c.parts = part, append(c.parts, part)
	}
	return part
}

// between notes where batches leave the part of a head, whose last member is from, for Rust.
func (c *cutter) between(p *Pipeline, head Ref, from Component, next []Component) {
	for _, to := range next {
		if from.Rust && to.Rust {
			c.cuts = append(c.cuts, Cut{p.ID, from.Ref, to.Ref, c.reason(p, head, from, to)})
		}
	}
}

// reason is why two that follow each other are not in one part.
func (c *cutter) reason(p *Pipeline, head Ref, from, to Component) string {
	for _, x := range []Component{from, to} {
		switch {
		case x.Kind == unit.KindExporter:
			return "the queue, the retries and the timeout of exporters are in Go"
		case x.Kind == unit.KindConnector:
			return "connectors take and give batches in Go, which joins the pipelines"
		case x.Alone != "":
			return x.Alone
		}
	}
	if from.Kind == unit.KindReceiver {
		if len(p.Receivers) > 1 {
			return fmt.Sprintf("%s is not the pipeline's only receiver, and all give their batches "+
				"to one %s", from.ID, to.ID)
		}
		if other := c.elsewhere(p.ID, from.Ref); other != nil {
			return fmt.Sprintf("%s feeds pipeline %s too, and gives its batches to both in Go",
				from.ID, other)
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
