package control

import (
	"errors"
	"fmt"
	"sync"
	"unsafe"
)

// ErrNoPeer says that this program has no Rust part. errors.Is finds it in what Bind returns then;
// the message says why, and what to do.
var ErrNoPeer = errors.New("this program has no Rust part")

type noPeer string

func (e noPeer) Error() string      { return string(e) }
func (noPeer) Is(target error) bool { return target == ErrNoPeer }

// registered is what native modules registered, and what came of binding it.
var registered struct {
	sync.Mutex
	entry unsafe.Pointer
	name  string
	twice string // a second library, which cannot be bound beside the first
	peer  *Peer
	err   error
}

// RegisterEntry names the entry of the process's native library: the address of its C symbol
// strait_entry, and a name for messages. A generated native module calls it from init. It only
// takes note; Bind does the work, and reports a second, different library.
func RegisterEntry(entry unsafe.Pointer, libraryName string) {
	registered.Lock()
	defer registered.Unlock()
	switch {
	case registered.entry == nil:
		registered.entry, registered.name = entry, libraryName
	case registered.entry != entry:
		registered.twice = libraryName
	}
}

// Bind returns the process's peer. The first call connects to it; what that gave, the error too, is
// what every later call gives. A missing library is asked for each time.
func Bind() (*Peer, error) {
	registered.Lock()
	defer registered.Unlock()
	switch {
	case registered.peer != nil || registered.err != nil:
		return registered.peer, registered.err
	case !supported:
		return nil, noPeer(unsupported)
	case registered.entry == nil:
		return nil, noPeer(
			"this Collector was built without its Rust part: build it with `strait build --config " +
				"<your builder file>` (stock ocb alone does not add the native module)",
		)
	case registered.twice != "":
		registered.err = fmt.Errorf(
			"two native libraries are linked in, %q and %q: build all Rust components into one "+
				"with `strait build`", registered.name, registered.twice,
		)
		return nil, registered.err
	}
	calls, err := bindEntry(registered.entry)
	if err != nil {
		registered.err = fmt.Errorf("the Rust part %q cannot be used: %w", registered.name, err)
		return nil, registered.err
	}
	registered.peer = &Peer{calls: calls, name: registered.name}
	bound.Store(&calls)
	listen()
	return registered.peer, nil
}
