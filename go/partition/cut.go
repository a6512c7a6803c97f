package partition

import (
	"fmt"
	"slices"

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
	// in are, for each receiver and exporter, the pipelines that it is in.
	in map[Ref][]pipeline.ID

	pipelines []Pipeline
	parts     []*Part
	of        map[place]*Part
	ways      []way // those that leave parts, or receivers and processors in Go
	bridges   []Bridge
	cuts      []Cut
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
		runs: map[Ref][]run{}, tails: map[Ref][]Ref{}, in: map[Ref][]pipeline.ID{},
		pipelines: pipelines, of: map[place]*Part{}, bridges: []Bridge{}, cuts: []Cut{},
	}
	for i := range pipelines {
		p := &pipelines[i]
		for _, x := range slices.Concat(p.Receivers, p.Exporters) {
			c.in[x.Ref] = append(c.in[x.Ref], p.ID)
		}
	}
	for i := range pipelines {
		p := &pipelines[i]
		var members []Ref // those that follow, the nearest in front
		var runs string   // how they run
		if last := c.last(p); last != nil {
			members, runs = []Ref{last.Ref}, last.Runs
		}
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

// last is a pipeline's exporter where it may be in a part: it has all batches of the pipeline, and
// none of another one. nil: there is none such.
func (c *cutter) last(p *Pipeline) *Component {
	if len(p.Exporters) != 1 {
		return nil
	}
	x := &p.Exporters[0]
	if !x.joins(unit.KindExporter) || c.elsewhere(p.ID, x.Ref) != nil {
		return nil
	}
	return x
}

// behind are those of a pipeline that are in its receiver's part: those in front that may be, where
// nobody else gives them batches, and the receiver's go nowhere else.
func (c *cutter) behind(p *Pipeline) (members []Ref) {
	if len(p.Receivers) != 1 {
		return nil
	}
	x := p.Receivers[0]
	if !x.joins(unit.KindReceiver) || c.elsewhere(p.ID, x.Ref) != nil {
		return nil
	}
	for _, next := range p.Processors {
		if !next.joins(unit.KindProcessor) || next.Runs != x.Runs {
			return members
		}
		members = append(members, next.Ref)
	}
	if last := c.last(p); last != nil && last.Runs == x.Runs {
		members = append(members, last.Ref)
	}
	return members
}

// elsewhere is another pipeline of the same signal that a receiver or exporter is in; nil: there is
// none.
func (c *cutter) elsewhere(in pipeline.ID, x Ref) *pipeline.ID {
	for i, other := range c.in[x] {
		if other != in && other.Signal() == in.Signal() {
			return &c.in[x][i]
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
		c.begin(p, place{x.Ref, p.ID}, behind)
		if ends(behind) {
			return
		}
		at = len(behind)
		before = p.Processors[at-1 : at]
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
			part := c.begin(p, place{head: x.Ref}, behind)
			part.Edges = append(part.Edges, Edge{p.ID, unit.In, refs(before)})
			if ends(behind) {
				return
			}
		} else {
			c.between(p, x.Ref, x, p.following(end))
		}
		before, at = p.Processors[end-1:end], end
	}
	for _, x := range p.Exporters {
		if x.Rust {
			c.alone(p.ID, x.Ref, unit.In, last)
		}
	}
}

// begin takes the part at a place in a pipeline, with those behind its head, and notes where
// batches leave it.
func (c *cutter) begin(p *Pipeline, at place, behind []Ref) *Part {
	part := c.part(at, behind)
	part.Pipelines = append(part.Pipelines, p.ID)
	if ends(behind) {
		return part
	}
	through := p.at(at.head) + 1 + len(behind)
	part.Edges = append(part.Edges, Edge{p.ID, unit.Out, refs(p.following(through))})
	c.between(p, at.head, p.Processors[through-1], p.following(through))
	return part
}

// at is the place of a processor; -1: it is none, but the receiver before them.
func (p *Pipeline) at(x Ref) int {
	return slices.IndexFunc(p.Processors, func(c Component) bool { return c.Ref == x })
}

// ends says that batches end with the last of these: it is an exporter.
func ends(members []Ref) bool {
	return len(members) > 0 && members[len(members)-1].Kind == unit.KindExporter
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
	part.Pipelines = append(part.Pipelines, in)
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

// between notes where batches go that leave the part of a head, whose last member is from.
func (c *cutter) between(p *Pipeline, head Ref, from Component, next []Component) {
	if from.Rust {
		c.ways = append(c.ways, way{p, head, from, next})
	}
}

// reason is why two that follow each other are in different parts, and no bridge is between them.
func (c *cutter) reason(w *way, to Component, other *Component) string {
	from, head := w.from, w.head
	for _, x := range []Component{from, to} {
		if x.Alone != "" {
			return x.Alone
		}
	}
	if from.Kind != unit.KindProcessor || to.Kind != unit.KindProcessor {
		return unbridged(w, to, other)
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
