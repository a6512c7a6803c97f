package otapprocessor

import (
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/rustconfig"
	"github.com/strait-data/strait/go/rustruntime"
	"github.com/strait-data/strait/go/unit"
)

// Config is the configuration of the otap processor.
type Config struct {
	// Nodes is a chain (a list of one-key maps, node name to its configuration), or a graph: a map
	// with `nodes` and `connections`. The nodes' own keys are the engine's; `strait nodes` lists
	// them.
	Nodes any `mapstructure:"nodes"`
	// Keys are how the engine runs; none of them is inherited.
	rustruntime.Keys `mapstructure:",squash"`
	// Fidelity is `strict` (default) or `best_effort`.
	Fidelity unit.Fidelity `mapstructure:"fidelity"`
	// FullDecode sends every column across and decodes everything that comes back, instead of
	// sending what the nodes read and applying what differs. For comparison; slower.
	FullDecode bool `mapstructure:"full_decode"`
}

func createDefaultConfig() component.Config {
	return &Config{Keys: rustruntime.Defaults(), Fidelity: unit.Strict}
}

var errNoNodes = errors.New("nodes: empty: list at least one node, for example " +
	"`- attribute: {actions: [...]}`; `strait nodes` shows what there is")

// Unmarshal reads the Collector's values. What `nodes` holds is read by Rust, which knows its keys:
// text of `${env:X}` where a key takes text, the value where it takes another, and which texts are
// secrets.
func (c *Config) Unmarshal(conf *confmap.Conf) error {
	if err := conf.Unmarshal(c); err != nil {
		return err
	}
	var err error
	c.Nodes, err = rustconfig.Conform("nodes", c.Nodes)
	return err
}

// Validate checks everything that needs no pipeline's signal; the nodes themselves are checked by
// Rust, for the signals that their configuration is used with, when the pipelines are built. It
// opens nothing.
func (c *Config) Validate() error {
	var errs []error
	if c.Nodes == nil {
		errs = append(errs, errNoNodes)
	}
	if err := c.Check(); err != nil {
		errs = append(errs, err)
	}
	if c.Fidelity != unit.Strict && c.Fidelity != unit.BestEffort {
		errs = append(errs, fmt.Errorf("fidelity: must be %q or %q, found %q",
			unit.Strict, unit.BestEffort, c.Fidelity))
	}
	if len(errs) == 0 {
		errs = append(errs, c.validateNodes())
	}
	return errors.Join(errs...)
}

// validateNodes asks Rust about the nodes without a signal. A program without its Rust part can
// still be asked to validate; Start is where it says what to do.
func (c *Config) validateNodes() error {
	spec, err := c.spec("", nil) // the Collector names the component
	if err != nil {
		return err
	}
	_, err = unit.Validate(spec)
	if errors.Is(err, control.ErrNoPeer) {
		return nil
	}
	return err
}

func (c *Config) spec(id string, edges []unit.Edge) (unit.Spec, error) {
	nodes, err := rustconfig.JSON("nodes", c.Nodes)
	return unit.Spec{
		ID: id, Lanes: int(c.Lanes), Fidelity: c.Fidelity, MaxInFlight: int(c.MaxInFlight),
		Edges:   edges,
		Members: []unit.Member{{ID: id, Kind: unit.KindProcessor, Nodes: nodes}},
	}, err
}

func (c *Config) transport() unit.Transport {
	t := c.Runtime().Transport()
	t.FullDecode = c.FullDecode
	return t
}
