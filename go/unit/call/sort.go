package call

import (
	"errors"

	"github.com/strait-data/strait/go/otap"
)

// refusedFate is the crossing of an item that has none.
const refusedFate = -1

// sort looks at what is left of the first piece item by item: each goes on in the first crossing
// that can hold it, or is refused. What has no items is dealt with too, once.
func (s *shipment[T]) sort() {
	pc, sig := s.left[0], s.c.sig
	s.left = s.left[1:]
	d := pc.d
	if pc.at.Items > 0 {
		d = sig.Slice(d, pc.at.Items, pc.n)
	}
	fates, faults := s.fates(d)
	var sorted []piece[T]
	for i := range s.c.in.Crossings() {
		if g, ok := s.group(d, pc.at.Items, fates, i); ok {
			sorted = append(sorted, g)
		}
	}
	s.left = append(sorted, s.left...)
	if len(faults) > 0 {
		bad := sig.Pick(d, func(i int) bool { return i >= 0 && fates[i] == refusedFate })
		for i := range fates {
			if fates[i] == refusedFate {
				s.refused.Items++
				s.refused.add(1, faults[i])
			}
		}
		s.putAside(bad)
	}
	s.withoutItems()
}

// fates decides for each item in which way it crosses, and why those do not that are refused.
func (s *shipment[T]) fates(d T) (fates []int, faults map[int]*otap.PathError) {
	fates, faults = make([]int, s.c.sig.Counted(d)), map[int]*otap.PathError{}
	for i := range fates {
		fates[i] = refusedFate
	}
	for crossing := range s.c.in.Crossings() {
		w := s.crossing(crossing).Judge(d)
		left := 0
		for i := range fates {
			if fates[i] != refusedFate {
				continue
			}
			fault := w.Fault(i)
			if fault == nil {
				fates[i] = crossing
				delete(faults, i)
				continue
			}
			left++
			if faults[i] == nil || errors.Is(faults[i], otap.ErrNotProjectable) {
				faults[i] = fault
			}
		}
		if left == 0 {
			break
		}
	}
	return fates, faults
}

// group copies the items that cross in one way; first is the number of d's first item in the
// caller's batch.
func (s *shipment[T]) group(d T, first int, fates []int, crossing int) (piece[T], bool) {
	sig := s.c.sig
	// Metrics without points (-1) are nothing that a fault was looked for in.
	out := piece[T]{crossing: crossing, sorted: true, d: sig.Pick(d, func(i int) bool {
		return (i < 0 && crossing == 0) || (i >= 0 && fates[i] == crossing)
	})}
	if out.n = sig.Items(out.d); out.n == 0 {
		return out, false
	}
	for i, fate := range fates {
		if fate == crossing {
			out.origin = append(out.origin, first+i)
		}
	}
	if s.crossing(crossing).Mends() {
		texts, refs := sig.Mend(out.d)
		s.c.stats.RepairedTexts.Add(uint64(texts))
		s.c.stats.DroppedRefs.Add(uint64(refs))
	}
	return out, true
}

// withoutItems deals with resources and scopes without items, which no crossing holds: they go on
// as they are where the unit reads neither; else they are refused, or left out and counted.
func (s *shipment[T]) withoutItems() {
	if s.bared {
		return
	}
	s.bared = true
	sig := s.c.sig
	if s.c.passesBare() {
		if b := sig.Bare(s.whole); sig.Resources(b) > 0 {
			s.left = append(s.left, piece[T]{d: b, n: 1, crossing: bare})
		}
		return
	}
	n, places := s.crossing(0).Judge(s.whole).Bare()
	if n == 0 {
		return
	}
	if s.c.in.BestEffort() {
		s.c.stats.DroppedBare.Add(uint64(n))
		return
	}
	s.refused.addBare(n, places)
	s.putAside(sig.Bare(s.whole))
}
