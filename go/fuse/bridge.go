package fuse

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/strait-data/strait/go/unit"
)

// bridge is where batches of a signal go that leave the unit of a component; nil: to Go alone.
func (p *Place) bridge(signal unit.Signal) *unit.Bridge {
	ways := p.across(signal)
	if len(ways) == 0 {
		return nil
	}
	b := &unit.Bridge{}
	for _, way := range ways {
		b.Host = b.Host || way.Go
	}
	b.Find = func(pipeline string) (to []uint64, err error) {
		for _, in := range slices.Sorted(maps.Keys(ways)) {
			if pipeline != "" && pipeline != in {
				continue // of a processor that is in others too
			}
			for _, name := range ways[in].To {
				doors := p.all.doorsOf(doorOf(name, in))
				if len(doors) == 0 {
					_, id, _ := strings.Cut(name, " ")
					return nil, fmt.Errorf("%s, which is behind it in pipeline %s, does not run here", id, in)
				}
				to = append(to, doors...)
			}
		}
		return to, nil
	}
	return b
}

// across are the ways out of the component's unit in the pipelines of a signal.
func (p *Place) across(signal unit.Signal) map[string]Across {
	ways := map[string]Across{}
	for in, way := range p.stand.Across {
		if isOf(in, signal) {
			ways[in] = way
		}
	}
	return ways
}

// open gives a unit of the component a door, where others send it batches.
func (p *Place) open(spec *unit.Spec, kind unit.Kind, signal unit.Signal) {
	if !p.stand.Door {
		return
	}
	spec.Door = true
	name := Named(kind, p.stand.ID)
	spec.Opened = func(pipeline string, handle uint64) func() {
		door := doorIn(name, pipeline, signal)
		p.all.openDoor(door, handle)
		return func() { p.all.closeDoor(door, handle) }
	}
}

// doorOf is where a component takes batches in a pipeline, by its name.
func doorOf(name, pipeline string) at {
	signal, _, _ := strings.Cut(pipeline, "/")
	return doorIn(name, pipeline, unit.Signal(signal))
}

// doorIn is the same of a signal: a processor is another one in each pipeline, the rest are one for
// all of a signal.
func doorIn(name, pipeline string, signal unit.Signal) at {
	if strings.HasPrefix(name, Named(unit.KindProcessor, "")) {
		return at{pipeline, name}
	}
	return at{string(signal), name}
}

// hasKey is the context key of who has a batch already.
type hasKey struct{}

// note is what a batch is handed on with to Go that goes to others in Rust besides.
type note map[at]bool

// noteOf is the note of a component's batches of a signal; nil: nobody has them.
func (p *Place) noteOf(signal unit.Signal) note {
	var n note
	for in, way := range p.across(signal) {
		for _, name := range way.To {
			if n == nil {
				n = note{}
			}
			n[doorOf(name, in)] = true
		}
	}
	return n
}

// noted is a context that says who has the batch.
func noted(ctx context.Context, n note) context.Context {
	if n == nil {
		return ctx
	}
	return context.WithValue(ctx, hasKey{}, n)
}

// has says that who stands at a door has the batch already.
func has(ctx context.Context, door at) bool {
	n, _ := ctx.Value(hasKey{}).(note)
	return n[door]
}
