package control

import (
	"fmt"
	"sync/atomic"
)

// memory is what the peer had allocated when it was last asked, and above what batches are refused;
// both in bytes.
var memory struct{ used, refuseAbove atomic.Uint64 }

// SetMemory says what the peer has allocated, in bytes, and above what new batches are to be
// refused; 0 for the latter: none are. The extension `strait` calls it, several times a second.
func SetMemory(used, refuseAbove uint64) {
	memory.used.Store(used)
	memory.refuseAbove.Store(refuseAbove)
}

// MemoryRefusal is why a new batch must not be sent to the peer now; nil: it may. It costs two
// loads.
func MemoryRefusal() *Failure {
	limit := memory.refuseAbove.Load()
	if limit == 0 {
		return nil
	}
	used := memory.used.Load()
	if used <= limit {
		return nil
	}
	const mib = 1 << 20
	return &Failure{Class: Refused, Message: fmt.Sprintf(
		"the Rust components of this Collector have allocated %d MiB, and take no more above %d MiB",
		used/mib,
		limit/mib,
	)}
}
