package control

import (
	"errors"
	"fmt"
	"sync"
)

// LinkSink gets what the peer says about the calls of one link. Its methods run on the peer's
// threads, at the same time as each other: hand over and return. A call id that the sink does not
// know has ended already: drop it, and count it.
type LinkSink interface {
	// BatchFailed ends a call of the host's. When it panics it is called once more for the same
	// call, with a Failure of class Internal that says so.
	BatchFailed(callID uint64, failure *Failure)
	// BatchCancel says that an egress batch is no longer wanted; it may still end by itself. It may
	// come before its batch. A panic in it only loses the cancellation.
	BatchCancel(callID uint64)
}

// links is the process's link numbers. The sink of a number that is in use and has none is nil.
var links = struct {
	sync.RWMutex
	sinks map[uint16]LinkSink
	last  uint16
}{sinks: map[uint16]LinkSink{}}

// AllocateLink returns a link number that nobody in the process uses, 1..MaxLink. The numbers go
// round, so that a message that is late for a released link does not soon find another one there.
func AllocateLink() (uint16, error) {
	links.Lock()
	defer links.Unlock()
	if len(links.sinks) == MaxLink {
		return 0, fmt.Errorf(
			"all %d link numbers of this process are in use: fewer lanes or components are needed",
			MaxLink,
		)
	}
	for {
		links.last = links.last%MaxLink + 1
		if _, used := links.sinks[links.last]; !used {
			links.sinks[links.last] = nil
			return links.last, nil
		}
	}
}

// HandleLink names the sink of a link: once for each number, before the peer gets to know it.
func HandleLink(number uint16, sink LinkSink) error {
	if sink == nil {
		return errors.New("a link needs a sink")
	}
	links.Lock()
	defer links.Unlock()
	if have, used := links.sinks[number]; !used {
		return fmt.Errorf("link number %d was not allocated", number)
	} else if have != nil {
		return fmt.Errorf("link number %d has a sink already", number)
	}
	links.sinks[number] = sink
	return nil
}

// ReleaseLink gives a number and its sink back; a number that is not in use is ignored. No call to
// the sink starts after it returns; one that is under way may still end.
func ReleaseLink(number uint16) {
	links.Lock()
	defer links.Unlock()
	delete(links.sinks, number)
}

// sinkOf returns the sink that a call belongs to, or counts the call as unknown.
func sinkOf(callID uint64) LinkSink {
	links.RLock()
	sink := links.sinks[CallID(callID).Link()]
	links.RUnlock()
	if sink == nil {
		counters.unknownCalls.Add(1)
	}
	return sink
}

func deliverBatchFailed(callID uint64, failure *Failure) {
	sink := sinkOf(callID)
	if sink == nil {
		return
	}
	if panicked := contain(func() { sink.BatchFailed(callID, failure) }); panicked != nil {
		again := &Failure{
			Class:     Internal,
			Message:   fmt.Sprintf("%v; while it was told of: %s", panicked, failure.Message),
			Component: failure.Component,
		}
		_ = contain(func() { sink.BatchFailed(callID, again) }) // counted; there is no third way to tell
	}
}

func deliverBatchCancel(callID uint64) {
	if sink := sinkOf(callID); sink != nil {
		_ = contain(func() { sink.BatchCancel(callID) })
	}
}
