package ring

// Positions of the descriptor ring: what the other side's counters may say, and what is unread.
// Pure arithmetic over wrapping u64 positions; it touches no shared memory.

// arrival is what a consumer finds at its head.
type arrival uint8

const (
	arrivalNone    arrival = iota // not published yet
	arrivalMessage                // published
	arrivalBroken                 // neither: the error `sequence`
)

// classify applies R-7 to the sequence found at the index of head, of a ring of n descriptors.
func classify(sequence, head, n uint64) arrival {
	switch {
	case sequence == head+1:
		return arrivalMessage
	case head < n && sequence == 0, head >= n && sequence == head+1-n:
		return arrivalNone
	default:
		return arrivalBroken
	}
}

// headIsValid applies R-9: last <= head <= tail, in wrapping order.
func headIsValid(last, head, tail uint64) bool {
	return head-last <= tail-last
}

// unread is the producer's record of what it published and the consumer has not read.
type unread struct {
	acks       uint32 // unread acks
	others     uint32 // unread descriptors of every other kind
	head, tail uint64 // last head that was seen; next position
	isAck      []bool // by index: what lies at each unread position
}

func newUnread(n uint32) unread { return unread{isAck: make([]bool, n)} }

// push records a message at tail.
func (u *unread) push(ack bool) {
	u.isAck[u.tail&uint64(len(u.isAck)-1)] = ack
	u.tail++
	if ack {
		u.acks++
	} else {
		u.others++
	}
}

// advance moves to a head that headIsValid accepted, and reports whether it is a new one.
func (u *unread) advance(head uint64) bool {
	moved := head != u.head
	for ; u.head != head; u.head++ {
		if u.isAck[u.head&uint64(len(u.isAck)-1)] {
			u.acks--
		} else {
			u.others--
		}
	}
	return moved
}
