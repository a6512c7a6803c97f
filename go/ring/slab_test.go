package ring

import (
	"testing"

	"pgregory.net/rapid"
)

// run is a slot in the model: blocks [first, first+blocks), and whether it is published.
type run struct {
	first, blocks, generation uint32
	published                 bool
}

// slabModel is the simplest allocator that R-14 allows: one owner per block, found by scanning.
type slabModel struct {
	owner []*run
	runs  []*run
}

// firstFit is the first free run of n blocks, by trying every place.
func (m *slabModel) firstFit(n int) (int, bool) {
	for at := 0; at+n <= len(m.owner); at++ {
		free := 0
		for free < n && m.owner[at+free] == nil {
			free++
		}
		if free == n {
			return at, true
		}
	}
	return 0, false
}

func (m *slabModel) set(from, blocks uint32, r *run) {
	for i := from; i < from+blocks; i++ {
		m.owner[i] = r
	}
}

func (m *slabModel) remove(r *run) {
	m.set(r.first, r.blocks, nil)
	for i, other := range m.runs {
		if other == r {
			m.runs = append(m.runs[:i], m.runs[i+1:]...)
			return
		}
	}
}

func (m *slabModel) inUse() (n uint32) {
	for _, r := range m.runs {
		n += r.blocks
	}
	return n
}

// pick draws one of the model's runs that is published, or not.
func (m *slabModel) pick(t *rapid.T, published bool) *run {
	var some []*run
	for _, r := range m.runs {
		if r.published == published {
			some = append(some, r)
		}
	}
	if len(some) == 0 {
		t.Skip("none")
	}
	return rapid.SampledFrom(some).Draw(t, "run")
}

// slabTest is a slab beside its model.
type slabTest struct {
	slab  *slab
	model *slabModel
}

func (s slabTest) claimRun(t *rapid.T) {
	n := rapid.Uint32Range(1, min(uint32(len(s.model.owner))+1, 70)).Draw(t, "n")
	block, generation, ok := s.slab.claim(n)
	at, fits := s.model.firstFit(int(n))
	if ok != fits || ok && int(block) != at {
		t.Fatalf("claim of %d: slab %d %v, model %d %v", n, block, ok, at, fits)
	}
	if ok {
		r := &run{first: block, blocks: n, generation: generation}
		s.model.runs = append(s.model.runs, r)
		s.model.set(block, n, r)
	}
}

func (s slabTest) abortRun(t *rapid.T) {
	r := s.model.pick(t, false)
	s.slab.abort(r.first)
	s.model.remove(r)
	if s.slab.isClaim(r.first, r.generation) {
		t.Fatal("an aborted claim is still a claim")
	}
}

func (s slabTest) publishRun(t *rapid.T) {
	r := s.model.pick(t, false)
	n := rapid.Uint32Range(1, r.blocks).Draw(t, "n")
	s.slab.publish(r.first, n)
	s.model.set(r.first+n, r.blocks-n, nil)
	r.blocks, r.published = n, true
}

func (s slabTest) releaseRun(t *rapid.T) {
	r := s.model.pick(t, true)
	if _, ok := s.slab.release(int(r.first/64), 1<<(r.first%64)); !ok {
		t.Fatalf("release of the published block %d was refused", r.first)
	}
	s.model.remove(r)
	s.slab.lowerTop()
}

func (s slabTest) releaseNothing(t *rapid.T) {
	block := rapid.Uint32Range(0, uint32(len(s.model.owner))-1).Draw(t, "block")
	if r := s.model.owner[block]; r != nil && r.published && r.first == block {
		t.Skip("is published")
	}
	if bad, ok := s.slab.release(int(block/64), 1<<(block%64)); ok || bad != block {
		t.Fatalf("release of block %d: %d %v", block, bad, ok)
	}
}

func (s slabTest) compare(t *rapid.T) {
	if used := s.model.inUse(); s.slab.inUse != used {
		t.Fatalf("in use: slab %d, model %d", s.slab.inUse, used)
	}
	for i, r := range s.model.owner {
		if s.slab.free.has(uint32(i)) != (r == nil) {
			t.Fatalf("block %d: slab free %v, model %v", i, s.slab.free.has(uint32(i)), r)
		}
	}
	for _, r := range s.model.runs {
		if s.slab.isClaim(r.first, r.generation) == r.published ||
			s.slab.published.has(r.first) != r.published {
			t.Fatalf("state of run %+v differs", *r)
		}
		if r.published && int(r.first/64) >= s.slab.top {
			t.Fatalf("published block %d lies past top %d", r.first, s.slab.top)
		}
	}
}

// TestSlabAgreesWithModel: over any sequence of claims, aborts, publishes with trim, and releases
// in any order, the slab gives first-fit runs that never overlap, and counts what is in use.
func TestSlabAgreesWithModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		blocks := rapid.Uint32Range(MinBlocks, 200).Draw(t, "blocks")
		slab := newSlab(blocks)
		s := slabTest{&slab, &slabModel{owner: make([]*run, blocks)}}
		t.Repeat(map[string]func(*rapid.T){
			"claim":                         s.claimRun,
			"abort":                         s.abortRun,
			"publish":                       s.publishRun,
			"release":                       s.releaseRun,
			"release what is not published": s.releaseNothing,
			"":                              s.compare,
		})
	})
}

// TestCursorAgreesWithModel: heads are accepted exactly between the last one and the tail, also
// where u64 wraps, and the unread counts by kind are those of a plain list.
func TestCursorAgreesWithModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const n = 8
		start := rapid.OneOf(rapid.Just(uint64(0)), rapid.Just(^uint64(0)-3), rapid.Uint64()).
			Draw(t, "start")
		u := newUnread(n)
		u.head, u.tail = start, start
		var list []bool
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				if len(list) == n {
					t.Skip("full")
				}
				ack := rapid.Bool().Draw(t, "ack")
				u.push(ack)
				list = append(list, ack)
			},
			"advance": func(t *rapid.T) {
				k := rapid.IntRange(0, len(list)).Draw(t, "k")
				if !headIsValid(u.head, u.head+uint64(k), u.tail) {
					t.Fatal("a valid head was refused")
				}
				if u.advance(u.head+uint64(k)) != (k > 0) {
					t.Fatal("advance reports the wrong move")
				}
				list = list[k:]
			},
			"": func(t *rapid.T) {
				if headIsValid(u.head, u.head-1, u.tail) || headIsValid(u.head, u.tail+1, u.tail) {
					t.Fatal("a head outside was accepted")
				}
				acks := uint32(0)
				for _, ack := range list {
					if ack {
						acks++
					}
				}
				if u.acks != acks || u.others != uint32(len(list))-acks {
					t.Fatalf("unread: %d acks, %d others; want %d of %d", u.acks, u.others, acks, len(list))
				}
			},
		})
	})
}
