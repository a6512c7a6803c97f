package unit

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/consumer/consumertest"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/ring"
	"github.com/strait-data/strait/go/unit/call"
)

// told collects what a host hears, as "status: reason".
func told(lanes int) (*health, *[]string) {
	var heard []string
	return newHealth(lanes, func(e *componentstatus.Event) {
		text := e.Status().String()
		if e.Err() != nil {
			text += ": " + e.Err().Error()
		}
		heard = append(heard, text)
	}), &heard
}

// Guarantees: a component has the worst status of its lanes; one lane's OK never hides another's
// trouble, and nothing is said twice or after the end.
func TestOneStatusOfAllLanes(t *testing.T) {
	h, heard := told(3)
	rust := func(lane int, code control.StatusCode, message string) {
		h.heard(lane, control.Status{Code: code, Message: message})
	}
	rust(0, control.StatusOK, "")
	rust(0, control.StatusRecoverableError, "restarting: boom")
	rust(1, control.StatusOK, "")
	rust(1, control.StatusRecoverableError, "restarting: bang")
	require.Equal(t, []string{"StatusRecoverableError: lane 1 of 3: restarting: boom"}, *heard)
	rust(0, control.StatusOK, "")
	rust(1, control.StatusOK, "")
	require.Equal(t,
		[]string{"StatusRecoverableError: lane 2 of 3: restarting: bang", "StatusOK"}, (*heard)[1:])

	rust(2, control.StatusPermanentError, "ended 6 times")
	rust(0, control.StatusRecoverableError, "restarting: boom")
	rust(0, control.StatusOK, "")
	rust(2, control.StatusOK, "late")
	h.end()
	rust(1, control.StatusPermanentError, "at the end")
	require.Equal(t, []string{"StatusPermanentError: lane 3 of 3: ended 6 times"}, (*heard)[3:])
	require.Equal(t, []condition{working, failed, failed}, []condition{h.of(0), h.of(1), h.of(2)})
}

// Guarantees: a lane works only when both its pipeline and its link do; Rust's word on the one says
// nothing of the other, and what is made anew forgets both.
func TestALaneIsBothItsParts(t *testing.T) {
	h, heard := told(1)
	h.set(0, partLink, restarting, "the link is renewed: content")
	h.heard(0, control.Status{Code: control.StatusOK})
	require.Equal(t, restarting, h.of(0))
	h.heard(0, control.Status{Code: control.StatusRecoverableError, Message: "S-4"})
	h.renewed(0)
	require.Equal(t, working, h.of(0))
	require.Equal(t, []string{
		"StatusRecoverableError: the link is renewed: content",
		"StatusRecoverableError: S-4", "StatusOK",
	}, *heard)
}

// Guarantees: what a lane's component says of itself is the component's status and nothing else:
// the lane takes batches as before; what was said for good stays.
func TestWhatAComponentSaysOfItself(t *testing.T) {
	h, heard := told(2)
	says := func(lane int, code control.StatusCode, message string) {
		h.hears(lane, control.Status{Code: code, Message: message})
	}
	require.NoError(t, h.begin())
	says(1, control.StatusRecoverableError, "no backend")
	require.Equal(t, working, h.of(1))
	says(0, control.StatusOK, "")
	says(1, control.StatusOK, "")
	says(1, control.StatusPermanentError, "no license")
	says(1, control.StatusOK, "")
	require.Equal(t, []string{
		"StatusRecoverableError: lane 2 of 2: no backend", "StatusOK",
		"StatusPermanentError: lane 2 of 2: no license",
	}, *heard)
}

// Guarantees: of several components on the same lanes each hears how the lanes are, and of what is
// said only its own; the start fails for a fatal status of any.
func TestSeveralComponentsOfTheSameLanes(t *testing.T) {
	h, heard := told(1)
	other, otherHeard := told(1)
	h.others = append(h.others, other)
	h.set(0, partPipeline, restarting, "boom")
	h.renewed(0)
	other.hears(0, control.Status{Code: control.StatusRecoverableError, Message: "no backend"})
	require.Equal(t, []string{"StatusRecoverableError: boom", "StatusOK"}, *heard)
	require.Equal(t, append(*heard, "StatusRecoverableError: no backend"), *otherHeard)
	other.hears(0, control.Status{Code: control.StatusFatalError, Message: "dead"})
	require.EqualError(t, h.begin(), "a fatal status: dead")
	h.end()
	other.hears(0, control.Status{Code: control.StatusOK})
	require.Len(t, *otherHeard, 3)
}

// Guarantees: a fatal status ends the start where it comes before its end, and is told then never;
// afterwards it is told, once, and by nobody that it could hold up.
func TestAFatalStatus(t *testing.T) {
	tells := make(chan string)
	report := func(e *componentstatus.Event) { tells <- e.Status().String() + ": " + e.Err().Error() }
	dead := control.Status{Code: control.StatusFatalError, Message: "dead"}
	early := newHealth(1, report)
	early.hears(0, dead)
	require.EqualError(t, early.begin(), "a fatal status: dead")
	h := newHealth(1, report)
	require.NoError(t, h.begin())
	h.hears(0, dead)
	h.hears(0, dead)
	h.hears(0, control.Status{Code: control.StatusOK})
	require.Equal(t, "StatusFatalError: dead", <-tells)
	require.Empty(t, tells)
}

// Guarantees: a caller gets the working lane with the fewest callers, in turn among equals; one
// that is made anew only where none works, one that has failed never; and where all have, a
// retryable error that says why.
func TestTheLeastLoadedLaneThatWorks(t *testing.T) {
	p, err := NewLogs(specOf(KindProcessor, "otap/a", Between(Logs)), DefaultTransport(),
		componenttest.NewNopTelemetrySettings(), ToLogs(consumertest.NewNop()))
	require.NoError(t, err)
	u := p.Unit()
	u.state = stateRunning
	u.health, _ = told(3)
	for i := range 3 {
		link, err := ring.NewHost(ring.Options{Geometry: ring.Geometry{Descriptors: 8, Blocks: 16}})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, link.Close()) })
		u.lanes = append(u.lanes, &lane{
			index: i, Lane: call.NewLane(call.Options{Link: link, Edges: p.edges}),
		})
	}
	enter := func() int {
		l, err := u.enter()
		require.NoError(t, err)
		return slices.IndexFunc(u.lanes, func(x *lane) bool { return x.Lane == l })
	}
	six := []int{enter(), enter(), enter(), enter(), enter(), enter()}
	require.ElementsMatch(t, []int{0, 1, 2, 0, 1, 2}, six)
	u.leave(u.lanes[1].Lane)
	require.Equal(t, 1, enter(), "the least loaded")
	u.leave(u.lanes[2].Lane)
	u.leave(u.lanes[2].Lane)
	u.health.set(2, partPipeline, restarting, "boom")
	require.NotEqual(t, 2, enter(), "one that works")
	u.lanes[0].Link().Fail(ring.CodeContent, errors.New("test"))
	require.Equal(t, 1, enter(), "one whose link lasts")
	u.health.set(0, partLink, failed, "ended 6 times")
	u.health.set(1, partPipeline, failed, "ended 6 times")
	require.Equal(t, 2, enter(), "one that comes back")
	u.health.set(2, partPipeline, failed, "boom")
	_, err = u.enter()
	require.EqualError(t, err, "otap/a: takes no batches any more: lane 1 of 3: ended 6 times")
	require.False(t, consumererror.IsPermanent(err))
}

// Guarantees: a link is renewed five times within a minute, each time after a longer pause of at
// most a second; a quiet minute makes it as at first.
func TestTheBudgetOfRenewals(t *testing.T) {
	var b budget
	now := time.Now()
	for _, want := range []time.Duration{10, 20, 40, 80, 160} {
		pause, more := b.next(now)
		require.Equal(t, want*time.Millisecond, pause)
		require.True(t, more)
		now = now.Add(time.Second)
	}
	_, more := b.next(now)
	require.False(t, more)
	now = now.Add(renewalWindow + time.Second)
	pause, more := b.next(now)
	require.Equal(t, firstPause, pause)
	require.True(t, more)
	for range 12 { // each within the window of the one before, never six in one
		now = now.Add(renewalWindow / 4)
		pause, more = b.next(now)
		require.True(t, more)
	}
	require.Equal(t, longestPause, pause)
}
