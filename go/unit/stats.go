package unit

import (
	"sync/atomic"

	"github.com/strait-data/strait/go/otap"
)

// countChanges adds what the encoder changed in a batch that crosses.
func (s *Stats) countChanges(b *otap.LogsBatch) {
	texts, refs := b.Repaired()
	s.repairedTexts.Add(uint64(texts))
	s.droppedRefs.Add(uint64(refs))
}

// Stats counts what a unit's ring counters cannot know. Read with atomic loads at any time.
type Stats struct {
	lateOutputs      atomic.Uint64
	lateVerdicts     atomic.Uint64
	cancelledOutputs atomic.Uint64
	foreignOutputs   atomic.Uint64
	parts            atomic.Uint64
	fallbacks        atomic.Uint64
	repairedTexts    atomic.Uint64
	droppedRefs      atomic.Uint64
	droppedBare      atomic.Uint64
	refused          [len(refusals)]atomic.Uint64 // by reason
	contextLeftOut   atomic.Uint64
	incomingItems    atomic.Uint64
	outgoingItems    atomic.Uint64
}

// Snapshot is a copy of a unit's counters.
type Snapshot struct {
	// LateOutputs are batches that came out after their caller had gone; they were refused.
	LateOutputs uint64
	// LateVerdicts are acks and failures for callers that had gone.
	LateVerdicts uint64
	// ForeignOutputs are batches that the engine merged or made itself.
	ForeignOutputs uint64
	// Parts counts the pieces of batches that were split.
	Parts uint64
	// Fallbacks are batches that crossed whole because a projection could not hold them.
	Fallbacks uint64
	// CancelledOutputs are batches that the engine withdrew after they had come out.
	CancelledOutputs uint64
	// RepairedTexts are texts that were not UTF-8 and crossed changed: fidelity best_effort. A text
	// that occurs more than once in a column may count once.
	RepairedTexts uint64
	// DroppedEntityRefs are entity references of resources that did not cross: fidelity best_effort.
	DroppedEntityRefs uint64
	// DroppedBare are resources and scopes without items that did not cross: fidelity best_effort.
	DroppedBare uint64
	// Refused are items that could not cross, by reason: text, depth, entity_refs, size; and
	// resources and scopes without items: no_items. They are counted when their caller is told.
	Refused map[string]uint64
	// ContextLeftOut are trace states and keys of client metadata that did not cross with their
	// batch, because they are over the format's limits. The batch's own context keeps them.
	ContextLeftOut uint64
	// IncomingItems are what the component was given, and OutgoingItems what it gave to the next
	// consumer: log records, spans, data points.
	IncomingItems, OutgoingItems uint64
}

// Snapshot copies the counters.
func (s *Stats) Snapshot() Snapshot {
	refused := make(map[string]uint64, len(refusals))
	for i := range refusals {
		refused[refusals[i].name] = s.refused[i].Load()
	}
	return Snapshot{
		Refused:        refused,
		LateOutputs:    s.lateOutputs.Load(),
		LateVerdicts:   s.lateVerdicts.Load(),
		ForeignOutputs: s.foreignOutputs.Load(),
		Parts:          s.parts.Load(),
		Fallbacks:      s.fallbacks.Load(),

		CancelledOutputs:  s.cancelledOutputs.Load(),
		RepairedTexts:     s.repairedTexts.Load(),
		DroppedEntityRefs: s.droppedRefs.Load(),
		DroppedBare:       s.droppedBare.Load(),
		ContextLeftOut:    s.contextLeftOut.Load(),
		IncomingItems:     s.incomingItems.Load(),
		OutgoingItems:     s.outgoingItems.Load(),
	}
}
