package unit

import (
	"fmt"
	"maps"
	"sync"

	"github.com/strait-data/strait/go/control"
)

// Description is what the Rust part of this program says of itself.
type Description struct {
	// Strait and Engine are versions.
	Strait string `json:"strait"`
	Engine string `json:"engine"`
	// Components are the Rust components that are linked in.
	Components []ComponentDescription `json:"components"`
	// Nodes are the engine's nodes that are linked in, which the `otap` processor runs.
	Nodes []NodeDescription `json:"nodes"`
}

// NodeDescription is one node of the engine.
type NodeDescription struct {
	// Name is what a configuration calls it.
	Name string `json:"name"`
}

// ComponentDescription is one Rust component: what its crate's metadata says, or what Rust says.
type ComponentDescription struct {
	Kind    Kind   `json:"kind"`
	Type    string `json:"type"`
	Crate   string `json:"crate"`
	Version string `json:"version"`
	// Signals are the stability per signal, as in "alpha"; Stability is that of a component without
	// signals.
	Signals   map[Flow]string `json:"signals"`
	Stability string          `json:"stability"`
	// LogsAsOTLP says that a receiver sends logs as OTLP bytes, or may.
	LogsAsOTLP bool `json:"logs_as_otlp"`
}

// Flow is what a component carries: a signal, or a connector's way from one to another.
type Flow string

// FlowOf is that of one signal.
func FlowOf(s Signal) Flow { return Flow(s) }

// FlowFromTo is a connector's.
func FlowFromTo(from, to Signal) Flow { return Flow(from + "_to_" + to) }

// described is what the one peer of a process says of itself: it does not change.
var described struct {
	sync.Mutex
	by *control.Peer
	is *Description
}

// Describe asks Rust. It starts nothing.
func Describe() (*Description, error) {
	peer, err := control.Bind()
	if err != nil {
		return nil, err
	}
	described.Lock()
	defer described.Unlock()
	if described.by == peer {
		return described.is, nil
	}
	d, err := inline[Description](control.Describe, 0, struct{}{})
	if err == nil {
		described.by, described.is = peer, d
	}
	return d, err
}

// Check refuses to run a component that is not the one that the Go side was generated for.
func (d *ComponentDescription) Check() error {
	all, err := Describe()
	if err != nil {
		return err
	}
	for i := range all.Components {
		found := &all.Components[i]
		switch {
		case found.Kind != d.Kind || found.Type != d.Type:
		case found.equal(d):
			return nil
		default:
			return fmt.Errorf("%s %q: Go was generated for %s, Rust is %s: "+
				"build both with one `strait build`", d.Kind, d.Type, d.crate(), found.crate())
		}
	}
	return fmt.Errorf("%s %q is not in the Rust part of this program: "+
		"build both with one `strait build`", d.Kind, d.Type)
}

func (d *ComponentDescription) equal(x *ComponentDescription) bool {
	return d.Crate == x.Crate && d.Version == x.Version && d.Stability == x.Stability &&
		maps.Equal(d.Signals, x.Signals)
}

// crate is which one it is, as an error says it.
func (d *ComponentDescription) crate() string {
	stability := d.Stability
	if len(d.Signals) > 0 {
		stability = fmt.Sprint(d.Signals)
	}
	return fmt.Sprintf("%s %s (%s)", d.Crate, d.Version, stability)
}
