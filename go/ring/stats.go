package ring

// Counters (protocol section 7): each side writes its own object, anyone may read both.

// counters is a mapped counters object. Its words wrap, and order nothing.
type counters []byte

func (c counters) add(i int, n uint64) { word64(c, CountersOffset+8*i).Add(n) }
func (c counters) set(i int, n uint64) { word64(c, CountersOffset+8*i).Store(n) }

// raise makes the counter at least n; only one goroutine at a time may raise it.
func (c counters) raise(i int, n uint64) {
	if word := word64(c, CountersOffset+8*i); word.Load() < n {
		word.Store(n)
	}
}

// read copies all counters. They are read one after another, so they need not fit each other.
func (c counters) read() (out Counters) {
	for i := range out {
		out[i] = word64(c, CountersOffset+8*i).Load()
	}
	return out
}

// Counters are the figures of one side, by the Counter... indexes. Those of the other side are what
// it claims.
type Counters [CounterCount]uint64

// CounterName is the name of the counter at index i of Counters, as protocol section 7 has it.
func CounterName(i int) string { return counterNames[i] }

// Stats is what a link's figures were at one moment.
type Stats struct {
	// Own and Peer are the counters of this side and of the other.
	Own, Peer Counters
	// InFlight is how many messages of this side wait for their answer, open claims included.
	InFlight int
	// ClaimsOpen is how many claims have neither been published nor aborted.
	ClaimsOpen int
	// LeasesOpen is how many slots readers hold, LeasedBytes how many bytes of slab those take.
	LeasesOpen  int
	LeasedBytes int64
	// CopiedBytes is how many bytes of copies readers hold whose slots are released.
	CopiedBytes int64
	// Unanswered is how many received messages this side has not answered.
	Unanswered int
}

// Stats reads the link's figures. Once the memory is unmapped, it returns the counters as they were
// then.
func (l *Link) Stats() Stats {
	s := Stats{InFlight: int(l.producer.inFlight.Load())}
	s.ClaimsOpen = l.producer.openClaims()
	s.LeasesOpen, s.LeasedBytes, s.CopiedBytes = l.consumer.openLeases()
	s.Unanswered = int(l.consumer.unanswered.Load())
	if l.enter() {
		s.Own, s.Peer = l.readCounters()
		l.leave()
	} else if last := l.last.Load(); last != nil {
		s.Own, s.Peer = last[0], last[1]
	}
	return s
}

// readCounters reads both counters objects, which are mapped.
func (l *Link) readCounters() (own, peer Counters) {
	own = counters(l.own.counters.mem).read()
	if l.joined.Load() {
		peer = counters(l.peer.counters.mem).read()
	}
	return own, peer
}

func (p *Producer) openClaims() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return int(p.claims)
}

func (c *Consumer) openLeases() (count int, leased, copied int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.leases, c.leasedBytes, c.copiedBytes
}
