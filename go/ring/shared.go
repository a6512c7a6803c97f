package ring

import "errors"

// What the two sides share, as this side holds it: its own objects, the other side's, and the one
// reference count that keeps all of their mappings.

// objects are the three objects that one side writes.
type objects struct{ producer, consumer, counters *region }

// each calls f for the objects there are and joins the errors.
func (o *objects) each(f func(*region) error) error {
	var errs []error
	for _, r := range []*region{o.producer, o.consumer, o.counters} {
		if r != nil {
			errs = append(errs, f(r))
		}
	}
	return errors.Join(errs...)
}

func (l *Link) identity(kind, direction uint32) identity {
	id := l.base
	id.kind, id.direction = kind, direction
	return id
}

// createOwn makes this side's objects and both ends on top of them.
func (l *Link) createOwn(o *Options) error {
	out, in := l.identity(ObjectProducer, l.outward()), l.identity(ObjectConsumer, l.inward())
	var err error
	create := func(id identity) *region {
		if err != nil {
			return nil
		}
		var r *region
		r, err = createRegion(id, o.BuildID, l.prefaultOf(id))
		return r
	}
	l.own = objects{
		producer: create(out), consumer: create(in),
		counters: create(l.identity(ObjectCounters, l.outward())),
	}
	if err == nil && !o.Trust.vouched {
		l.mirror, err = newMirror(o.Geometry.slabBytes())
	}
	if err != nil {
		own := l.own
		l.own = objects{}
		return errors.Join(err, own.each((*region).discard))
	}
	c := counters(l.own.counters.mem)
	l.producer = newProducer(l, l.outward(), l.own.producer, out, c, o.EdgesOut)
	l.consumer = newConsumer(l, l.inward(), l.own.consumer.mem, in, c, o)
	return nil
}

// prefaultOf is how many bytes of an object to touch ahead: all but most of a slab.
func (l *Link) prefaultOf(id identity) uint64 {
	if l.prefault == 0 {
		return 0
	}
	return id.slabOffset() + uint64(l.prefault)
}

// adopt checks and maps the other side's objects. The descriptors are duplicated first, so that
// they name the same objects from the first check to the last.
func (l *Link) adopt(producer, consumer, counters int) (objects, error) {
	var err error
	adopt := func(fd int, id identity) *region {
		if err != nil {
			return nil
		}
		var own int
		if own, err = duplicate(fd, id.short()); err != nil {
			return nil
		}
		defer closeFD(own)
		var r *region
		r, err = adoptRegion(own, id, l.prefaultOf(id))
		return r
	}
	o := objects{
		producer: adopt(producer, l.identity(ObjectProducer, l.inward())),
		consumer: adopt(consumer, l.identity(ObjectConsumer, l.outward())),
		counters: adopt(counters, l.identity(ObjectCounters, l.inward())),
	}
	if err != nil {
		return objects{}, errors.Join(err, o.each((*region).discard))
	}
	return o, nil
}

// discard gives up the memory of a link that nobody has got yet.
func (l *Link) discard() error {
	discard := (*region).discard
	return errors.Join(l.own.each(discard), l.peer.each(discard), l.mirror.unmap())
}

// enter takes a reference to the mappings, unless they are gone. The link holds one until Close,
// each open claim and lease one, and so does each call that is not under a lock that Close takes:
// the end of the link, Accept, PeerLost, Stats. At 0 all is unmapped.
func (l *Link) enter() bool {
	for {
		n := l.references.Load()
		if n == 0 {
			return false
		}
		if l.references.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// retain takes one more reference where the caller knows of another that lasts.
func (l *Link) retain() { l.references.Add(1) }

// leave drops a reference; the last one unmaps.
func (l *Link) leave() {
	if l.references.Add(-1) > 0 {
		return
	}
	own, peer := l.readCounters()
	l.last.Store(&[2]Counters{own, peer})
	// Unmapping a mapping of ours cannot fail (munmap fails for bad arguments only).
	_ = l.own.each((*region).unmap)
	_ = l.peer.each((*region).unmap)
	_ = l.mirror.unmap()
}
