package unit

import (
	"errors"
	"fmt"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/ring"
	"github.com/strait-data/strait/go/unit/call"
)

// lane is one of a unit's, and what its renewal has to know.
type lane struct {
	*call.Lane
	index   int    // which of the unit's lanes it is
	budget  budget // of its link's renewals; only who renews it uses it
	renewed bool   // somebody renews it; under the unit's lock
}

// newLane makes the host's side of a lane. A link that is renewed has a number of its own, so that
// what is late for the one before finds nothing.
func (u *Unit) newLane(index int, epoch uint32) (*lane, error) {
	number, err := control.AllocateLink()
	if err != nil {
		return nil, err
	}
	link, err := ring.NewHost(ring.Options{
		Number: number, Session: u.session, Epoch: epoch, Geometry: u.transport.Geometry,
		Policy: u.transport.Wake.policy(), MaxWait: u.transport.MaxWait,
		Trust:   ring.VouchForPeer(), // the other side is this process
		EdgesIn: uint32(len(u.spec.Edges)), EdgesOut: uint32(len(u.spec.Edges)),
	})
	if err != nil {
		control.ReleaseLink(number)
		return nil, fmt.Errorf("link: %w", err)
	}
	l := &lane{index: index}
	l.Lane = call.NewLane(call.Options{
		Link: link, Number: number, Epoch: epoch, Peer: u.peer, Edges: u.edges, Stats: &u.stats,
		Context: u.background, Running: &u.peerCalls,
		OnEnd: func(err error) { u.linkEnded(l, err) },
	})
	if err := control.HandleLink(number, l); err != nil {
		control.ReleaseLink(number)
		return nil, errors.Join(err, link.Close())
	}
	return l, nil
}

// lanesOf are a unit's, as callers see them.
type lanesOf struct{ unit *Unit }

// Enter gives a caller a lane, and keeps the unit open until it leaves.
func (l lanesOf) Enter() (*call.Lane, error) { return l.unit.enter() }

// Leave lets go of the unit.
func (l lanesOf) Leave(lane *call.Lane) { l.unit.leave(lane) }

func (u *Unit) enter() (*call.Lane, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.state != stateRunning {
		return nil, errNotRunning
	}
	if refused := control.MemoryRefusal(); refused != nil {
		refused.Component = u.spec.ID
		return nil, refused.AsError()
	}
	l := u.choose()
	if l == nil {
		return nil, u.health.refusal(u.spec.ID)
	}
	l.Enter()
	u.inUse.Add(1)
	return l.Lane, nil
}

func (u *Unit) leave(l *call.Lane) {
	l.Leave()
	u.inUse.Done()
}

// choose gives the lane with the fewest callers among those that work, and of equals the next in
// turn. Where none works it is one that is being made anew: what is sent there waits, or is told
// why not. nil: all have failed.
func (u *Unit) choose() (best *lane) {
	n := uint64(len(u.lanes))
	first := u.next.Add(1)
	state, fewest := failed, int64(0)
	for i := range n {
		l := u.lanes[(first+i)%n]
		is, callers := u.health.of(l.index), l.Callers()
		if is == working && l.Link().Err() != nil {
			is = restarting // nobody has said so yet
		}
		if is < state || is == state && best != nil && callers < fewest {
			best, state, fewest = l, is, callers
		}
		if state == working && fewest == 0 {
			break // none has fewer
		}
	}
	return best
}
