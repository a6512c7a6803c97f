// Package rustruntime is `runtime: rust:` of a configuration: how the Rust side of a component
// runs, and of all components in the extension `strait`.
//
// It reads, shows and checks the keys. What is left out is inherited: a component has what the
// extension says, and the extension what is built in; package unit puts that together when a unit
// starts.
package rustruntime

import (
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
	// Lanes is the number of threads. A receiver has one, whatever the extension says.
	Lanes whole.Number `mapstructure:"lanes"`
	// MaxInFlight bounds the batches inside the component, per lane.
	MaxInFlight whole.Number `mapstructure:"max_in_flight"`
	// MaxWait bounds the wait for room in a full ring.
	MaxWait whole.Duration `mapstructure:"max_wait"`
	// Wake is `efficient` or `latency`.
	Wake unit.Wake `mapstructure:"wake"`
	// Ring is the size of each of the two rings of a lane.
	Ring Ring `mapstructure:"ring"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// Ring is the size of one ring. Zero is inherited.
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

// Validate checks what types cannot. confmap calls it, and says where the value stands.
func (r *Rust) Validate() error {
	var errs []error
	refuse := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if r.Executor != "" && r.Executor != TokioLocal {
		refuse("executor: must be %q, found %q", TokioLocal, r.Executor)
	}
	if r.Lanes < 0 || r.Lanes > maxLanes {
		refuse("lanes: must be 1 to %d, found %d", maxLanes, r.Lanes)
	}
	if r.MaxInFlight < 0 || r.MaxInFlight > maxMaxInFlight {
		refuse("max_in_flight: must be 1 to %d, found %d", maxMaxInFlight, r.MaxInFlight)
	}
	if r.MaxWait != 0 && time.Duration(r.MaxWait) < time.Millisecond { // without a unit: nanoseconds
		refuse("max_wait: must be at least 1ms, found %s: write it with a unit, as in 5s", r.MaxWait)
	}
	if r.Wake != "" && r.Wake != unit.WakeEfficient && r.Wake != unit.WakeLatency {
		refuse("wake: must be %q or %q, found %q", unit.WakeEfficient, unit.WakeLatency, r.Wake)
	}
	n := r.Ring.Descriptors
	if n != 0 && (n < ring.MinDescriptors || n > ring.MaxDescriptors || n&(n-1) != 0) {
		refuse("ring::descriptors: must be a power of two from %d to %d, found %d",
			ring.MinDescriptors, ring.MaxDescriptors, n)
	}
	if n := r.Ring.SizeMiB; n < 0 || n > maxSizeMiB {
		refuse("ring::size_mib: must be 1 to %d, found %d", maxSizeMiB, n)
	}
	return errors.Join(errs...)
}

// Runtime is what package unit makes of it. Validate has seen that it fits.
func (c *Config) Runtime() unit.Runtime {
	if c == nil {
		return unit.Runtime{}
	}
	return unit.Runtime{
		Lanes: int(c.Rust.Lanes), MaxInFlight: int(c.Rust.MaxInFlight),
		MaxWait: time.Duration(c.Rust.MaxWait), Wake: c.Rust.Wake,
		Geometry: ring.Geometry{
			Descriptors: uint32(c.Rust.Ring.Descriptors),
			Blocks:      uint32(c.Rust.Ring.SizeMiB) * unit.BlocksPerMiB,
		},
	}
}
