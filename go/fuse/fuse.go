// Package fuse runs parts of package partition: processors in a row in Rust, whose batches cross
// once for all of them.
//
// The Collector keeps each of them. The head's unit has all as its members, and does their work;
// what it hands on carries a mark with the others' ids, and each of these finds itself at the front
// of the mark, takes itself off, and passes the batch on untouched. A batch without the mark is
// treated as ever, so a processor may be in a part in one pipeline and by itself in another. In a
// pipeline where it is in another's part it starts no unit, and its unit.Aside stands for it.
//
// Package converter says in the processors' configurations, under Key, which part each is in; their
// configurations are found by that (Take). Without it each processor runs by itself.
package fuse

import (
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"

	"github.com/strait-data/strait/go/unit"
)

// Key is a key in a processor's configuration, of which the user sees nothing: Take takes it out.
const Key = "strait_part"

// Stand is how a processor stands in the parts of a configuration: the value of Key.
type Stand struct {
	// Configuration is the number of the configuration; see Number.
	Configuration uint64 `mapstructure:"configuration"`
	// ID is the processor's.
	ID string `mapstructure:"id"`
	// Fellows are the processors behind it in the part that it is the head of.
	Fellows []string `mapstructure:"fellows"`
	// Aside are the pipelines in which it is in another's part.
	Aside []string `mapstructure:"aside"`
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
	return map[string]any{
		"configuration": s.Configuration, "id": s.ID,
		"fellows": list(s.Fellows), "aside": list(s.Aside),
	}
}

// Configured is the configuration of a processor that can be a member of another's unit.
type Configured interface {
	component.Config
	// Member is the processor in a unit, by its id.
	Member(id string) (unit.Member, error)
}

// Place is what a processor needs to take its place in parts. nil: it has none, and runs by itself.
type Place struct {
	stand Stand
	all   *configuration
}

// Take takes the stand out of a processor's configuration, and keeps the configuration for the head
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
	p.all.configure(p.stand.ID, cfg)
	return p, nil
}

var errReserved = errors.New(Key + ": this key is Strait's own: leave it out")

// spec is the unit of the part that the processor is the head of, given that of it alone.
func (p *Place) spec(alone unit.Spec) (unit.Spec, error) {
	members := alone.Members[:len(alone.Members):len(alone.Members)]
	for _, id := range p.stand.Fellows {
		cfg := p.all.configured(id)
		if cfg == nil {
			return alone, fmt.Errorf("%s, which is in the same part, has no configuration here", id)
		}
		member, err := cfg.Member(id)
		if err != nil {
			return alone, fmt.Errorf("%s, which is in the same part: %w", id, err)
		}
		members = append(members, member)
	}
	alone.Members, alone.Aside = members, p.all.aside
	return alone, nil
}
