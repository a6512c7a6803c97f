package otapprocessor

import (
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/ring"
	"github.com/strait-data/strait/go/rustconfig"
	"github.com/strait-data/strait/go/unit"
	"github.com/strait-data/strait/go/whole"
)

// Config is the configuration of the otap processor.
type Config struct {
	// Nodes is a chain (a list of one-key maps, node name to its configuration), or a graph: a map
	// with `nodes` and `connections`. The nodes' own keys are the engine's; `strait nodes` lists
	// them.
	Nodes any `mapstructure:"nodes"`
	// Lanes is the number of engine threads. Default 1.
	Lanes whole.Number `mapstructure:"lanes"`
	// Fidelity is `strict` (default) or `best_effort`.
	Fidelity unit.Fidelity `mapstructure:"fidelity"`
	// MaxInFlight bounds the batches inside the engine, per lane. Default 64.
	MaxInFlight whole.Number `mapstructure:"max_in_flight"`
	// MaxWait bounds the wait for room in a full ring. Default 5s.
	MaxWait whole.Duration `mapstructure:"max_wait"`
	// Wake is `efficient` (default: park at once) or `latency` (look again for a while before
	// parking).
	Wake unit.Wake `mapstructure:"wake"`
	// Ring is the size of each of the two rings of a lane.
	Ring RingConfig `mapstructure:"ring"`
	// FullDecode sends every column across and decodes everything that comes back, instead of
	// sending what the nodes read and applying what differs. For comparison; slower.
	FullDecode bool `mapstructure:"full_decode"`
}

// RingConfig is the size of one ring.
type RingConfig struct {
	// Descriptors is the number of messages in flight: a power of two. Default 1024.
	Descriptors whole.Number `mapstructure:"descriptors"`
	// SizeMiB is the size of the slab. Default 32.
	SizeMiB whole.Number `mapstructure:"size_mib"`
}

func createDefaultConfig() component.Config {
	t := unit.DefaultTransport()
	return &Config{
		Lanes: 1, Fidelity: unit.Strict, MaxInFlight: 64,
		MaxWait: whole.Duration(t.MaxWait), Wake: t.Wake,
		Ring: RingConfig{
			Descriptors: whole.Number(t.Geometry.Descriptors),
			SizeMiB:     whole.Number(t.Geometry.Blocks / unit.BlocksPerMiB),
		},
	}
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
	if c.Lanes < 1 || c.Lanes > maxLanes {
		errs = append(errs, fmt.Errorf("lanes: must be 1 to %d, found %d", maxLanes, c.Lanes))
	}
	if c.MaxInFlight < 1 || c.MaxInFlight > maxMaxInFlight {
		errs = append(errs, fmt.Errorf("max_in_flight: must be 1 to %d, found %d",
			maxMaxInFlight, c.MaxInFlight))
	}
	if c.Fidelity != unit.Strict && c.Fidelity != unit.BestEffort {
		errs = append(errs, fmt.Errorf("fidelity: must be %q or %q, found %q",
			unit.Strict, unit.BestEffort, c.Fidelity))
	}
	if transport, err := c.transport(); err != nil {
		errs = append(errs, err)
	} else if err := transport.Validate(); err != nil {
		errs = append(errs, err)
	}
	if len(errs) == 0 {
		errs = append(errs, c.validateNodes())
	}
	return errors.Join(errs...)
}

const (
	maxLanes       = 256
	maxMaxInFlight = 65_536
	maxSizeMiB     = ring.MaxBlocks / unit.BlocksPerMiB
)

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

// transport fails where a size has no place in a ring's numbers.
func (c *Config) transport() (unit.Transport, error) {
	var errs []error
	if n := c.Ring.Descriptors; n < ring.MinDescriptors || n > ring.MaxDescriptors {
		errs = append(errs, fmt.Errorf("ring::descriptors: must be a power of two from %d to %d, "+
			"found %d",
			ring.MinDescriptors, ring.MaxDescriptors, n))
	}
	if n := c.Ring.SizeMiB; n < 1 || n > maxSizeMiB {
		errs = append(errs, fmt.Errorf("ring::size_mib: must be 1 to %d, found %d", maxSizeMiB, n))
	}
	return unit.Transport{
		Geometry: ring.Geometry{
			Descriptors: uint32(c.Ring.Descriptors),
			Blocks:      uint32(c.Ring.SizeMiB) * unit.BlocksPerMiB,
		},
		Wake: c.Wake, MaxWait: time.Duration(c.MaxWait), FullDecode: c.FullDecode,
	}, errors.Join(errs...)
}
