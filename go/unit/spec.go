package unit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/collector/component"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/otap"
	"github.com/strait-data/strait/go/ring"
)

// Fidelity says what happens to data that cannot cross exactly.
type Fidelity string

const (
	// Strict refuses what cannot cross exactly. The default.
	Strict Fidelity = "strict"
	// BestEffort lets it cross, changed as little as possible, and counts it.
	BestEffort Fidelity = "best_effort"
)

func (f Fidelity) ofRecords() otap.Fidelity {
	if f == BestEffort {
		return otap.BestEffort
	}
	return otap.Strict
}

// Spec names one unit: what `validate` checks and `create` keeps. It crosses as JSON; the field
// names are the control channel's.
type Spec struct {
	ID string `json:"id"`
	// Pipeline is the id of the pipeline that the unit is in; Start finds it.
	Pipeline    string   `json:"pipeline"`
	Lanes       int      `json:"lanes"`
	Fidelity    Fidelity `json:"fidelity"`
	MaxInFlight int      `json:"max_in_flight"`
	// Edges are numbered by their places. None: the configuration is checked without a pipeline.
	Edges []Edge `json:"edges,omitempty"`
	// Members are what batches pass, one after the other.
	Members []Member `json:"members"`
	// Door says that other units send it batches.
	Door bool `json:"door,omitempty"`
	// Opened is told the handle by which they do, in the unit's pipeline, from Start until what it
	// gives back is called; nil: nobody is.
	Opened func(pipeline string, handle uint64) (closed func()) `json:"-"`
	// Aside finds what stands for a member behind the first one, in a pipeline; nil: there is none
	// that is known.
	Aside func(pipeline string, member *Member) *Aside `json:"-"`
	// Expect is what Start compares with Rust's own description; nil: nothing is compared.
	Expect *ComponentDescription `json:"-"`
}

// edge is the first edge of a direction; the zero Edge where there is none.
func (s *Spec) edge(d Direction) Edge {
	for _, e := range s.towards(d) {
		return e
	}
	return Edge{}
}

// towards are the edges of a direction.
func (s *Spec) towards(d Direction) (edges []Edge) {
	for _, e := range s.Edges {
		if e.Direction == d {
			edges = append(edges, e)
		}
	}
	return edges
}

// ends says that what enters the unit ends there: nothing leaves it.
func (s *Spec) ends() bool { return len(s.towards(Out)) == 0 }

// toOthers is the signal of what a connector gives to other units; "": it gives them nothing.
func (s *Spec) toOthers() Signal {
	for _, m := range s.Members {
		if m.Bridge != nil {
			return m.Signal
		}
	}
	return ""
}

// sends says that an exporter with a queue of its own is among its members.
func (s *Spec) sends() bool {
	return slices.ContainsFunc(s.Members, func(m Member) bool { return m.Sending != nil })
}

// kind is that of the first member.
func (s *Spec) kind() Kind {
	for _, m := range s.Members {
		return m.Kind
	}
	return ""
}

// Edge is a place where batches cross between the host and a unit. Its number is what the ring's
// descriptors carry.
type Edge struct {
	Number    uint16    `json:"number"`
	Direction Direction `json:"direction"`
	Signal    Signal    `json:"signal"`
	// Pipeline is the one to which an edge out of a connector leads, by its id; "": all that are
	// behind the unit.
	Pipeline string `json:"pipeline,omitempty"`
}

// Direction is which way batches cross an edge.
type Direction string

const (
	// In is from the host into the unit.
	In Direction = "in"
	// Out is from the unit to the host.
	Out Direction = "out"
)

// Between are the edges of a unit between a signal and itself: a processor's.
func Between(signal Signal) []Edge { return FromTo(signal, signal) }

// FromTo are the edges of a unit that one signal enters and one leaves: a connector's.
func FromTo(from, to Signal) []Edge {
	return []Edge{{Direction: In, Signal: from}, {Number: 1, Direction: Out, Signal: to}}
}

// Into are the edges of a unit that a signal enters and nothing leaves: an exporter's.
func Into(signal Signal) []Edge { return []Edge{{Direction: In, Signal: signal}} }

// Kind is a kind of component, by the name that Rust has for it.
type Kind string

const (
	// KindReceiver is what makes batches of what comes from outside.
	KindReceiver Kind = "receiver"
	// KindProcessor is what takes batches and passes them on.
	KindProcessor Kind = "processor"
	// KindExporter is what takes batches outside.
	KindExporter Kind = "exporter"
	// KindConnector is what takes batches of one pipeline and makes those of another.
	KindConnector Kind = "connector"
	// KindExtension is what runs beside pipelines.
	KindExtension Kind = "extension"
)

// ofCollector is what the Collector calls the kind; false: it has none.
func (k Kind) ofCollector() (component.Kind, bool) {
	kinds := map[Kind]component.Kind{
		KindReceiver: component.KindReceiver, KindProcessor: component.KindProcessor,
		KindExporter: component.KindExporter, KindConnector: component.KindConnector,
		KindExtension: component.KindExtension,
	}
	kind, is := kinds[k]
	return kind, is
}

// Member is a component of a unit: a Type of Rust's with its Config, or engine Nodes.
type Member struct {
	// ID is the component's in the Collector's configuration.
	ID string `json:"id"`
	// Handle is by which it asks its host; Start gives it.
	Handle uint64 `json:"handle,omitempty"`
	Kind   Kind   `json:"kind"`
	// Signal is what a member behind a receiver takes of what that sends; "" in other units.
	Signal Signal `json:"signal,omitempty"`
	Type   string `json:"type,omitempty"`
	Config any    `json:"config,omitempty"`
	Nodes  any    `json:"nodes,omitempty"`
	// Sending is what stands in front of an exporter whose queue is in Rust; nil: nothing does.
	Sending *Sending `json:"sending,omitempty"`
	// Bridge is where batches go that leave the unit and stay in Rust; nil: this is a component.
	Bridge *Bridge `json:"bridge,omitempty"`
	// Pipeline is the one that a member behind a receiver is in; "": the unit's.
	Pipeline string `json:"-"`
}

// Bridge is the last member of a unit whose batches go to other units, by their doors.
type Bridge struct {
	// To are the units, by their handles; Start finds them.
	To []uint64 `json:"to,omitempty"`
	// Host says that they go on in Go besides, by the unit's edge of their signal.
	Host bool `json:"host,omitempty"`
	// Find finds the units, in the unit's pipeline.
	Find func(pipeline string) ([]uint64, error) `json:"-"`
}

// ToOthers is a member behind which are other units, given what a receiver or connector sends of a
// signal; "" behind other members.
func ToOthers(signal Signal, bridge *Bridge) Member {
	return Member{Kind: KindExporter, Signal: signal, Bridge: bridge}
}

// Ends says that nothing of what comes to the last of these leaves for Go.
func Ends(members []Member) bool {
	n := len(members)
	if n == 0 || members[n-1].Kind != KindExporter {
		return false
	}
	bridge := members[n-1].Bridge
	return bridge == nil || !bridge.Host
}

// Signal is the kind of telemetry a unit carries.
type Signal string

// The signals that a unit can carry.
const (
	Logs    Signal = "logs"
	Traces  Signal = "traces"
	Metrics Signal = "metrics"
)

// Wake is how a side of a link waits for the next message.
type Wake string

const (
	// WakeEfficient parks at once. The default.
	WakeEfficient Wake = "efficient"
	// WakeLatency looks again for about 20 us before it parks.
	WakeLatency Wake = "latency"
)

func (w Wake) policy() ring.Policy {
	if w == WakeLatency {
		return ring.Latency
	}
	return ring.Efficient
}

// Transport is how a host and its unit exchange batches. It is not part of what Rust validates.
type Transport struct {
	// Geometry of each of the link's two rings.
	Geometry ring.Geometry
	// Wake is how both sides wait for the next message.
	Wake Wake
	// MaxWait bounds the wait for room in a full ring when the caller's context has no earlier
	// deadline.
	MaxWait time.Duration
	// FullDecode turns off projection and difference: everything crosses, everything is decoded.
	FullDecode bool
	// OTLPBytes carries logs as OTLP bytes although the unit takes records, and the engine converts
	// them: what crosses then need not come out equal, so it asks for BestEffort. For comparison.
	OTLPBytes bool
}

// BlocksPerMiB converts a slab's size.
const BlocksPerMiB = 1 << 20 / ring.BlockBytes

// DefaultTransport is 1,024 descriptors and 32 MiB each way, parking at once, waiting up to 5 s.
func DefaultTransport() Transport {
	return Transport{
		Geometry: ring.Geometry{Descriptors: ring.DefaultDescriptors, Blocks: ring.DefaultBlocks},
		Wake:     WakeEfficient,
		MaxWait:  ring.DefaultMaxWait,
	}
}

// Validate checks the transport's own limits.
func (t Transport) Validate() error {
	var errs []error
	if t.MaxWait < time.Millisecond { // a number without a unit is nanoseconds
		errs = append(
			errs,
			fmt.Errorf(
				"max_wait: must be at least 1ms, found %s: write it with a unit, as in 5s",
				t.MaxWait,
			),
		)
	}
	if t.Wake != WakeEfficient && t.Wake != WakeLatency {
		errs = append(
			errs,
			fmt.Errorf("wake: must be %q or %q, found %q", WakeEfficient, WakeLatency, t.Wake),
		)
	}
	if n := t.Geometry.Descriptors; n < ring.MinDescriptors || n > ring.MaxDescriptors ||
		n&(n-1) != 0 {
		errs = append(
			errs,
			fmt.Errorf(
				"ring::descriptors: must be a power of two from %d to %d, found %d",
				ring.MinDescriptors,
				ring.MaxDescriptors,
				n,
			),
		)
	}
	if n := t.Geometry.Blocks; n < ring.MinBlocks || n > ring.MaxBlocks {
		errs = append(
			errs,
			fmt.Errorf(
				"ring::size_mib: must be 1 to %d, found %d",
				ring.MaxBlocks/BlocksPerMiB,
				n/BlocksPerMiB,
			),
		)
	}
	return errors.Join(errs...)
}

// Encoding is how a unit's batches cross.
type Encoding string

const (
	// Records are Arrow IPC records in OTAP's columns.
	Records Encoding = "records"
	// OTLPBytes are OTLP protobuf bytes, for what has no records yet.
	OTLPBytes Encoding = "otlp"
)

// Report is what Rust says of a valid spec.
type Report struct {
	// Edges are the spec's, with what holds of each.
	Edges []EdgeReport `json:"edges"`
}

// EdgeReport is what holds of one edge. Converts and Plan are of edges in.
type EdgeReport struct {
	Edge
	Encoding Encoding `json:"encoding"`
	// Credit is, for a lane: of an edge in, how many calls are in its engine at once, while others
	// wait in the ring; of the edges out, all together, how many batches of no call may be
	// unanswered.
	Credit int `json:"credit"`
	// Converts says that a node reads what crosses as OTLP bytes.
	Converts bool `json:"converts"`
	// Plan says what the unit reads and what it may change; nil: everything.
	Plan *otap.Plan `json:"plan"`
}

// Edge is the first edge of a direction; the zero EdgeReport where there is none.
func (r *Report) Edge(d Direction) EdgeReport {
	for _, e := range r.Edges {
		if e.Direction == d {
			return e
		}
	}
	return EdgeReport{}
}

// numbered is the edge with a number; the zero EdgeReport where there is none.
func (r *Report) numbered(number uint16) EdgeReport {
	for _, e := range r.Edges {
		if e.Number == number {
			return e
		}
	}
	return EdgeReport{}
}

// Validate asks Rust whether it can build the unit. It starts no thread, maps nothing and opens
// nothing.
//
// The error is a *control.OperationError whose paths are relative to the component's configuration;
// or control.ErrNoPeer where this program was built without its Rust part.
func Validate(spec Spec) (*Report, error) {
	return inline[Report](control.Validate, 0, spec)
}

// inlineLimit bounds what Rust does on the caller's own thread.
const inlineLimit = 10 * time.Second

func inline[T any](kind control.OpKind, handle uint64, payload any) (*T, error) {
	peer, err := control.Bind()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), inlineLimit)
	defer cancel()
	return operate[T](ctx, peer, kind, handle, payload)
}

func encodePayload(payload any) ([]byte, error) {
	b, err := json.Marshal(payload)
	if err != nil {
		return nil, fmt.Errorf("the configuration has no JSON form: %w", err)
	}
	return b, nil
}
