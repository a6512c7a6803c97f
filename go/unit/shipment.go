package unit

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/consumer/consumererror"

	"github.com/strait-data/strait/go/otap"
	"github.com/strait-data/strait/go/record"
)

// form is one way in which a unit takes a batch. A unit has one, or two: what a projection names,
// and everything.
type form[T any] struct {
	// pack makes the part from a position on ready to cross.
	pack func(ctx context.Context, l *lane, h *record.Header, d T, from position) (*packed, error)
	// walk makes a walk that judges what is read in this form; nil: nothing is.
	walk func() *otap.Walk
	// edits says that what comes out is applied to the batch that went in.
	edits bool
	// mends says that best effort repairs what crosses here, on a copy.
	mends bool
}

// piece is a batch on its way, from a position on.
type piece[T any] struct {
	d    T
	n    int // items
	at   position
	form int // of the processor's; bare: none, it goes on as it is
	// sorted says that its items were looked at one by one; then d is a copy, and origin has the
	// number of each in the caller's batch.
	sorted bool
	origin []int
	tried  *otap.PathError // why its only item did not cross in the other form
}

// bare is the form of what has no items.
const bare = -1

// shipment is one call: what is still to cross, and what became of the rest. Items that cannot
// cross cost the others nothing: it takes them out, one by one, once the first was met, and tells
// of them when the others are delivered (docs/decisions/0006-one-bad-item.md).
type shipment[T any] struct {
	p     *Processor[T]
	l     *lane
	whole T
	n     int
	left  []piece[T]
	// exchange sends one parcel and hears of it; the unit's, but in tests.
	exchange func(context.Context, *lane, func(*record.Header) (*packed, error)) (position, error)

	// packing is why the last piece could not be packed: not what a consumer says, who may be such
	// a unit too.
	packing   error
	refused   Refused
	permanent []error // of consumers and the engine
	// aside has what will not be delivered: refused, or failed for good. A retry of the others
	// takes it along, so that the sender hears of it when they are delivered.
	aside   T
	isAside bool
	bared   bool // what has no items was dealt with
	// bareLeft says that nothing came out of a batch with containers without items: they are still
	// to go on.
	bareLeft bool
}

func (p *Processor[T]) ship(l *lane, d T, n int) *shipment[T] {
	return &shipment[T]{
		p: p, l: l, whole: d, n: n, left: []piece[T]{{d: d, n: n}}, exchange: p.unit.exchange,
	}
}

// run sends everything that can cross, and returns the call's verdict.
func (s *shipment[T]) run(ctx context.Context) error {
	if s.p.screens {
		s.screen()
	}
	for len(s.left) > 0 {
		pc := &s.left[0]
		next, err := s.send(ctx, pc)
		switch {
		case err == nil:
			if next.items < pc.n {
				s.p.unit.stats.parts.Add(1)
			}
			s.advance(next)
			s.nothingCame()
		case s.otherwise(err):
		case consumererror.IsPermanent(err):
			s.failed(next, err)
		default:
			return s.retry(next, err)
		}
	}
	return s.verdict()
}

// send sends a part of a piece, and says where the next one begins.
func (s *shipment[T]) send(ctx context.Context, pc *piece[T]) (position, error) {
	s.packing = nil
	if pc.form == bare {
		return position{items: pc.n}, s.p.deliver(ctx, pc.d)
	}
	f := &s.p.forms[pc.form]
	return s.exchange(ctx, s.l, func(h *record.Header) (out *packed, err error) {
		out, err = f.pack(ctx, s.l, h, pc.d, pc.at)
		s.packing = err
		if err == nil && out.bare && !s.bared {
			s.watch(out)
		}
		return out, err
	})
}

// nothingCame deals with what has no items in a batch of which nothing came out: where nobody read
// it, it is still to go on; else the nodes of the unit dropped it, as best effort allows, and it is
// counted.
func (s *shipment[T]) nothingCame() {
	switch {
	case !s.bareLeft:
	case s.p.screens:
		s.p.unit.stats.droppedBare.Add(uint64(s.n))
	default:
		s.withoutItems()
	}
	s.bareLeft = false
}

// watch notes whether anything comes out of a batch: where nothing does, neither do its containers
// without items.
func (s *shipment[T]) watch(out *packed) {
	s.bareLeft = true
	take := out.take
	out.take = func(ctx context.Context, l *lane, o output) error {
		s.bareLeft = false
		return take(ctx, l, o)
	}
}

// advance goes on behind what was dealt with.
func (s *shipment[T]) advance(to position) {
	if pc := &s.left[0]; to.items < pc.n {
		pc.at = to
		return
	}
	s.left = s.left[1:]
}

// screen takes out what cannot cross before anything is sent, where nothing would find it later.
func (s *shipment[T]) screen() {
	if !s.p.judge(0, s.whole).Clean() {
		s.sort()
	}
}

// otherwise changes how the first piece crosses, after it could not in its form; false: err is no
// such error.
func (s *shipment[T]) otherwise(err error) bool {
	pc := &s.left[0]
	why := refusal(s.packing)
	unfit := pc.form != bare && s.p.forms[pc.form].edits &&
		(errors.Is(s.packing, otap.ErrNotProjectable) || (s.packing == nil && notExpressible(err)))
	switch {
	case !unfit && why == nil:
		return false
	case pc.form == bare:
		return false
	case unfit && !pc.sorted:
		s.p.unit.stats.fallbacks.Add(1)
		pc.form = s.other(pc.form)
	case !pc.sorted:
		s.sort()
	case errors.Is(s.packing, otap.ErrTooLarge):
		s.single(why)
	case pc.n-pc.at.items > 1:
		s.halve()
	default:
		s.single(why)
	}
	return true
}

// other is the form that a piece may take besides; its own where there is none.
func (s *shipment[T]) other(f int) int {
	if len(s.p.forms) < 2 {
		return f
	}
	return 1 - f
}

// single deals with the first item of a sorted piece, which does not cross in the piece's form: it
// takes the other, or is refused.
func (s *shipment[T]) single(why *otap.PathError) {
	pc := &s.left[0]
	i := pc.at.items
	one := s.cut(pc, i, i+1)
	after := s.p.after(pc.d, pc.at)
	if pc.tried == nil && len(s.p.forms) > 1 {
		one.tried, one.form = why, s.other(pc.form)
		if why == nil { // unfit for a projection: the other form says what there is to say
			one.tried = &otap.PathError{Err: otap.ErrNotProjectable}
		}
		s.advance(after)
		s.left = append([]piece[T]{one}, s.left...)
		return
	}
	if why == nil {
		why = pc.tried
	}
	why = &otap.PathError{Path: s.place(pc, i), Err: why.Err}
	s.refuse(s.p.signal.counted(one.d), one.d, why)
	s.advance(after)
}

// place names an item of a piece by where it is in the caller's batch.
func (s *shipment[T]) place(pc *piece[T], i int) string {
	if pc.origin == nil || s.p.signal.inParts {
		return s.p.signal.place(pc.d, i)
	}
	return s.p.signal.place(s.whole, pc.origin[i])
}

// halve cuts the rest of a sorted piece in two.
func (s *shipment[T]) halve() {
	pc := s.left[0]
	from := pc.at.items
	mid := from + (pc.n-from)/2
	halves := []piece[T]{s.cut(&pc, from, mid), s.cut(&pc, mid, pc.n)}
	s.left = append(halves, s.left[1:]...)
}

// cut copies items of a sorted piece.
func (s *shipment[T]) cut(pc *piece[T], from, to int) piece[T] {
	out := piece[T]{
		d:      s.p.signal.slice(pc.d, from, to),
		n:      to - from,
		form:   pc.form,
		sorted: true,
		tried:  pc.tried,
	}
	if pc.origin != nil && !s.p.signal.inParts {
		out.origin = pc.origin[from:to]
	}
	return out
}

// refuse notes items that do not cross.
func (s *shipment[T]) refuse(n int, d T, why *otap.PathError) {
	s.refused.Items += n
	s.refused.add(n, why)
	s.putAside(d)
}

func (s *shipment[T]) putAside(d T) {
	if !s.isAside {
		s.isAside, s.aside = true, s.p.signal.empty()
	}
	s.p.signal.join(s.aside, d)
}

// failed notes that a part of the first piece failed for good, and goes on with the rest. to is
// where the part ended; where that is not known, it is all of the piece.
func (s *shipment[T]) failed(to position, err error) {
	pc := &s.left[0]
	from := pc.at.items
	if to.items <= from {
		to = position{items: pc.n}
	}
	if to.items < pc.n || len(s.left) > 1 {
		s.putAside(s.remaining(pc, from, to.items))
	}
	if from > 0 || to.items < s.n {
		err = fmt.Errorf("items %d to %d of %d were not delivered: %w", from, to.items-1, pc.n, err)
	}
	s.permanent = append(s.permanent, err)
	s.advance(to)
}

// remaining copies items of a piece, as they were before they crossed.
func (s *shipment[T]) remaining(pc *piece[T], from, to int) T {
	if pc.sorted && pc.form >= 0 && s.p.forms[pc.form].edits {
		keep := make(map[int]bool, to-from)
		for _, i := range pc.origin[from:to] {
			keep[i] = true
		}
		return s.p.signal.pick(s.whole, func(i int) bool { return keep[i] })
	}
	if pc.form == bare {
		return s.p.signal.bare(pc.d)
	}
	return s.p.signal.slice(pc.d, from, to)
}

// retry is the error of a call that is worth a retry, after the first piece failed so. It carries
// what was not delivered, and what is aside.
func (s *shipment[T]) retry(to position, err error) error {
	pc := &s.left[0]
	if !s.isAside && !pc.sorted && pc.form != bare {
		return s.p.rest(err, s.whole, pc.at.items, to.items, s.n)
	}
	var several oneOfSeveral
	rest := s.p.signal.empty()
	listed, lists := s.p.signal.listed(err)
	if lists && pc.at.items == 0 && to.items == pc.n && !errors.As(err, &several) {
		rest = s.p.signal.pick(
			listed,
			func(int) bool { return true },
		) // a copy: the list is the consumer's
	} else {
		s.p.signal.join(rest, s.remaining(pc, pc.at.items, pc.n))
	}
	for i := range s.left[1:] {
		later := &s.left[1+i]
		s.p.signal.join(rest, s.remaining(later, later.at.items, later.n))
	}
	if s.isAside {
		s.p.signal.join(rest, s.aside)
		err = fmt.Errorf("%w; besides, %s", err, s.besides())
	}
	return s.p.signal.undelivered(err, rest)
}

// besides says what is aside, as a text: it must not make an error permanent that is not.
func (s *shipment[T]) besides() string {
	var err error
	for _, e := range s.permanent {
		err = errors.Join(err, e)
	}
	if s.refused.Items+s.refused.Bare > 0 {
		err = errors.Join(err, s.refusal())
	}
	return err.Error()
}

// refusal is the error about refused items, of which there are some.
func (s *shipment[T]) refusal() *Refused {
	s.refused.Of = s.p.signal.counted(s.whole)
	return &s.refused
}

// verdict is what the caller hears when all that could cross did.
func (s *shipment[T]) verdict() error {
	all := s.permanent
	if s.refused.Items+s.refused.Bare > 0 {
		all = append(all, s.refusal().tell(&s.p.unit.stats))
	}
	switch len(all) {
	case 0:
		return nil
	case 1:
		if consumererror.IsPermanent(all[0]) {
			return all[0]
		}
	}
	return consumererror.NewPermanent(errors.Join(all...))
}
