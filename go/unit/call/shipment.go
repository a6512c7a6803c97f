package call

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/consumer/consumererror"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/internal/ctxerr"
	"github.com/strait-data/strait/go/otap"
	"github.com/strait-data/strait/go/record"
	"github.com/strait-data/strait/go/unit/edge"
)

// piece is a batch on its way, from a position on.
type piece[T any] struct {
	d  T
	n  int // items
	at edge.Position
	// crossing is how it crosses, of its edge's; bare: in none, it goes on as it is.
	crossing int
	// sorted says that its items were looked at one by one; then d is a copy, and origin has the
	// number of each in the caller's batch.
	sorted bool
	origin []int
	tried  *otap.PathError // why its only item did not cross in the other way
}

// bare is the crossing of what has no items.
const bare = -1

// shipment is one call: what is still to cross, and what became of the rest. Items that cannot
// cross cost the others nothing: it takes them out, one by one, once the first was met, and tells
// of them when the others are delivered (docs/decisions/0006-one-bad-item.md).
type shipment[T any] struct {
	c     *Caller[T]
	l     *Lane
	whole T
	n     int
	left  []piece[T]
	first [1]piece[T] // what left begins as
	watch watch
	// exchange sends one parcel and hears of it: the lane, but in tests.
	exchange exchanger

	// packed is what the last exchange sent of the first piece.
	packed *edge.Packed
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

// ship begins a call: first of all its watch.
func (c *Caller[T]) ship(d T) *shipment[T] {
	s := &shipment[T]{c: c, whole: d, watch: watch{report: c.took}}
	s.watch.resume()
	s.n = c.sig.Items(d)
	s.first[0] = piece[T]{d: d, n: s.n}
	s.left = s.first[:]
	return s
}

// over gives the lane that the parcels take.
func (s *shipment[T]) over(l *Lane) *shipment[T] {
	s.l, s.exchange = l, l
	return s
}

// run sends everything that can cross, and returns the call's verdict.
func (s *shipment[T]) run(ctx context.Context) error {
	if s.c.in.Screens() {
		s.screen()
	}
	for len(s.left) > 0 {
		pc := &s.left[0]
		next, err := s.send(ctx, pc)
		switch {
		case err == nil:
			if next.Items < pc.n {
				s.c.stats.Parts.Add(1)
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

// runBare takes a batch without items.
func (s *shipment[T]) runBare(ctx context.Context) error {
	empty := s.c.sig.Resources(s.whole) == 0
	switch {
	case s.c.through != nil && (s.c.in.PassesBare() || empty):
		return s.deliver(ctx, s.whole)
	case empty:
		return nil
	}
	s.withoutItems()
	return s.verdict()
}

// send sends a part of a piece, and says where the next one begins.
func (s *shipment[T]) send(ctx context.Context, pc *piece[T]) (edge.Position, error) {
	s.packing = nil
	if pc.crossing == bare {
		return edge.Position{Items: pc.n}, s.deliver(ctx, pc.d)
	}
	sent, err := s.exchange.exchange(ctx, s.c.in.Number(), s)
	if !sent {
		return edge.Position{}, err
	}
	return s.packed.Next, err
}

// pack makes the parcel of the first piece, or of a part of it.
func (s *shipment[T]) pack(ctx context.Context, h *record.Header) (edge.Parcel, error) {
	pc := &s.left[0]
	packed, err := s.crossing(pc.crossing).Pack(ctx, s.c.on(s.l), h, pc.d, pc.at)
	if err != nil {
		s.packing = packError(ctx, err)
		return nil, s.packing
	}
	s.packed = packed
	s.count(packed)
	s.bareLeft = s.bareLeft || packed.KeepsBare && !s.bared
	return packed, nil
}

// take hands on what came out: where the unit passes on what entered, what its crossing makes of
// that.
func (s *shipment[T]) take(ctx context.Context, o *output) error {
	s.bareLeft = s.bareLeft && !s.packed.KeepsBare
	through := s.c.through
	if through == nil {
		return o.exit.take(ctx, s.l, o)
	}
	pc := &s.left[0]
	d, err := s.crossing(pc.crossing).Open(through.on(s.l), &o.batch, pc.d)
	s.l.release(o.lease)
	if err != nil {
		return through.refuse(s.l, err)
	}
	return s.deliver(ctx, d)
}

// deliver hands on to the consumer behind a processor.
func (s *shipment[T]) deliver(ctx context.Context, d T) error {
	s.watch.handOn()
	defer s.watch.resume()
	return s.c.through.deliver(ctx, d)
}

// packError makes permanent what no retry can cure: the refusal of an item.
func packError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctxerr.Of(ctx)
	}
	if refusal(err) != nil {
		return consumererror.NewPermanent(err)
	}
	return err
}

// count adds what best effort changed in a part that crosses.
func (s *shipment[T]) count(p *edge.Packed) {
	s.c.stats.RepairedTexts.Add(uint64(p.RepairedTexts))
	s.c.stats.DroppedRefs.Add(uint64(p.DroppedRefs))
	s.c.stats.DroppedBare.Add(uint64(p.DroppedBare))
}

// nothingCame deals with what has no items in a batch of which nothing came out: where nobody read
// it, it is still to go on; else the nodes of the unit dropped it, as best effort allows, and it is
// counted.
func (s *shipment[T]) nothingCame() {
	switch {
	case !s.bareLeft:
	case s.c.in.Screens():
		s.c.stats.DroppedBare.Add(uint64(s.n))
	default:
		s.withoutItems()
	}
	s.bareLeft = false
}

// advance goes on behind what was dealt with.
func (s *shipment[T]) advance(to edge.Position) {
	if pc := &s.left[0]; to.Items < pc.n {
		pc.at = to
		return
	}
	s.left = s.left[1:]
}

// screen takes out what cannot cross before anything is sent, where nothing would find it later.
func (s *shipment[T]) screen() {
	if !s.crossing(0).Judge(s.whole).Clean() {
		s.sort()
	}
}

func (s *shipment[T]) crossing(i int) edge.Crossing[T] { return s.c.in.Crossings()[i] }

// otherwise changes how the first piece crosses, after it could not as it was to; false: err is no
// such error.
func (s *shipment[T]) otherwise(err error) bool {
	pc := &s.left[0]
	why := refusal(s.packing)
	unfit := pc.crossing != bare && s.crossing(pc.crossing).Edits() &&
		(errors.Is(s.packing, otap.ErrNotProjectable) || (s.packing == nil && notExpressible(err)))
	switch {
	case !unfit && why == nil:
		return false
	case pc.crossing == bare:
		return false
	case unfit && !pc.sorted:
		s.c.stats.Fallbacks.Add(1)
		pc.crossing = s.other(pc.crossing)
	case !pc.sorted:
		s.sort()
	case errors.Is(s.packing, otap.ErrTooLarge):
		s.single(why)
	case pc.n-pc.at.Items > 1:
		s.halve()
	default:
		s.single(why)
	}
	return true
}

// other is the crossing that a piece may take besides; its own where there is none.
func (s *shipment[T]) other(crossing int) int {
	if len(s.c.in.Crossings()) < 2 {
		return crossing
	}
	return 1 - crossing
}

// single deals with the first item of a sorted piece, which does not cross as the piece does: it
// takes the other way, or is refused.
func (s *shipment[T]) single(why *otap.PathError) {
	pc := &s.left[0]
	i := pc.at.Items
	one := s.cut(pc, i, i+1)
	after := s.c.sig.After(pc.d, pc.at)
	if pc.tried == nil && len(s.c.in.Crossings()) > 1 {
		one.tried, one.crossing = why, s.other(pc.crossing)
		if why == nil { // unfit for a projection: the other crossing says what there is to say
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
	s.refuse(s.c.sig.Counted(one.d), one.d, why)
	s.advance(after)
}

// place names an item of a piece by where it is in the caller's batch.
func (s *shipment[T]) place(pc *piece[T], i int) string {
	if pc.origin == nil || s.c.sig.InParts() {
		return s.c.sig.Place(pc.d, i)
	}
	return s.c.sig.Place(s.whole, pc.origin[i])
}

// halve cuts the rest of a sorted piece in two.
func (s *shipment[T]) halve() {
	pc := s.left[0]
	from := pc.at.Items
	mid := from + (pc.n-from)/2
	halves := []piece[T]{s.cut(&pc, from, mid), s.cut(&pc, mid, pc.n)}
	s.left = append(halves, s.left[1:]...)
}

// cut copies items of a sorted piece.
func (s *shipment[T]) cut(pc *piece[T], from, to int) piece[T] {
	out := piece[T]{
		d:        s.c.sig.Slice(pc.d, from, to),
		n:        to - from,
		crossing: pc.crossing,
		sorted:   true,
		tried:    pc.tried,
	}
	if pc.origin != nil && !s.c.sig.InParts() {
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
		s.isAside, s.aside = true, s.c.sig.Empty()
	}
	s.c.sig.Join(s.aside, d)
}

// failed notes that a part of the first piece failed for good, and goes on with the rest. to is
// where the part ended; where that is not known, it is all of the piece.
func (s *shipment[T]) failed(to edge.Position, err error) {
	pc := &s.left[0]
	from := pc.at.Items
	if to.Items <= from {
		to = edge.Position{Items: pc.n}
	}
	if to.Items < pc.n || len(s.left) > 1 {
		s.putAside(s.remaining(pc, from, to.Items))
	}
	if from > 0 || to.Items < s.n {
		err = fmt.Errorf("items %d to %d of %d were not delivered: %w", from, to.Items-1, pc.n, err)
	}
	s.permanent = append(s.permanent, err)
	s.advance(to)
}

// remaining copies items of a piece, as they were before they crossed.
func (s *shipment[T]) remaining(pc *piece[T], from, to int) T {
	if pc.sorted && pc.crossing != bare && s.crossing(pc.crossing).Edits() {
		keep := make(map[int]bool, to-from)
		for _, i := range pc.origin[from:to] {
			keep[i] = true
		}
		return s.c.sig.Pick(s.whole, func(i int) bool { return keep[i] })
	}
	if pc.crossing == bare {
		return s.c.sig.Bare(pc.d)
	}
	return s.c.sig.Slice(pc.d, from, to)
}

// retry is the error of a call that is worth a retry, after the first piece failed so. It carries
// what was not delivered, and what is aside.
func (s *shipment[T]) retry(to edge.Position, err error) error {
	pc := &s.left[0]
	if !s.isAside && !pc.sorted && pc.crossing != bare {
		return s.c.rest(err, s.whole, pc.at.Items, to.Items, s.n)
	}
	rest := s.c.sig.Empty()
	listed, lists := s.c.sig.Listed(err)
	if lists && pc.at.Items == 0 && to.Items == pc.n && s.c.listsOwn(err) {
		// A copy: the list is the consumer's.
		rest = s.c.sig.Pick(listed, func(int) bool { return true })
	} else {
		s.c.sig.Join(rest, s.remaining(pc, pc.at.Items, pc.n))
	}
	for i := range s.left[1:] {
		later := &s.left[1+i]
		s.c.sig.Join(rest, s.remaining(later, later.at.Items, later.n))
	}
	if s.isAside {
		s.c.sig.Join(rest, s.aside)
		err = fmt.Errorf("%w; besides, %s", err, s.besides())
	}
	return s.c.sig.Undelivered(err, rest)
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
	s.refused.Of = s.c.sig.Counted(s.whole)
	return &s.refused
}

// verdict is what the caller hears when all that could cross did.
func (s *shipment[T]) verdict() error {
	all := s.permanent
	if s.refused.Items+s.refused.Bare > 0 {
		all = append(all, s.refusal().tell(s.c.stats))
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

// notExpressible says that the Rust side could not tell the difference of a projected batch: the
// same batch is sent again, whole. The original has not been touched.
func notExpressible(err error) bool {
	f, ok := errors.AsType[*control.Failure](err)
	return ok && f.Class == control.Refused && f.Component == differenceComponent
}

// differenceComponent names the part of the Rust side that makes differences, in its failures.
const differenceComponent = "strait.difference"
