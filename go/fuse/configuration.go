package fuse

import (
	"runtime"
	"slices"
	"sync"
	"weak"

	"github.com/strait-data/strait/go/unit"
)

// configuration is what the components of one configuration of a Collector know of each other. The
// places that were taken in it hold it, and nothing else does.
type configuration struct {
	mu      sync.Mutex
	configs map[string]Configured // by their names
	asides  map[at]*unit.Aside
	doors   map[at][]uint64 // units, by their handles
}

// at is a component in a pipeline, or of a signal, by its name.
type at struct{ in, name string }

// configurations are those of this process, by their numbers.
var configurations struct {
	mu   sync.Mutex
	last uint64
	all  map[uint64]weak.Pointer[configuration]
}

// Number is a new configuration's.
func Number() uint64 {
	configurations.mu.Lock()
	defer configurations.mu.Unlock()
	configurations.last++
	return configurations.last
}

// numbered is the configuration of a number; made where none holds it yet.
func numbered(number uint64) *configuration {
	all := &configurations
	all.mu.Lock()
	defer all.mu.Unlock()
	if c := all.all[number].Value(); c != nil {
		return c
	}
	c := &configuration{configs: map[string]Configured{}, asides: map[at]*unit.Aside{},
		doors: map[at][]uint64{}}
	if all.all == nil {
		all.all = map[uint64]weak.Pointer[configuration]{}
	}
	held := weak.Make(c)
	all.all[number] = held
	runtime.AddCleanup(c, forget, number)
	return c
}

// forget lets go of a number whose configuration nobody holds, unless it was made anew.
func forget(number uint64) {
	configurations.mu.Lock()
	defer configurations.mu.Unlock()
	if configurations.all[number].Value() == nil {
		delete(configurations.all, number)
	}
}

func (c *configuration) configure(name string, cfg Configured) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.configs[name] = cfg
}

func (c *configuration) configured(name string) Configured {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.configs[name]
}

// aside is what stands for a member in a pipeline; nil: it has not started there.
func (c *configuration) aside(pipeline string, m *unit.Member) *unit.Aside {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asides[at{pipeline, Named(m.Kind, m.ID)}]
}

// stepAside lets a component step aside in a pipeline; with nil it does so no more.
func (c *configuration) stepAside(pipeline, name string, a *unit.Aside) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a == nil {
		delete(c.asides, at{pipeline, name})
		return
	}
	c.asides[at{pipeline, name}] = a
}

// openDoor lets units of others find one that takes their batches. A connector has one for each
// signal that it makes.
func (c *configuration) openDoor(where at, unit uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.doors[where] = append(c.doors[where], unit)
}

func (c *configuration) closeDoor(where at, unit uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	left := slices.DeleteFunc(c.doors[where], func(of uint64) bool { return of == unit })
	if c.doors[where] = left; len(left) == 0 {
		delete(c.doors, where)
	}
}

func (c *configuration) doorsOf(where at) []uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.doors[where])
}
