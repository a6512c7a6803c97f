package ring

import (
	"crypto/rand"
	"encoding/binary"
	"time"
)

// Defaults of Options.
const (
	DefaultDescriptors   = 1024
	DefaultBlocks        = 8192 // 32 MiB
	DefaultMaxWait       = 5 * time.Second
	DefaultPrefaultBytes = 512 << 10
)

// Trust is what a side takes for granted of the other. The zero value takes nothing for granted:
// batches are copied before anybody reads them, so that no byte changes between a check and its
// use, and the doorbells are sockets, which the other side cannot make block.
type Trust struct{ vouched bool }

// VouchForPeer is the caller's promise that the other side is this process, or a child of it, and
// runs code that the caller vouches for: it never writes to a slot that it has published, and text
// that it writes is UTF-8. Batches are then read where they lie. If the promise is broken, what was
// checked may change before it is used.
func VouchForPeer() Trust { return Trust{vouched: true} }

// Vouched says whether the promise of VouchForPeer was made.
func (t Trust) Vouched() bool { return t.vouched }

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
	// EdgesIn and EdgesOut are how many edges the consumed and the produced ring have, at least 1
	// (the default). Another edge number from the other side is the error `descriptor`.
	EdgesIn, EdgesOut uint32
	// Trust is what this side takes for granted of the other: nothing, unless [VouchForPeer] is
	// called.
	Trust Trust
	// Policy is how the consumer waits.
	Policy Policy
	// MaxWait is how long a caller waits for room at most; 0 means DefaultMaxWait.
	MaxWait time.Duration
	// CopiedBytesMax is how many bytes of copies readers may hold, 0 (the default) for none. While
	// leases take more than LeasedBytesMax of the slab, a batch of a vouched peer is copied at
	// receive and its slot is free at once, up to this bound; past it the slot is leased as ever,
	// and the slab's room is what holds the other side back. It is for readers that hold
	// batches for long.
	CopiedBytesMax int64
	// LeasedBytesMax is from how many leased bytes of slab on batches are copied, where
	// CopiedBytesMax allows copies; 0 means half the slab, less than 0 that each batch is copied.
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
		o.LeasedBytesMax = o.Geometry.slabBytes() / 2
	}
	if o.PrefaultBytes == 0 {
		o.PrefaultBytes = DefaultPrefaultBytes
	}
	return o
}
