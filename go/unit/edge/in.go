package edge

import (
	"github.com/strait-data/strait/go/otap"
	"github.com/strait-data/strait/go/record"
)

// In takes batches of one signal into a unit.
type In[T any] struct {
	number    uint16
	signal    *Signal[T]
	fidelity  otap.Fidelity
	records   bool
	crossings []Crossing[T]
	// passesBare says that resources and scopes without items go on as they are: nothing of the
	// unit reads them.
	passesBare bool
	// screens says that a batch is looked at before it is sent, because nobody else would find what
	// is bad.
	screens bool
	mutates bool
}

// Options say how an edge's batches cross, by what Rust says of its unit.
type Options struct {
	// Number is the edge's within its unit.
	Number uint16
	// Fidelity says what happens to what cannot cross unchanged.
	Fidelity otap.Fidelity
	// Records says that batches cross as records; else as OTLP bytes.
	Records bool
	// Converts says that a node reads what crosses as OTLP bytes.
	Converts bool
	// Plan says what the unit reads and what it may change; nil: everything.
	Plan *otap.Plan
	// Whole turns off projection and difference: everything crosses, everything is decoded.
	Whole bool
}

// NewIn makes an in edge. It fails where the plan cannot be followed.
func NewIn[T any](s *Signal[T], o Options) (*In[T], error) {
	in := &In[T]{number: o.Number, signal: s, fidelity: o.Fidelity}
	in.records = o.Records && s.records != nil
	if !in.records {
		in.crossings = []Crossing[T]{&otlpCrossing[T]{s, o.Fidelity, o.Converts}}
		in.screens, in.passesBare = o.Converts, !o.Converts
		return in, nil
	}
	whole := &recordsCrossing[T]{s, o.Fidelity}
	in.crossings = []Crossing[T]{whole}
	if o.Plan == nil || !o.Plan.Projectable {
		return in, nil
	}
	projection, err := otap.NewProjection(*o.Plan)
	if err != nil {
		return nil, err
	}
	in.passesBare = !projection.ReadsContainers()
	projected := &differenceCrossing[T]{s, o.Fidelity, projection}
	if o.Whole { // what does not cross whole is judged as without it
		in.crossings = append(in.crossings, projected)
		return in, nil
	}
	in.crossings = []Crossing[T]{projected, whole}
	in.mutates = o.Plan.Filters || o.Plan.Edits
	return in, nil
}

// Number is the edge's within its unit.
func (in *In[T]) Number() uint16 { return in.number }

// Signal is what crosses.
func (in *In[T]) Signal() *Signal[T] { return in.signal }

// Crossings are the ways in which batches can cross, the one that is tried first in front.
func (in *In[T]) Crossings() []Crossing[T] { return in.crossings }

// BestEffort says that what cannot cross is left out and counted, not refused.
func (in *In[T]) BestEffort() bool { return in.fidelity == otap.BestEffort }

// PassesBare says that resources and scopes without items go on as they are.
func (in *In[T]) PassesBare() bool { return in.passesBare }

// Screens says that a batch has to be judged before it is packed.
func (in *In[T]) Screens() bool { return in.screens }

// Mutates says that batches are changed in place.
func (in *In[T]) Mutates() bool { return in.mutates }

// Packer is what an in edge keeps for one link. Many goroutines may use it.
type Packer[T any] struct {
	encoder  *otap.Encoder[T] // nil: nothing crosses as records
	maxBytes int
}

// On makes the edge's side of a link.
func (in *In[T]) On(l Link) *Packer[T] {
	p := &Packer[T]{maxBytes: l.MaxBytes}
	if in.records {
		p.encoder = in.signal.records.encoder(
			record.NewRegistry(l.Publisher), encoderOptions(in.fidelity, l.MaxBytes))
	}
	return p
}

// encoderOptions are those of a link whose slab has so many bytes.
func encoderOptions(f otap.Fidelity, slab int) otap.Options {
	// Parts leave room for others to be filled meanwhile; a record that cannot be cut may have all
	// of it.
	return otap.Options{Fidelity: f, MaxBytes: slab / 4, MaxRecordBytes: slab}
}
