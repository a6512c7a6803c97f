package control

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// recordingSink notes what it is told, and panics while panics is positive.
type recordingSink struct {
	mu        sync.Mutex
	failures  []*Failure
	cancelled []uint64
	panics    int
}

func (s *recordingSink) note(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.panics > 0 {
		s.panics--
		panic("bug in the sink")
	}
	f()
}
func (s *recordingSink) BatchFailed(_ uint64, f *Failure) {
	s.note(func() { s.failures = append(s.failures, f) })
}
func (s *recordingSink) BatchCancel(id uint64) {
	s.note(func() { s.cancelled = append(s.cancelled, id) })
}

// Guarantees: a message reaches the sink of its link, and no other.
func TestMessagesReachTheirLink(t *testing.T) {
	var sinks [2]recordingSink
	var ids [2]CallID
	for i := range sinks {
		number, err := AllocateLink()
		require.NoError(t, err)
		defer ReleaseLink(number)
		require.NoError(t, HandleLink(number, &sinks[i]))
		require.ErrorContains(t, HandleLink(number, &sinks[i]), "has a sink already")
		ids[i], err = NewCallID(FromPeer, number, 1, 1)
		require.NoError(t, err)
	}
	deliverBatchFailed(uint64(ids[0]), &Failure{Class: Refused})
	deliverBatchCancel(uint64(ids[1]))
	require.Len(t, sinks[0].failures, 1)
	require.Empty(t, sinks[0].cancelled)
	require.Empty(t, sinks[1].failures)
	require.Equal(t, []uint64{uint64(ids[1])}, sinks[1].cancelled)

	before := ReadStats().UnknownCalls
	ReleaseLink(ids[0].Link())
	deliverBatchFailed(uint64(ids[0]), &Failure{Class: Refused})
	require.Len(t, sinks[0].failures, 1, "released")
	require.Equal(t, before+1, ReadStats().UnknownCalls)
	require.ErrorContains(t, HandleLink(ids[0].Link(), &sinks[0]), "was not allocated")
}

// Guarantees: a panic while a failure is delivered becomes that call's failure.
func TestPanicOfASinkBecomesTheCallsError(t *testing.T) {
	number, err := AllocateLink()
	require.NoError(t, err)
	defer ReleaseLink(number)
	sink := &recordingSink{panics: 1}
	require.NoError(t, HandleLink(number, sink))
	id, err := NewCallID(FromHost, number, 1, 1)
	require.NoError(t, err)

	before := ReadStats().Panics
	deliverBatchFailed(uint64(id), &Failure{Class: Retryable, Message: "later", Component: "node"})
	require.Equal(t, before+1, ReadStats().Panics)
	require.Len(t, sink.failures, 1)
	require.Equal(t, Internal, sink.failures[0].Class)
	require.Equal(
		t,
		"node: panic in the host: bug in the sink; while it was told of: later",
		sink.failures[0].Error(),
	)

	sink.panics = 3
	deliverBatchFailed(uint64(id), &Failure{Class: Retryable})
	deliverBatchCancel(uint64(id))
	require.Equal(t, before+4, ReadStats().Panics)
}

// Guarantees: numbers are unique, run out with an error, and are not given again at once.
func TestLinkNumbersAreUnique(t *testing.T) {
	seen := map[uint16]bool{}
	for range MaxLink {
		number, err := AllocateLink()
		require.NoError(t, err)
		require.False(t, seen[number])
		require.Equal(t, number, number&MaxLink)
		require.NotZero(t, number)
		seen[number] = true
	}
	_, err := AllocateLink()
	require.ErrorContains(t, err, "all 32767 link numbers")
	ReleaseLink(7)
	again, err := AllocateLink()
	require.NoError(t, err)
	require.EqualValues(t, 7, again)
	for number := range seen {
		ReleaseLink(number)
	}
	a, err := AllocateLink()
	require.NoError(t, err)
	ReleaseLink(a)
	b, err := AllocateLink()
	require.NoError(t, err)
	ReleaseLink(b)
	require.NotEqual(t, a, b)
}

// Guarantees: lines go to their component, else to the peer's own sink, else are counted.
func TestLogsAndStatusesFindTheirSink(t *testing.T) {
	var own, general []LogRecord
	handle := NextHandle()
	unheard := ReadStats().Unheard
	deliverLog(LogRecord{Handle: handle})
	deliverStatus(Status{Handle: handle})
	require.Equal(t, unheard+2, ReadStats().Unheard)

	releaseOld := HandleLogs(0, func(LogRecord) { t.Error("the later sink gets it") })
	releaseGeneral := HandleLogs(0, func(r LogRecord) { general = append(general, r) })
	releaseOwn := HandleLogs(handle, func(r LogRecord) { own = append(own, r) })
	deliverLog(LogRecord{Handle: handle, Message: "mine"})
	releaseOwn()
	releaseOwn()
	deliverLog(LogRecord{Handle: handle, Message: "general"})
	require.Equal(t, []LogRecord{{Handle: handle, Message: "mine"}}, own)
	require.Equal(t, []LogRecord{{Handle: handle, Message: "general"}}, general)
	releaseOld()
	releaseGeneral()
	deliverLog(LogRecord{})
	require.Equal(t, unheard+3, ReadStats().Unheard)

	panics := ReadStats().Panics
	defer HandleLogs(handle, func(LogRecord) { panic("bug") })()
	defer HandleStatus(handle, func(Status) { panic("bug") })()
	deliverLog(LogRecord{Handle: handle})
	deliverStatus(Status{Handle: handle})
	require.Equal(t, panics+2, ReadStats().Panics)
}
