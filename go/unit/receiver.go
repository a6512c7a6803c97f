package unit

import (
	"context"
	"slices"

	"go.opentelemetry.io/collector/component"

	"github.com/strait-data/strait/go/unit/call"
)

// Receiver is a unit that makes its batches itself: it has edges out only, one for each signal that
// somebody wants of it.
type Receiver struct {
	unit  *Unit
	exits []call.AnyExit
}

// NewReceiver makes a receiver without edges. It starts nothing.
func NewReceiver(spec Spec, t Transport, set component.TelemetrySettings) *Receiver {
	return &Receiver{unit: New(spec, t, set)}
}

// Add adds an edge out with what is behind it, before Start, and asks Rust whether it can do that.
// What leaves by it passes the members first that are given, all of its signal; where nothing
// leaves behind the last of them (Ends) there is no edge.
func (r *Receiver) Add(next Next, behind ...Member) error {
	spec := r.unit.spec
	spec.Members = append(slices.Clip(spec.Members), behind...)
	if Ends(behind) {
		r.unit.spec = spec
		_, err := reportOf(spec)
		return err
	}
	number := uint16(len(spec.Edges))
	spec.Edges = append(slices.Clip(spec.Edges), Edge{
		Number: number, Direction: Out, Signal: next.signal,
	})
	if _, err := reportOf(spec); err != nil {
		return err
	}
	r.unit.spec = spec
	// As records or as bytes: each batch says which.
	r.exits = append(r.exits, next.exit(r.unit, number, true, next.with))
	return nil
}

// Start makes the unit and its links; on an error nothing stays open.
func (r *Receiver) Start(ctx context.Context, host component.Host) error {
	return r.unit.Start(ctx, host, call.Edges{Exits: r.exits})
}

// Shutdown has the component stop, waits for what it has sent, and closes everything; safe without
// Start, and twice.
func (r *Receiver) Shutdown(ctx context.Context) error { return r.unit.Shutdown(ctx) }

// Unit gives access to counters.
func (r *Receiver) Unit() *Unit { return r.unit }
