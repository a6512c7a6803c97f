package ring

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Defaults of Options.
const (
	DefaultDescriptors   = 1024
	DefaultBlocks        = 8192 // 32 MiB
	DefaultMaxWait       = 5 * time.Second
	DefaultPrefaultBytes = 1 << 20
)

// Options are what the caller decides about a link. The zero value is usable.
type Options struct {
	// Number names the link in messages; 0 means none. A peer takes the host's.
	Number uint16
	// Session and Epoch identify the link's objects; 0 means a random session, and epoch 1. A peer
	// takes the host's.
	Session uint64
	Epoch   uint32
	// Geometry is the size of both rings; zero fields mean the defaults. A peer takes the host's.
	Geometry Geometry
	// EdgesIn and EdgesOut are how many edges the consumed and the produced ring have, at least 1 (the
	// default). Another edge number from the other side is the error `descriptor`.
	EdgesIn, EdgesOut uint32
	// Policy is how the consumer waits.
	Policy Policy
	// MaxWait is how long a caller waits for room at most; 0 means DefaultMaxWait.
	MaxWait time.Duration
	// CopyBatches copies each batch at receive and releases its slot at once: for a peer that is not
	// trusted to leave a published slot alone, and for readers that hold batches for long.
	CopyBatches bool
	// LeasedBytesMax is how many bytes of slab leases may take before further batches are copied at
	// receive; 0 means half the slab.
	LeasedBytesMax int64
	// BuildID names this build, for messages only.
	BuildID [16]byte
	// PrefaultBytes is how much of each slab is touched ahead of use; 0 means DefaultPrefaultBytes,
	// less than 0 nothing.
	PrefaultBytes int
}

// withDefaults fills in what is zero.
func (o Options) withDefaults() Options {
	if o.Session == 0 {
		var random [8]byte
		_, _ = rand.Read(random[:]) // never fails (crypto/rand)
		o.Session = binary.LittleEndian.Uint64(random[:])
	}
	o.Epoch = max(o.Epoch, 1)
	if o.Geometry.Descriptors == 0 {
		o.Geometry.Descriptors = DefaultDescriptors
	}
	if o.Geometry.Blocks == 0 {
		o.Geometry.Blocks = DefaultBlocks
	}
	o.EdgesIn, o.EdgesOut = max(o.EdgesIn, 1), max(o.EdgesOut, 1)
	if o.MaxWait <= 0 {
		o.MaxWait = DefaultMaxWait
	}
	if o.LeasedBytesMax == 0 {
		o.LeasedBytesMax = int64(o.Geometry.Blocks) * BlockBytes / 2
	}
	if o.PrefaultBytes == 0 {
		o.PrefaultBytes = DefaultPrefaultBytes
	}
	return o
}

// drain is what may still be received after a link's end.
type drain uint8

const (
	drainNothing drain = iota // this side ended it
	drainAcks                 // the other side found an error, or is lost
	drainAll                  // the other side closed in order
)

// ending is why a link ended. There is at most one.
type ending struct {
	err   *Error
	drain drain
}

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

// Link is one side of a host and a peer that are joined by two rings. It ends once: by Close, by
// Fail or PeerLost, by a broken rule, or by the other side. It must be closed in any case.
type Link struct {
	number       uint16
	maxWait      time.Duration
	prefault     int
	base         identity // session, epoch, page, geometry
	isHost       bool
	oneProcessor bool

	own, peer objects
	producer  *Producer
	consumer  *Consumer
	joined    atomic.Bool
	events    HostFDs // the doorbells' numbers

	// references holds the mappings: one of the link until Close, one of each open claim and lease,
	// one of each call that is reading. At 0 all is unmapped.
	references atomic.Int64
	last       atomic.Pointer[[2]Counters]

	ended     atomic.Pointer[ending]
	done      chan struct{}
	closeOnce sync.Once
	closeErr  error
}

// NewHost makes the host's side of a link: its objects and all doorbells. The link carries messages
// once Accept has joined it with the peer's answer to Offer.
func NewHost(options Options) (*Link, error) {
	if !supported {
		return nil, ErrUnsupported
	}
	o := options.withDefaults()
	if v := o.Geometry.check(); v != nil {
		return nil, fmt.Errorf("%w: geometry: %s: expected %s, found %s", ErrInvalid, v.field, v.expected, v.found)
	}
	l := newLink(o, true)
	if err := l.createOwn(&o); err != nil {
		return nil, err
	}
	var fds [4]int
	for i := range fds {
		fd, err := newEvent()
		if err != nil {
			closeAll(fds[:i])
			return nil, errors.Join(err, l.own.each((*region).discard))
		}
		fds[i] = fd
	}
	if err := l.hang(HostFDs{H2PData: fds[0], H2PSpace: fds[1], P2HData: fds[2], P2HSpace: fds[3]}); err != nil {
		return nil, errors.Join(err, l.own.each((*region).discard))
	}
	return l, nil
}

// NewPeer makes the peer's side of the link that a host offers. It refuses an offer whose objects
// are not what demand. The options' number, session, epoch and geometry are the offer's.
func NewPeer(offer Offer, options Options) (*Link, error) {
	if !supported {
		return nil, ErrUnsupported
	}
	if v := offer.Geometry.check(); v != nil {
		return nil, v.at(CodeHeader, "offer")
	}
	if offer.Epoch == 0 {
		return nil, outside("epoch", "at least 1", 0).at(CodeHeader, "offer")
	}
	options.Number, options.Epoch, options.Geometry = offer.Number, offer.Epoch, offer.Geometry
	o := options.withDefaults()
	o.Session = offer.Session // 0 is as good as another
	l := newLink(o, false)
	h := offer.FDs
	var err error
	if l.peer, err = l.adopt(h.H2PProducer, h.P2HConsumer, h.HostCounters); err != nil {
		return nil, l.named(err)
	}
	events, err := adoptEvents(h)
	if err != nil {
		return nil, errors.Join(l.named(err), l.peer.each((*region).discard))
	}
	if err := l.createOwn(&o); err != nil {
		closeAll([]int{events.H2PData, events.H2PSpace, events.P2HData, events.P2HSpace})
		return nil, errors.Join(err, l.peer.each((*region).discard))
	}
	if err := l.hang(events); err != nil {
		return nil, errors.Join(err, l.own.each((*region).discard), l.peer.each((*region).discard))
	}
	l.join()
	return l, nil
}

func newLink(o Options, isHost bool) *Link {
	l := &Link{
		number:       o.Number,
		maxWait:      o.MaxWait,
		prefault:     max(o.PrefaultBytes, 0),
		isHost:       isHost,
		oneProcessor: runtime.GOMAXPROCS(0) == 1,
		base:         identity{page: uint32(os.Getpagesize()), session: o.Session, epoch: o.Epoch, geometry: o.Geometry},
		done:         make(chan struct{}),
	}
	l.references.Store(1)
	return l
}

// outward and inward are the directions of the ring that this side produces, and consumes.
func (l *Link) outward() uint32 {
	if l.isHost {
		return DirectionHostToPeer
	}
	return DirectionPeerToHost
}

func (l *Link) inward() uint32 { return 1 - l.outward() }

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
	l.own = objects{producer: create(out), consumer: create(in), counters: create(l.identity(ObjectCounters, l.outward()))}
	if err != nil {
		return errors.Join(err, l.own.each((*region).discard))
	}
	c := counters(l.own.counters.mem)
	l.producer = newProducer(l, l.outward(), l.own.producer.mem, out, c, o.EdgesOut)
	l.consumer = newConsumer(l, l.inward(), l.own.consumer.mem, in, c, o)
	return nil
}

// prefaultOf is how many bytes of an object to touch ahead: all but most of a slab.
func (l *Link) prefaultOf(id identity) int {
	if l.prefault == 0 {
		return 0
	}
	return int(id.slabOffset()) + l.prefault
}

// adopt checks and maps the other side's objects. The descriptors are duplicated first, so that they
// name the same objects from the first check to the last.
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

// adoptEvents duplicates and checks the host's doorbells.
func adoptEvents(h HostFDs) (HostFDs, error) {
	given := [4]int{h.H2PData, h.H2PSpace, h.P2HData, h.P2HSpace}
	names := [4]string{"h2p data doorbell", "h2p space doorbell", "p2h data doorbell", "p2h space doorbell"}
	var own [4]int
	for i, fd := range given {
		var err error
		if own[i], err = duplicate(fd, names[i]); err != nil {
			closeAll(own[:i])
			return HostFDs{}, err
		}
		if err = checkEvent(own[i], names[i]); err != nil {
			closeAll(own[:i+1])
			return HostFDs{}, err
		}
	}
	return HostFDs{H2PData: own[0], H2PSpace: own[1], P2HData: own[2], P2HSpace: own[3]}, nil
}

func closeAll(fds []int) {
	for _, fd := range fds {
		_ = closeFD(fd) // an eventfd: nothing is written back
	}
}

// hang puts the doorbells in place: each side rings data outward and space inward, and waits on the
// other two. It takes them over, also when it fails.
func (l *Link) hang(events HostFDs) error {
	l.events = events
	outData, outSpace, inData, inSpace := events.H2PData, events.H2PSpace, events.P2HData, events.P2HSpace
	if !l.isHost {
		outData, outSpace, inData, inSpace = inData, inSpace, outData, outSpace
	}
	l.producer.data.fd, l.consumer.space.fd = outData, inSpace
	var errSpace, errData error
	l.producer.space, errSpace = newListener(outSpace, "space doorbell")
	l.consumer.data, errData = newListener(inData, "data doorbell")
	if err := errors.Join(errSpace, errData); err != nil {
		if errSpace == nil {
			err = errors.Join(err, l.producer.space.close())
		}
		if errData == nil {
			err = errors.Join(err, l.consumer.data.close())
		}
		return errors.Join(err, l.producer.data.close(), l.consumer.space.close())
	}
	return nil
}

// join makes the link carry messages; l.peer is complete.
func (l *Link) join() {
	l.consumer.join(l.peer.producer.mem, l.identity(ObjectProducer, l.inward()))
	l.producer.join(l.peer.consumer.mem, l.identity(ObjectConsumer, l.outward()))
	l.joined.Store(true)
}

// Offer is what the host sends to the peer.
func (l *Link) Offer() Offer {
	fds := l.events
	fds.H2PProducer, fds.P2HConsumer, fds.HostCounters = l.own.producer.fd, l.own.consumer.fd, l.own.counters.fd
	return Offer{Number: l.number, Epoch: l.base.epoch, Session: l.base.session, FDs: fds, Geometry: l.base.geometry}
}

// Answer is what the peer sends back to the host.
func (l *Link) Answer() Answer {
	return Answer{FDs: PeerFDs{H2PConsumer: l.own.consumer.fd, P2HProducer: l.own.producer.fd, PeerCounters: l.own.counters.fd}}
}

// Accept joins the host's link with the peer's objects. An answer that refuses ends the
// link. It is called once, by the goroutine that made the link, before the link is used or closed.
func (l *Link) Accept(a Answer) error {
	if !l.isHost || l.joined.Load() {
		return fmt.Errorf("%w: only a host that is not joined yet accepts an answer", ErrInvalid)
	}
	if err := l.Err(); err != nil {
		return err
	}
	peer, err := l.adopt(a.FDs.P2HProducer, a.FDs.H2PConsumer, a.FDs.PeerCounters)
	if err != nil {
		err = l.named(err)
		var broken *Error
		if errors.As(err, &broken) {
			l.fail(broken)
		}
		return err
	}
	l.peer = peer
	l.join()
	return nil
}

// named puts the link's number into the error that ends it.
func (l *Link) named(err error) error {
	var e *Error
	if errors.As(err, &e) {
		e.Link = l.number
	}
	return err
}

// Producer is the end that this side writes.
func (l *Link) Producer() *Producer { return l.producer }

// Consumer is the end that this side reads.
func (l *Link) Consumer() *Consumer { return l.consumer }
