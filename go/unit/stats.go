package unit

import "sync/atomic"

// Stats counts what a unit's ring counters cannot know. Read with atomic loads at any time.
type Stats struct {
	lateOutputs      atomic.Uint64
	lateVerdicts     atomic.Uint64
	cancelledOutputs atomic.Uint64
	foreignOutputs   atomic.Uint64
	foreignRefused   atomic.Uint64
	parts            atomic.Uint64
	fallbacks        atomic.Uint64
}

// Snapshot is a copy of a unit's counters.
type Snapshot struct {
	// LateOutputs are batches that came out after their caller had gone; they were refused.
	LateOutputs uint64
	// LateVerdicts are acks and failures for callers that had gone.
	LateVerdicts uint64
	// ForeignOutputs are batches that the engine merged or made itself.
	ForeignOutputs uint64
	// ForeignRefused are those of them for which no worker was free.
	ForeignRefused uint64
	// Parts counts the pieces of batches that were split.
	Parts uint64
	// Fallbacks are batches that crossed whole because a projection could not hold them.
	Fallbacks uint64
}

// Snapshot copies the counters.
func (s *Stats) Snapshot() Snapshot {
	return Snapshot{
		LateOutputs:    s.lateOutputs.Load(),
		LateVerdicts:   s.lateVerdicts.Load(),
		ForeignOutputs: s.foreignOutputs.Load(),
		ForeignRefused: s.foreignRefused.Load(),
		Parts:          s.parts.Load(),
		Fallbacks:      s.fallbacks.Load(),
	}
}
