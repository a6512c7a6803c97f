// Package fuse runs parts of package partition: processors in a row in Rust, or behind a receiver,
// whose batches cross once for all of them.
//
// The Collector keeps each of them. The head's unit has all as its members, and does their work;
// what it hands on carries a mark with the others' ids, and each of these finds itself at the front
// of the mark, takes itself off, and passes the batch on untouched. A batch without the mark is
// treated as ever, so a processor may be in a part in one pipeline and by itself in another. In a
// pipeline where it is in another's part it starts no unit, and its unit.Aside stands for it. A
// receiver is the head of a part for each signal, in one pipeline of it (Branch).
//
// Package converter says in the components' configurations, under Key, which part each is in; those
// of processors are found by that (Take). Without it each component runs by itself.
package fuse

import (
	"errors"
	"fmt"
	"slices"

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
	// Fellows are the processors behind it in the part that it is the head of.
	Fellows []string `mapstructure:"fellows"`
	// Aside are the pipelines in which it is in another's part.
	Aside []string `mapstructure:"aside"`
	// Behind are those behind a receiver, in each pipeline where it is the head of a part.
	Behind map[string][]string `mapstructure:"behind"`
}

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
	return map[string]any{
		"configuration": s.Configuration, "id": s.ID,
		"fellows": list(s.Fellows), "aside": list(s.Aside), "behind": behind,
	}
}

// Configured is the configuration of a processor that can be a member of another's unit.
type Configured interface {
	component.Config
	// Member is the processor in a unit, by its id.
	Member(id string) (unit.Member, error)
}

// Place is what a component needs to take its place in parts. nil: it has none, and runs by itself.
type Place struct {
	stand Stand
	all   *configuration
}

// Take takes the stand out of a component's configuration, and keeps that of a processor for the
// head of its part; cfg is nil for another kind. The place is nil where there is no stand.
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
	if cfg != nil {
		p.all.configure(p.stand.ID, cfg)
	}
	return p, nil
}

var errReserved = errors.New(Key + ": this key is Strait's own: leave it out")

// spec is the unit of the part that the processor is the head of, given that of it alone.
func (p *Place) spec(alone unit.Spec) (unit.Spec, error) {
	fellows, err := p.members(p.stand.Fellows)
	if err != nil {
		return alone, err
	}
	alone.Members = append(slices.Clip(alone.Members), fellows...)
	alone.Aside = p.all.aside
	return alone, nil
}

// members are processors of the configuration, in their order, as members of a unit.
func (p *Place) members(ids []string) ([]unit.Member, error) {
	members := make([]unit.Member, 0, len(ids))
	for _, id := range ids {
		cfg := p.all.configured(id)
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
