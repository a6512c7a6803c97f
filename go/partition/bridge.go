package partition

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pipeline"

	"github.com/strait-data/strait/go/unit"
)

// What leaves a part for others in Rust goes there without Go where it is whole: where a receiver
// or connector has made it, or where nobody in Go gets it, so that nothing has to be found again in
// what Go has kept. Those in Go that get it besides are told who has it, and tell on: so nobody can
// be told so by whom the batch comes to on a way through Go as well.

// way is where batches go that leave a part in a pipeline.
type way struct {
	in *Pipeline
	// head is the part's first member, from its last.
	head Ref
	from Component
	to   []Component
}

// makes says that the batches of a way are made by the part's head.
func (w *way) makes() bool { return w.head.Kind != unit.KindProcessor }

// takes says that a component at the end of the way can take its batches in Rust.
func (w *way) takes(to Component) bool {
	return w.from.Alone == "" && to.Rust && to.Alone == "" &&
		(w.makes() || to.Kind != unit.KindProcessor)
}

// spot is where batches come to: a processor in its pipeline, any other for all of a signal.
type spot struct {
	in string
	x  Ref
}

func spotOf(in pipeline.ID, x Ref) spot {
	if x.Kind == unit.KindProcessor {
		return spot{in.String(), x}
	}
	return spot{in.Signal().String(), x}
}

// bridge says what goes from part to part in Rust, and cuts the rest.
func (c *cutter) bridge() {
	taken := map[spot]bool{} // by a bridge of the group
	for _, group := range c.groups() {
		clear(taken)
		for _, w := range group {
			for _, to := range w.to {
				if w.takes(to) {
					taken[spotOf(w.in.ID, to.Ref)] = true
				}
			}
		}
		other := offender(group)
		if other != nil && !group[0].makes() {
			clear(taken)
		}
		for c.reachedInGo(group, taken) {
		}
		for _, w := range group {
			for _, to := range w.to {
				switch {
				case !to.Rust:
				case w.takes(to) && taken[spotOf(w.in.ID, to.Ref)]:
					c.join(w, to)
				default:
					reason := c.reason(w, to, other)
					c.cuts = append(c.cuts, Cut{w.in.ID, w.from.Ref, to.Ref, reason})
				}
			}
		}
	}
	slices.SortStableFunc(c.bridges, func(a, b Bridge) int {
		return strings.Compare(a.Pipeline.String(), b.Pipeline.String())
	})
	slices.SortStableFunc(c.cuts, func(a, b Cut) int {
		return strings.Compare(a.Pipeline.String(), b.Pipeline.String())
	})
}

// groups are the ways of each head, signal by signal: what leaves a receiver goes all of them.
func (c *cutter) groups() (groups [][]*way) {
	type of struct {
		head   Ref
		signal pipeline.Signal
	}
	at := map[of]int{}
	for i := range c.ways {
		w := &c.ways[i]
		key := of{w.head, w.in.ID.Signal()}
		if _, is := at[key]; !is {
			at[key] = len(groups)
			groups = append(groups, nil)
		}
		groups[at[key]] = append(groups[at[key]], w)
	}
	return groups
}

// offender is one that gets the batches of a group in Go; nil: nobody does.
func offender(group []*way) *Component {
	for _, w := range group {
		for i := range w.to {
			if !w.takes(w.to[i]) {
				return &w.to[i]
			}
		}
	}
	return nil
}

// reachedInGo leaves out those that take batches of a group in Rust and to whom they come through
// Go as well; false: there are none.
func (c *cutter) reachedInGo(group []*way, taken map[spot]bool) bool {
	seen := map[spot]bool{}
	for _, w := range group {
		for _, to := range w.to {
			if here := spotOf(w.in.ID, to.Ref); !taken[here] {
				c.follow(w.in, to.Ref, seen)
			}
		}
	}
	before := len(taken)
	maps.DeleteFunc(taken, func(here spot, _ bool) bool { return seen[here] })
	return len(taken) < before
}

// follow adds what batches come to behind a component of a pipeline, and behind that.
func (c *cutter) follow(p *Pipeline, x Ref, seen map[spot]bool) {
	here := spotOf(p.ID, x)
	if seen[here] {
		return
	}
	seen[here] = true
	switch x.Kind {
	case unit.KindProcessor:
		for _, next := range p.following(p.at(x) + 1) {
			c.follow(p, next.Ref, seen)
		}
	case unit.KindConnector:
		for i := range c.pipelines {
			of := &c.pipelines[i]
			if slices.ContainsFunc(of.Receivers, func(r Component) bool { return r.Ref == x }) {
				for _, first := range of.following(0) {
					c.follow(of, first.Ref, seen)
				}
			}
		}
	}
}

// join has batches go a way's end in Rust: neither part has an edge to Go there.
func (c *cutter) join(w *way, to Component) {
	c.bridges = append(c.bridges, Bridge{w.in.ID, w.head, w.from.Ref, to.Ref})
	source := c.of[place{w.head, w.in.ID}]
	if source == nil {
		source = c.of[place{head: w.head}]
	}
	source.withdraw(w.in.ID, unit.Out, to.Ref)
	c.of[place{head: to.Ref}].withdraw(w.in.ID, unit.In, w.from.Ref)
}

// withdraw takes a component out of those beside a part; an edge beside which is none is none.
func (p *Part) withdraw(in pipeline.ID, d unit.Direction, beside Ref) {
	for i := range p.Edges {
		if e := &p.Edges[i]; e.Pipeline == in && e.Direction == d {
			e.Beside = slices.DeleteFunc(slices.Clone(e.Beside), func(x Ref) bool { return x == beside })
		}
	}
	p.Edges = slices.DeleteFunc(p.Edges, func(e Edge) bool { return len(e.Beside) == 0 })
}

// unbridged is why batches do not go to one in Rust that could take them there, where somebody else
// gets them in Go.
func unbridged(w *way, to Component, other *Component) string {
	if w.makes() {
		return fmt.Sprintf("batches of %s come to %s on a way through Go as well", w.from.ID, to.ID)
	}
	return fmt.Sprintf("%s gets batches of %s in Go, and they are not sent whole for one of several",
		other.ID, w.head.ID)
}
