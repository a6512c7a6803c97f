// Package partition says which Rust components of a Collector's pipelines run together, as one
// part: batches go from one member of a part to the next without leaving Rust.
//
// It is a pure function of the pipelines, in any order. It guarantees that each Rust component is,
// at each of its places in the pipelines, in exactly one part, and that no other component is in
// one; that the members of a part follow each other there; and that a part is the same wherever its
// head, the first member, begins one. A receiver begins a part of several in one pipeline, for what
// follows it in another is that one's. Between two Rust components that follow each other and are
// not in one part there is a Bridge, by which batches go from part to part in Rust, or a Cut, with
// the reason.
//
// How a part is run is left to who asks.
package partition

import (
	"slices"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pipeline"

	"github.com/strait-data/strait/go/unit"
)

// Ref names a component of the configuration.
type Ref struct {
	Kind unit.Kind    `json:"kind"`
	ID   component.ID `json:"id"`
}

// Component is one component at its place in a pipeline.
type Component struct {
	Ref
	// Rust says that it runs there.
	Rust bool `json:"rust"`
	// Alone is why it is the only member of its part; "": it may have others beside it.
	Alone string `json:"-"`
	// Runs is how it runs, in words: members of a part run alike.
	Runs string `json:"-"`
}

// Pipeline is one of the service's, with what stands in it, in order.
type Pipeline struct {
	ID         pipeline.ID `json:"id"`
	Receivers  []Component `json:"receivers"`
	Processors []Component `json:"processors"`
	Exporters  []Component `json:"exporters"`
}

// Partition is what becomes of a configuration.
type Partition struct {
	Parts   []Part   `json:"parts"`
	Bridges []Bridge `json:"bridges"`
	Cuts    []Cut    `json:"cuts"`
}

// Part is a piece of Rust that batches pass without leaving it.
type Part struct {
	// Members are in their order; the first is the head.
	Members []Ref `json:"members"`
	// Pipelines are those that it is in.
	Pipelines []pipeline.ID `json:"pipelines"`
	// Edges are where batches enter it from Go and leave it for Go: none where it is a whole
	// pipeline.
	Edges []Edge `json:"edges"`
}

// Head is the first member: where batches enter, or are made.
func (p *Part) Head() Ref { return p.Members[0] }

// Edge is where batches enter a part, or leave it for the components beside it in a pipeline.
type Edge struct {
	Pipeline  pipeline.ID    `json:"pipeline"`
	Direction unit.Direction `json:"direction"`
	Beside    []Ref          `json:"beside"`
}

// Bridge is where batches go from one part to another in Rust.
type Bridge struct {
	Pipeline pipeline.ID `json:"pipeline"`
	// Head is the first member of the part that From is the last of.
	Head Ref `json:"head"`
	From Ref `json:"from"`
	// To is the head of the other part.
	To Ref `json:"to"`
}

// Cut is where batches leave Rust although the next component is in Rust too.
type Cut struct {
	Pipeline pipeline.ID `json:"pipeline"`
	From     Ref         `json:"from"`
	To       Ref         `json:"to"`
	Reason   string      `json:"reason"`
}

// Of cuts pipelines into parts.
func Of(pipelines []Pipeline) *Partition {
	sorted := slices.SortedFunc(slices.Values(pipelines), func(a, b Pipeline) int {
		return strings.Compare(a.ID.String(), b.ID.String())
	})
	c := newCutter(sorted)
	for i := range sorted {
		c.cut(&sorted[i])
	}
	slices.SortStableFunc(c.parts, func(a, b *Part) int {
		return strings.Compare(a.Head().ID.String(), b.Head().ID.String())
	})
	c.bridge()
	out := &Partition{
		Parts: make([]Part, 0, len(c.parts)), Bridges: c.bridges, Cuts: c.cuts,
	}
	for _, part := range c.parts {
		out.Parts = append(out.Parts, *part)
	}
	return out
}
