package ring

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Link is one side of a host and a peer that are joined by two rings. It ends once: by Close, by
// Fail or PeerLost, by a broken rule, or by the other side. It must be closed in any case, also
// after its end: nothing else gives its descriptors and memory back.
type Link struct {
	number       uint16
	maxWait      time.Duration
	prefault     int
	trust        Trust
	base         identity // session, epoch, page, geometry
	isHost       bool
	oneProcessor bool

	own, peer objects
	mirror    mirror
	producer  *Producer
	consumer  *Consumer
	accepting atomic.Bool // Accept was called
	joined    atomic.Bool

	handed     sync.Mutex // guards the numbers of what is handed to the other side
	doorbells  [4]int     // of what the peer gets, in the order of doorbellNames; -1: gone
	toBeClosed bool       // doorbells are the peer's ends of socket pairs, and ours to close

	references atomic.Int64 // see enter
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
		const what = "%w: geometry: %s: expected %s, found %s"
		return nil, fmt.Errorf(what, ErrInvalid, v.field, v.expected, v.found)
	}
	l := newLink(o, true)
	if err := l.createOwn(&o); err != nil {
		return nil, err
	}
	own, err := l.makeDoorbells()
	if err == nil {
		err = l.hang(own)
	}
	if err != nil {
		l.dropDoorbells()
		return nil, errors.Join(err, l.discard())
	}
	return l, nil
}

// NewPeer makes the peer's side of the link that a host offers. It refuses an offer whose objects
// are not what demand. The options' number, session, epoch and geometry are the
// offer's.
func NewPeer(offer Offer, options Options) (*Link, error) {
	if !supported {
		return nil, ErrUnsupported
	}
	if v := offer.check(); v != nil {
		return nil, v.at(CodeHeader, "offer")
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
	doorbells, err := l.adoptDoorbells(h)
	if err == nil {
		if err = l.createOwn(&o); err == nil {
			err = l.hang(doorbells)
		} else {
			closeDoorbells(doorbells[:])
		}
	}
	if err != nil {
		return nil, errors.Join(l.named(err), l.discard())
	}
	l.join()
	return l, nil
}

func newLink(o Options, isHost bool) *Link {
	page := uint32(os.Getpagesize())
	l := &Link{
		number:       o.Number,
		maxWait:      o.MaxWait,
		prefault:     max(o.PrefaultBytes, 0),
		trust:        o.Trust,
		isHost:       isHost,
		oneProcessor: runtime.GOMAXPROCS(0) == 1,
		base:         identity{page: page, session: o.Session, epoch: o.Epoch, geometry: o.Geometry},
		done:         make(chan struct{}),
		doorbells:    noDoorbells,
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
