package unit

import (
	"fmt"
	"maps"

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
	Kind    Kind              `json:"kind"`
	Type    string            `json:"type"`
	Crate   string            `json:"crate"`
	Version string            `json:"version"`
	Signals map[Signal]string `json:"signals"` // stability, as in "alpha"
}

// Describe asks Rust. It starts nothing.
func Describe() (*Description, error) {
	return inline[Description](control.Describe, 0, struct{}{})
}

// check refuses to run a component that is not the one that the Go side was generated for.
func (want *ComponentDescription) check() error {
	d, err := Describe()
	if err != nil {
		return err
	}
	for _, c := range d.Components {
		if c.Kind == want.Kind && c.Type == want.Type {
			if c.Crate == want.Crate && c.Version == want.Version && maps.Equal(c.Signals, want.Signals) {
				return nil
			}
			return fmt.Errorf("%s %q: Go was generated for %s %s %v, Rust is %s %s %v: "+
				"build both with one `strait build`",
				want.Kind, want.Type, want.Crate, want.Version, want.Signals, c.Crate, c.Version, c.Signals)
		}
	}
	return fmt.Errorf("%s %q is not in the Rust part of this program: "+
		"build both with one `strait build`",
		want.Kind, want.Type)
}
