// Package otapnodes is what the `otap` components of every kind have in common: the configuration
// of a chain or graph of the engine's nodes, and the unit that is made of it.
//
// It guarantees that what is wrong with the nodes is told when the configuration is validated, with
// its place; nothing of Rust is started by that. A program without its Rust part takes the nodes as
// they are; Start is where it says what to do. It leaves to each component what the Collector asks
// of its kind.
package otapnodes

import (
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/component"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/rustconfig"
	"github.com/strait-data/strait/go/rustruntime"
	"github.com/strait-data/strait/go/unit"
)

// Config is how nodes are configured. A component squashes it into its own, whose Unmarshal and
// Validate call Conform and Check.
type Config struct {
	// Nodes is a chain (a list of one-key maps, node name to its configuration), or a graph: a map
	// with `nodes` and `connections`. The nodes' own keys are the engine's; `strait nodes` lists
	// them.
	Nodes any `mapstructure:"nodes"`
	// Keys are how the engine runs; none of them is inherited.
	rustruntime.Keys `mapstructure:",squash"`
	// Fidelity is `strict` (default) or `best_effort`.
	Fidelity unit.Fidelity `mapstructure:"fidelity"`
}

// Default is the configuration of no nodes.
func Default() Config { return Config{Keys: rustruntime.Defaults(), Fidelity: unit.Strict} }

var errNoNodes = errors.New("nodes: empty: list at least one node, for example " +
	"`- attribute: {actions: [...]}`; `strait nodes` shows what there is")

// Conform has Rust, which knows their keys, read the nodes of a component of this kind: text of
// `${env:X}` where a key takes text, the value where it takes another, and which texts are secrets.
func (c *Config) Conform(kind unit.Kind) (err error) {
	c.Nodes, err = rustconfig.Conform(kind, "nodes", c.Nodes)
	return err
}

// Check checks everything that needs no pipeline's signal; for the signals that a configuration is
// used with, its nodes are checked again when the pipelines are built. It opens nothing.
func (c *Config) Check(kind unit.Kind) error {
	var errs []error
	if c.Nodes == nil {
		errs = append(errs, errNoNodes)
	}
	if err := c.Keys.Check(); err != nil {
		errs = append(errs, err)
	}
	if c.Fidelity != unit.Strict && c.Fidelity != unit.BestEffort {
		errs = append(errs, fmt.Errorf("fidelity: must be %q or %q, found %q",
			unit.Strict, unit.BestEffort, c.Fidelity))
	}
	if len(errs) == 0 {
		errs = append(errs, c.checkNodes(kind))
	}
	return errors.Join(errs...)
}

// checkNodes asks Rust about the nodes without a signal; the Collector names the component.
func (c *Config) checkNodes(kind unit.Kind) error {
	spec, err := c.spec("", kind, nil)
	if err != nil {
		return err
	}
	_, err = unit.Validate(spec)
	if errors.Is(err, control.ErrNoPeer) {
		return nil
	}
	return err
}

// Unit is what the unit of a component is made from.
func (c *Config) Unit(
	id component.ID, kind unit.Kind, edges []unit.Edge,
) (unit.Spec, unit.Transport, error) {
	spec, err := c.spec(id.String(), kind, edges)
	return spec, c.Runtime().Transport(), errors.Join(err, c.Keys.Check())
}

func (c *Config) spec(id string, kind unit.Kind, edges []unit.Edge) (unit.Spec, error) {
	member, err := c.AsMember(id, kind)
	return unit.Spec{
		ID: id, Lanes: int(c.Lanes), Fidelity: c.Fidelity, MaxInFlight: int(c.MaxInFlight),
		Edges: edges, Members: []unit.Member{member},
	}, err
}

// AsMember is the component as a member of a unit, by its id.
func (c *Config) AsMember(id string, kind unit.Kind) (unit.Member, error) {
	nodes, err := rustconfig.JSON("nodes", c.Nodes)
	return unit.Member{ID: id, Kind: kind, Nodes: nodes}, err
}
