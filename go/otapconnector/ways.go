package otapconnector

import (
	"cmp"
	"fmt"
	"slices"

	"go.opentelemetry.io/collector/pipeline"

	"github.com/strait-data/strait/go/unit"
)

// router is what a Collector gives a connector as its next consumer, which is a C: all pipelines
// that the connector is a receiver of.
type router[C any] interface {
	PipelineIDs() []pipeline.ID
	Consumer(...pipeline.ID) (C, error)
}

// ways are a unit's edges, and what is behind those that lead out, in the same order.
type ways struct {
	edges []unit.Edge
	nexts []unit.Next
}

// waysTo are those between a signal and itself: one way out to all pipelines behind the connector
// together, and one to each of them, where next tells them apart.
func waysTo[C any](signal unit.Signal, next C, to func(C) unit.Next) (ways, error) {
	w := ways{unit.Between(signal), []unit.Next{to(next)}}
	all, is := any(next).(router[C])
	if !is {
		return w, nil
	}
	ids := all.PipelineIDs()
	slices.SortFunc(ids, func(a, b pipeline.ID) int { return cmp.Compare(a.String(), b.String()) })
	for _, id := range ids {
		one, err := all.Consumer(id)
		if err != nil {
			return ways{}, fmt.Errorf("pipeline %s: %w", id, err)
		}
		w.edges = append(w.edges, unit.Edge{
			Number: uint16(len(w.edges)), Direction: unit.Out, Signal: signal, Pipeline: id.String(),
		})
		w.nexts = append(w.nexts, to(one))
	}
	return w, nil
}
