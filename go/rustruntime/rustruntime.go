// Package rustruntime is `runtime: rust:` of a configuration: how the Rust side of a component
// runs, and of all components in the extension `strait`.
//
// It reads, shows and checks the keys. What is left out is inherited: a component has what the
// extension says, and the extension what is built in; package unit puts that together when a unit
// starts. The otap processor has the same Keys at its top, and leaves none out.
package rustruntime

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/strait-data/strait/go/ring"
	"github.com/strait-data/strait/go/unit"
	"github.com/strait-data/strait/go/whole"
)

// Key is the key in a component's configuration. No component has it for itself.
const Key = "runtime"

// Config is the key's value.
type Config struct {
	Rust Rust `mapstructure:"rust"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// Rust is how a Rust component runs. Zero is inherited.
type Rust struct {
	// Executor runs the component's futures. There is one: TokioLocal.
	Executor string `mapstructure:"executor"`
	Keys     `mapstructure:",squash"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// Keys are how any unit runs, wherever in a configuration they stand.
type Keys struct {
	// Lanes is the number of threads. A receiver has one, whatever the extension says.
	Lanes whole.Number `mapstructure:"lanes"`
	// MaxInFlight bounds the batches inside the component, per lane.
	MaxInFlight whole.Number `mapstructure:"max_in_flight"`
	// MaxWait bounds the wait for room in a full ring.
	MaxWait whole.Duration `mapstructure:"max_wait"`
	// Wake is `efficient` (park at once) or `latency` (look again for a while before parking).
	Wake unit.Wake `mapstructure:"wake"`
	// Ring is the size of each of the two rings of a lane.
	Ring Ring `mapstructure:"ring"`
	// Fuse says whether a component may run in one part with those beside it, so that batches do not
	// cross between them. Nothing said: it may.
	Fuse *bool `mapstructure:"fuse"`
}

// Ring is the size of one ring.
type Ring struct {
	// Descriptors is the number of messages in flight: a power of two.
	Descriptors whole.Number `mapstructure:"descriptors"`
	// SizeMiB is the size of the slab.
	SizeMiB whole.Number `mapstructure:"size_mib"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// TokioLocal is the executor: a Tokio runtime of one thread for each lane.
const TokioLocal = "tokio_local"

const (
	maxLanes       = 256
	maxMaxInFlight = 65_536
	maxSizeMiB     = ring.MaxBlocks / unit.BlocksPerMiB
)

// Defaults are the keys where nobody says anything.
func Defaults() Keys {
	r := unit.DefaultRuntime()
	return Keys{
		Lanes: whole.Number(r.Lanes), MaxInFlight: whole.Number(r.MaxInFlight),
		MaxWait: whole.Duration(r.MaxWait), Wake: r.Wake,
		Ring: Ring{
			Descriptors: whole.Number(r.Geometry.Descriptors),
			SizeMiB:     whole.Number(r.Geometry.Blocks / unit.BlocksPerMiB),
		},
	}
}

// Validate checks what types cannot. confmap calls it, and says where the value stands.
func (r *Rust) Validate() error {
	var errs []error
	if r.Executor != "" && r.Executor != TokioLocal {
		errs = append(errs, fmt.Errorf("executor: must be %q, found %q", TokioLocal, r.Executor))
	}
	d := Defaults()
	keys := Keys{
		Lanes: cmp.Or(r.Lanes, d.Lanes), MaxInFlight: cmp.Or(r.MaxInFlight, d.MaxInFlight),
		MaxWait: cmp.Or(r.MaxWait, d.MaxWait), Wake: cmp.Or(r.Wake, d.Wake),
		Ring: Ring{
			Descriptors: cmp.Or(r.Ring.Descriptors, d.Ring.Descriptors),
			SizeMiB:     cmp.Or(r.Ring.SizeMiB, d.Ring.SizeMiB),
		},
	}
	return errors.Join(append(errs, keys.Check())...)
}

// Check says which keys are not what they may be, of which none is left out.
func (k *Keys) Check() error {
	var errs []error
	if k.Lanes < 1 || k.Lanes > maxLanes {
		errs = append(errs, fmt.Errorf("lanes: must be 1 to %d, found %d", maxLanes, k.Lanes))
	}
	if k.MaxInFlight < 1 || k.MaxInFlight > maxMaxInFlight {
		errs = append(errs, fmt.Errorf("max_in_flight: must be 1 to %d, found %d",
			maxMaxInFlight, k.MaxInFlight))
	}
	if err := k.checkRing(); err != nil {
		return errors.Join(append(errs, err)...)
	}
	return errors.Join(append(errs, k.Runtime().Transport().Validate())...)
}

// checkRing finds sizes that have no place in a ring's numbers.
func (k *Keys) checkRing() error {
	var errs []error
	if n := k.Ring.Descriptors; n < ring.MinDescriptors || n > ring.MaxDescriptors {
		errs = append(errs, fmt.Errorf("ring::descriptors: must be a power of two from %d to %d, "+
			"found %d", ring.MinDescriptors, ring.MaxDescriptors, n))
	}
	if n := k.Ring.SizeMiB; n < 1 || n > maxSizeMiB {
		errs = append(errs, fmt.Errorf("ring::size_mib: must be 1 to %d, found %d", maxSizeMiB, n))
	}
	return errors.Join(errs...)
}

// Runtime is what package unit makes of the keys, which were checked; what is left out stays open.
func (k *Keys) Runtime() unit.Runtime {
	return unit.Runtime{
		Lanes: int(k.Lanes), MaxInFlight: int(k.MaxInFlight),
		MaxWait: time.Duration(k.MaxWait), Wake: k.Wake,
		Geometry: ring.Geometry{
			Descriptors: uint32(k.Ring.Descriptors),
			Blocks:      uint32(k.Ring.SizeMiB) * unit.BlocksPerMiB,
		},
	}
}

// Runtime is how a component with this configuration runs; without one all of it is inherited.
func (c *Config) Runtime() unit.Runtime {
	if c == nil {
		return unit.Runtime{}
	}
	return c.Rust.Keys.Runtime()
}
