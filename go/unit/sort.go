package unit

import (
	"errors"

	"github.com/strait-data/strait/go/otap"
)

// refusedFate is the form of an item that has none.
const refusedFate = -1

// sort looks at what is left of the first piece item by item: each goes on in the first form that
// can hold it, or is refused. What has no items is dealt with too, once.
func (s *shipment[T]) sort() {
	pc, sig := s.left[0], s.p.signal
	s.left = s.left[1:]
	d := pc.d
	if pc.at.items > 0 {
		d = sig.slice(d, pc.at.items, pc.n)
	}
	fates, faults := s.fates(d)
	var sorted []piece[T]
	for f := range s.p.forms {
		if g, ok := s.group(d, pc.at.items, fates, f); ok {
			sorted = append(sorted, g)
		}
	}
	s.left = append(sorted, s.left...)
	if len(faults) > 0 {
		bad := sig.pick(d, func(i int) bool { return i >= 0 && fates[i] == refusedFate })
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

// fates decides for each item in which form it crosses, and why those do not that are refused.
func (s *shipment[T]) fates(d T) (fates []int, faults map[int]*otap.PathError) {
	fates, faults = make([]int, s.p.signal.counted(d)), map[int]*otap.PathError{}
	for i := range fates {
		fates[i] = refusedFate
	}
	for f := range s.p.forms {
		w := s.p.judge(f, d)
		left := 0
		for i := range fates {
			if fates[i] != refusedFate {
				continue
			}
			fault := w.Fault(i)
			if fault == nil {
				fates[i] = f
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

// judge looks at everything that is read of a batch in a form.
func (p *Processor[T]) judge(f int, d T) *otap.Walk {
	if p.forms[f].walk == nil {
		return new(otap.Walk)
	}
	w := p.forms[f].walk()
	p.signal.walk(w, d)
	return w
}

// group copies the items that cross in a form; first is the number of d's first item in the
// caller's batch.
func (s *shipment[T]) group(d T, first int, fates []int, f int) (piece[T], bool) {
	sig := s.p.signal
	// Metrics without points (-1) are nothing that a fault was looked for in.
	out := piece[T]{form: f, sorted: true, d: sig.pick(d, func(i int) bool {
		return (i < 0 && f == 0) || (i >= 0 && fates[i] == f)
	})}
	if out.n = sig.items(out.d); out.n == 0 {
		return out, false
	}
	for i, fate := range fates {
		if fate == f {
			out.origin = append(out.origin, first+i)
		}
	}
	if s.p.forms[f].mends {
		w := otap.Mend()
		sig.walk(w, out.d)
		texts, refs := w.Changed()
		s.p.unit.stats.repairedTexts.Add(uint64(texts))
		s.p.unit.stats.droppedRefs.Add(uint64(refs))
	}
	return out, true
}

// withoutItems deals with resources and scopes without items, which no form holds: they go on as
// they are where the unit reads neither; else they are refused, or left out and counted.
func (s *shipment[T]) withoutItems() {
	if s.bared {
		return
	}
	s.bared = true
	sig := s.p.signal
	if s.p.passesBare {
		if b := sig.bare(s.whole); sig.resources(b) > 0 {
			s.left = append(s.left, piece[T]{d: b, n: 1, form: bare})
		}
		return
	}
	n, places := s.p.judge(0, s.whole).Bare()
	if n == 0 {
		return
	}
	if s.p.unit.spec.Fidelity == BestEffort {
		s.p.unit.stats.droppedBare.Add(uint64(n))
		return
	}
	s.refused.addBare(n, places)
	s.putAside(sig.bare(s.whole))
}
