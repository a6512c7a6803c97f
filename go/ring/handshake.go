package ring

import (
	"errors"
	"fmt"
)

// The handshake (protocol section 8): what each side sends the other over the control channel or a
// private socket. In one process the descriptors' numbers are valid on both sides; between
// processes, [HostOverSocket] and [PeerOverSocket] pass the descriptors themselves. Each side
// duplicates what it is given before it returns, so the sender's stay the sender's.

// HostFDs are the descriptors that the host makes.
type HostFDs struct {
	H2PProducer  int `json:"h2p_producer"`
	P2HConsumer  int `json:"p2h_consumer"`
	HostCounters int `json:"host_counters"`
	H2PData      int `json:"h2p_data"`
	H2PSpace     int `json:"h2p_space"`
	P2HData      int `json:"p2h_data"`
	P2HSpace     int `json:"p2h_space"`
}

// PeerFDs are the descriptors that the peer makes.
type PeerFDs struct {
	H2PConsumer  int `json:"h2p_consumer"`
	P2HProducer  int `json:"p2h_producer"`
	PeerCounters int `json:"peer_counters"`
}

// Offer is the host's half of the handshake. Its descriptors are valid until Accept returns or the
// host's link is closed; that of the counters stays so until it is closed.
type Offer struct {
	Number   uint16   `json:"number"`
	Epoch    uint32   `json:"epoch"`
	Session  uint64   `json:"session"`
	FDs      HostFDs  `json:"fds"`
	Geometry Geometry `json:"geometry"`
}

// List is the descriptors in the protocol's order.
func (f HostFDs) List() [7]int {
	return [...]int{
		f.H2PProducer, f.P2HConsumer, f.HostCounters, f.H2PData, f.H2PSpace, f.P2HData, f.P2HSpace,
	}
}

// List is the descriptors in the protocol's order.
func (f PeerFDs) List() [3]int {
	return [...]int{f.H2PConsumer, f.P2HProducer, f.PeerCounters}
}

// check applies what is known of an offer before its objects are looked at.
func (o *Offer) check() *violation {
	if o.Epoch == 0 {
		return outside("epoch", "at least 1", 0)
	}
	return o.Geometry.check()
}

// Answer is the peer's half. Its descriptors are valid until the peer's link is closed.
type Answer struct {
	FDs PeerFDs `json:"fds"`
}

// doorbellNames are the doorbells, in the order in which a link keeps them.
var doorbellNames = [4]string{
	"h2p data doorbell", "h2p space doorbell", "p2h data doorbell", "p2h space doorbell",
}

// noDoorbells are the numbers of what is not there any more.
var noDoorbells = [4]int{-1, -1, -1, -1}

// Offer is what the host sends to the peer.
func (l *Link) Offer() Offer {
	l.handed.Lock()
	defer l.handed.Unlock()
	d := l.doorbells
	return Offer{
		Number: l.number, Epoch: l.base.epoch, Session: l.base.session, Geometry: l.base.geometry,
		FDs: HostFDs{
			H2PProducer: l.own.producer.fd, P2HConsumer: l.own.consumer.fd,
			HostCounters: l.own.counters.fd,
			H2PData:      d[0], H2PSpace: d[1], P2HData: d[2], P2HSpace: d[3],
		},
	}
}

// Answer is what the peer sends back to the host.
func (l *Link) Answer() Answer {
	l.handed.Lock()
	defer l.handed.Unlock()
	return Answer{FDs: PeerFDs{
		H2PConsumer: l.own.consumer.fd, P2HProducer: l.own.producer.fd,
		PeerCounters: l.own.counters.fd,
	}}
}

// Accept joins the host's link with the peer's objects. An answer that refuses ends the
// link. It may be called once; on a link that has ended it returns why.
func (l *Link) Accept(a Answer) error {
	if !l.isHost || !l.accepting.CompareAndSwap(false, true) {
		return fmt.Errorf("%w: only a host accepts an answer, and only once", ErrInvalid)
	}
	defer l.handedOver()
	if !l.enter() {
		return l.Err()
	}
	defer l.leave()
	if err := l.Err(); err != nil {
		return err
	}
	peer, err := l.adopt(a.FDs.P2HProducer, a.FDs.H2PConsumer, a.FDs.PeerCounters)
	if err != nil {
		var broken *Error
		if errors.As(l.named(err), &broken) {
			l.end(broken)
		}
		return err
	}
	l.peer = peer
	l.join()
	return l.Err()
}

// join makes the link carry messages; l.peer is complete.
func (l *Link) join() {
	l.consumer.join(l.peer.producer.mem, l.identity(ObjectProducer, l.inward()))
	l.producer.join(l.peer.consumer.mem, l.identity(ObjectConsumer, l.outward()))
	l.joined.Store(true)
}

// makeDoorbells makes the host's doorbells, all of the kind that its trust demands, and
// notes what the peer gets. It returns the host's ends, in the order of doorbellNames.
func (l *Link) makeDoorbells() (own [4]doorbell, err error) {
	l.toBeClosed = !l.trust.vouched
	for i, name := range doorbellNames {
		if l.trust.vouched {
			own[i], err = newEvent(name)
			l.doorbells[i] = own[i].fd
		} else {
			own[i], l.doorbells[i], err = newSocketPair(name)
		}
		if err != nil {
			closeDoorbells(own[:i])
			return own, err
		}
	}
	return own, nil
}

// adoptDoorbells duplicates and checks the host's doorbells.
func (l *Link) adoptDoorbells(h HostFDs) (own [4]doorbell, err error) {
	for i, fd := range [4]int{h.H2PData, h.H2PSpace, h.P2HData, h.P2HSpace} {
		own[i].name = doorbellNames[i]
		if own[i].fd, err = duplicate(fd, own[i].name); err == nil {
			if own[i].kind, err = checkDoorbell(own[i].fd, own[i].name, l.trust); err != nil {
				_ = closeFD(own[i].fd)
			}
		}
		if err != nil {
			closeDoorbells(own[:i])
			return own, err
		}
	}
	return own, nil
}

// hang puts the doorbells in place: each side rings data outward and space inward, and waits on the
// other two. It takes them over, also when it fails.
func (l *Link) hang(d [4]doorbell) error {
	outData, outSpace, inData, inSpace := d[0], d[1], d[2], d[3]
	if !l.isHost {
		outData, outSpace, inData, inSpace = inData, inSpace, outData, outSpace
	}
	var errSpace, errData error
	l.producer.space, errSpace = newListener(outSpace)
	l.consumer.data, errData = newListener(inData)
	if err := errors.Join(errSpace, errData); err != nil {
		if errSpace == nil {
			err = errors.Join(err, l.producer.space.close())
		}
		if errData == nil {
			err = errors.Join(err, l.consumer.data.close())
		}
		closeDoorbells([]doorbell{outData, inSpace})
		return err
	}
	l.producer.data.doorbell, l.consumer.space.doorbell = outData, inSpace
	return nil
}

// handedOver gives up what was kept for the peer, which has it by now: from here on, the end of its
// doorbells is a hang-up. The counters' memfd stays, by which tools find them.
func (l *Link) handedOver() {
	l.dropDoorbells()
	l.handed.Lock()
	defer l.handed.Unlock()
	l.producer.populating.Lock() // pages may be asked for through the memfd
	defer l.producer.populating.Unlock()
	_ = l.own.producer.handedOver() // nothing is written back
	_ = l.own.consumer.handedOver()
}

// dropDoorbells forgets what the peer got, and closes what was only for it.
func (l *Link) dropDoorbells() {
	l.handed.Lock()
	defer l.handed.Unlock()
	if l.toBeClosed {
		for i, fd := range l.doorbells {
			if fd >= 0 {
				_ = closeFD(fd) // nothing is written back
			}
			l.doorbells[i] = -1
		}
	}
}

// dropFiles closes what the link keeps in order to hand it out.
func (l *Link) dropFiles() error {
	l.dropDoorbells()
	l.handed.Lock()
	defer l.handed.Unlock()
	l.doorbells = noDoorbells
	return l.own.each((*region).closeFile)
}
