package call

import "sync/atomic"

// Stats counts what a unit's ring counters cannot know; Snapshot says what each of them is.
type Stats struct {
	LateOutputs      atomic.Uint64
	LateVerdicts     atomic.Uint64
	CancelledOutputs atomic.Uint64
	ForeignOutputs   atomic.Uint64
	Parts            atomic.Uint64
	Fallbacks        atomic.Uint64
	RepairedTexts    atomic.Uint64
	DroppedRefs      atomic.Uint64
	DroppedBare      atomic.Uint64
	Refused          [len(refusals)]atomic.Uint64 // by reason
	ContextLeftOut   atomic.Uint64
	IncomingItems    atomic.Uint64

	// Consuming is how many batches are with the next consumer now.
	Consuming atomic.Int64
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
	// IncomingItems are what the component was given: log records, spans, data points.
	IncomingItems uint64
}

// Snapshot copies the counters.
func (s *Stats) Snapshot() Snapshot {
	refused := make(map[string]uint64, len(refusals))
	for i := range refusals {
		refused[refusals[i].name] = s.Refused[i].Load()
	}
	return Snapshot{
		Refused:           refused,
		LateOutputs:       s.LateOutputs.Load(),
		LateVerdicts:      s.LateVerdicts.Load(),
		ForeignOutputs:    s.ForeignOutputs.Load(),
		Parts:             s.Parts.Load(),
		Fallbacks:         s.Fallbacks.Load(),
		CancelledOutputs:  s.CancelledOutputs.Load(),
		RepairedTexts:     s.RepairedTexts.Load(),
		DroppedEntityRefs: s.DroppedRefs.Load(),
		DroppedBare:       s.DroppedBare.Load(),
		ContextLeftOut:    s.ContextLeftOut.Load(),
		IncomingItems:     s.IncomingItems.Load(),
	}
}
