// Package fuse runs parts of package partition: what follows each other in Rust, whose batches
// cross once for all, or not at all: a receiver, processors, an exporter.
//
// The Collector keeps each of them. The head's unit has all as its members, and does their work;
// what it hands on carries a mark with the others' ids, and each of these finds itself at the front
// of the mark, takes itself off, and passes the batch on untouched. A batch without the mark is
// treated as ever, so a processor may be in a part in one pipeline and by itself in another. In a
// pipeline where it is in another's part it starts no unit, and its unit.Aside stands for it. A
// receiver is the head of a part for each signal, in one pipeline of it (Branch). Behind an
// exporter nothing is handed on.
//
// Between two units there may be a bridge: what leaves one enters the other in Rust. The second is
// a unit as ever, with its own component, and has a door besides. Where others in Go get the batch
// as well it carries a note of who has it, and these take it for done.
//
// Package converter says in the components' configurations, under Key, which part each is in; those
// of members are found by that (Take). Without it each component runs by itself.
package fuse

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"

	"github.com/strait-data/strait/go/unit"
)

// Key is a key in a component's configuration, of which the user sees nothing: Take takes it out.
const Key = "strait_part"

// Stand is how a component stands in the parts of a configuration: the value of Key.
type Stand struct {
	// Configuration is the number of the configuration; see Number.
	Configuration uint64 `mapstructure:"configuration"`
	// ID is the component's.
	ID string `mapstructure:"id"`
	// Fellows are those behind it in the part that it is the head of; see Named.
	Fellows []string `mapstructure:"fellows"`
	// Aside are the pipelines in which it is in another's part.
	Aside []string `mapstructure:"aside"`
	// Behind are those behind a receiver, in each pipeline where it is the head of a part.
	Behind map[string][]string `mapstructure:"behind"`
	// Door says that units of others send it batches.
	Door bool `mapstructure:"door"`
	// Across is where batches go that leave its unit, in each pipeline, where not all of it is Go's.
	Across map[string]Across `mapstructure:"across"`
}

// Across is where batches go that leave a unit in a pipeline.
type Across struct {
	// To are those that they go to in Rust; see Named.
	To []string `mapstructure:"to"`
	// Go says that others get them besides, in Go.
	Go bool `mapstructure:"go"`
}

// Named is a component as a stand names it.
func Named(kind unit.Kind, id string) string { return string(kind) + " " + id }

// Map is the stand as a value of a configuration.
func (s *Stand) Map() map[string]any {
	list := func(ids []string) []any {
		out := make([]any, len(ids))
		for i, id := range ids {
			out[i] = id
		}
		return out
	}
	behind := make(map[string]any, len(s.Behind))
	for in, ids := range s.Behind {
		behind[in] = list(ids)
	}
	across := make(map[string]any, len(s.Across))
	for in, way := range s.Across {
		across[in] = map[string]any{"to": list(way.To), "go": way.Go}
	}
	return map[string]any{
		"configuration": s.Configuration, "id": s.ID, "fellows": list(s.Fellows),
		"aside": list(s.Aside), "behind": behind, "door": s.Door, "across": across,
	}
}

// Configured is the configuration of a component that can be a member of another's unit.
type Configured interface {
	component.Config
	// Kind is what the component is.
	Kind() unit.Kind
	// Member is the component in a unit, by its id.
	Member(id string) (unit.Member, error)
}

// Place is what a component needs to take its place in parts. nil: it has none, and runs by itself.
type Place struct {
	stand Stand
	all   *configuration
}

// Take takes the stand out of a component's configuration, and keeps the configuration for the head
// of its part. The place is nil where there is no stand.
func Take(conf *confmap.Conf, cfg Configured) (*Place, error) {
	if !conf.IsSet(Key) {
		return nil, nil
	}
	sub, err := conf.Sub(Key)
	if err != nil {
		return nil, errReserved
	}
	p := &Place{}
	if err := sub.Unmarshal(&p.stand); err != nil {
		return nil, errReserved
	}
	conf.Delete(Key)
	p.all = numbered(p.stand.Configuration)
	p.all.configure(Named(cfg.Kind(), p.stand.ID), cfg)
	return p, nil
}

var errReserved = errors.New(Key + ": this key is Strait's own: leave it out")

// spec is the unit of the part that the processor is the head of, given that of it alone.
func (p *Place) spec(alone unit.Spec) (unit.Spec, error) {
	fellows, err := p.members(p.stand.Fellows)
	if err != nil {
		return alone, err
	}
	signal := alone.Edges[0].Signal
	if bridge := p.bridge(signal); bridge != nil {
		fellows = append(fellows, unit.ToOthers("", bridge))
	}
	alone.Members = append(slices.Clip(alone.Members), fellows...)
	alone.Aside = p.all.aside
	p.open(&alone, unit.KindProcessor, signal)
	if unit.Ends(fellows) {
		alone.Edges = unit.Into(signal)
	}
	return alone, nil
}

// isOf says whether a pipeline, by its id, is of a signal.
func isOf(pipeline string, signal unit.Signal) bool {
	of, _, _ := strings.Cut(pipeline, "/")
	return of == string(signal)
}

// members are components of the configuration, in their order, as members of a unit.
func (p *Place) members(named []string) ([]unit.Member, error) {
	members := make([]unit.Member, 0, len(named))
	for _, name := range named {
		_, id, _ := strings.Cut(name, " ")
		cfg := p.all.configured(name)
		if cfg == nil {
			return nil, fmt.Errorf("%s, which is in the same part, has no configuration here", id)
		}
		member, err := cfg.Member(id)
		if err != nil {
			return nil, fmt.Errorf("%s, which is in the same part: %w", id, err)
		}
		members = append(members, member)
	}
	return members, nil
}
