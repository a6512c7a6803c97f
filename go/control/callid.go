package control

import "fmt"

// CallID is the 64 bits that name one batch in flight, on the ring and on the control channel.
//
//	63       origin: 0 the host started the call, 1 the peer did
//	48..62   link number, 1..32767, given by AllocateLink
//	40..47   the link's epoch, its low 8 bits
//	0..39    sequence, from 1
//
// callid.rs is the same in Rust; dataplane/control/vectors/callid.json is read by both. 0 names no
// call. Operation ids are a space of their own.
type CallID uint64

const (
	// MaxLink is the highest link number.
	MaxLink = 1<<15 - 1
	// MaxSequence is the highest sequence: about 10^12 calls per link and epoch.
	MaxSequence = 1<<40 - 1

	originBit  = 1 << 63
	linkShift  = 48
	epochShift = 40
)

// Origin says which side started a call.
type Origin uint8

const (
	// FromHost: a Go caller; the batch crossed from the host to the peer.
	FromHost Origin = iota
	// FromPeer: the engine; the batch crossed from the peer to the host.
	FromPeer
)

// NewCallID packs the parts; the epoch keeps its low 8 bits. It refuses a link number or sequence
// outside its range.
func NewCallID(origin Origin, link uint16, epoch uint32, sequence uint64) (CallID, error) {
	if link == 0 || link > MaxLink {
		return 0, fmt.Errorf("link number %d is outside 1..%d", link, MaxLink)
	}
	if sequence == 0 || sequence > MaxSequence {
		return 0, fmt.Errorf("sequence %d is outside 1..%d", sequence, uint64(MaxSequence))
	}
	id := CallID(link)<<linkShift | CallID(epoch&0xff)<<epochShift | CallID(sequence)
	if origin == FromPeer {
		id |= originBit
	}
	return id, nil
}

// ParseCallID checks bits that came from the other side: link number 0 and sequence 0 are refused.
func ParseCallID(bits uint64) (CallID, error) {
	id := CallID(bits)
	if id.Link() == 0 {
		return 0, fmt.Errorf("call id %#x names no link", bits)
	}
	if id.Sequence() == 0 {
		return 0, fmt.Errorf("call id %#x has no sequence", bits)
	}
	return id, nil
}

// Origin says which side started the call.
func (id CallID) Origin() Origin { return Origin(id >> 63) }

// Link returns the link number.
func (id CallID) Link() uint16 { return uint16(id>>linkShift) & MaxLink }

// Epoch returns the low 8 bits of the link's epoch.
func (id CallID) Epoch() uint8 { return uint8(id >> epochShift) }

// Sequence returns the sequence, from 1.
func (id CallID) Sequence() uint64 { return uint64(id) & MaxSequence }
