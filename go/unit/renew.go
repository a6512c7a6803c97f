package unit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/ring"
)

// Renewal of links. A broken rule of the ring ends a link, because neither side can trust its
// memory any more; the calls on it have ended as retryable. The host then makes new memory, with
// the next epoch, and Rust a new lane on it: a few times, with a pause that grows. Past that budget
// the lane has failed.

const (
	// renewals within renewalWindow before a lane is given up; what Rust allows its pipelines, too.
	renewals      = 5
	renewalWindow = time.Minute
	firstPause    = 10 * time.Millisecond
	longestPause  = time.Second
)

// budget is how often a lane's link has ended, and the pause before the next one.
type budget struct {
	ends  []time.Time
	pause time.Duration
}

// next counts one more end and gives the pause before the link is renewed; false: it is not any
// more.
func (b *budget) next(now time.Time) (time.Duration, bool) {
	if n := len(b.ends); n == 0 || now.Sub(b.ends[n-1]) > renewalWindow {
		b.pause = firstPause
	}
	old := func(at time.Time) bool { return now.Sub(at) > renewalWindow }
	b.ends = slices.DeleteFunc(b.ends, old)
	b.ends = append(b.ends, now)
	pause := b.pause
	b.pause = min(2*b.pause, longestPause)
	return pause, len(b.ends) <= renewals
}

// linkEnded is told once of each lane whose link did not end in order. It does not wait.
func (u *Unit) linkEnded(l *lane, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	theirs := u.state != stateRunning || u.lanes[l.index] != l
	if theirs || l.renewed || u.health.of(l.index) == failed {
		return // Start and Shutdown look after it, or somebody does, or nothing can be done
	}
	l.renewed = true
	u.renewing.Go(func() { u.renew(l, err) })
}

// renew makes a lane anew until it works, the budget is spent, or the unit shuts down.
func (u *Unit) renew(old *lane, cause error) {
	u.health.set(old.index, partLink, restarting, "the link is renewed: "+cause.Error())
	<-old.Done() // its link has ended
	if err := old.Link().Close(); err != nil {
		cause = errors.Join(cause, err)
	}
	for {
		pause, more := old.budget.next(time.Now())
		if !more {
			u.health.set(old.index, partLink, failed, fmt.Sprintf(
				"the link ended %d times within a minute, last: %v", len(old.budget.ends), cause))
			return
		}
		select {
		case <-time.After(pause):
		case <-u.stopRenewing.Done():
			return
		}
		err := u.replace(old)
		if err == nil || u.stopRenewing.Err() != nil {
			return
		}
		cause = err
	}
}

// replace puts a new lane in the place of one whose link has ended. On an error nothing has
// changed.
func (u *Unit) replace(old *lane) error {
	l, err := u.newLane(old.index, old.Epoch()+1)
	if err != nil {
		return err
	}
	l.budget = old.budget
	err = u.join(u.stopRenewing, &old.index, l)
	if err == nil {
		u.health.renewed(l.index) // before it takes batches, and may end again
		err = u.put(l, old)
	}
	if err != nil {
		l.Fail(ring.ErrClosed)
		err = errors.Join(err, l.Link().Close())
		<-l.Done()
		control.ReleaseLink(l.Number())
		return err
	}
	if err := l.Ended(); err != nil { // before it was in its place
		u.linkEnded(l, err)
	}
	return nil
}

func (u *Unit) put(l, old *lane) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.state != stateRunning {
		return errNotRunning
	}
	control.ReleaseLink(old.Number()) // Rust has ended the old lane
	u.retired[l.index] = add(u.retired[l.index], old.Link().Stats())
	u.lanes = slices.Clone(u.lanes) // who reads them has the slice of its time
	u.lanes[l.index] = l
	return nil
}

// join starts lanes in Rust, all of a unit or the one to replace, and lets them read.
func (u *Unit) join(ctx context.Context, replace *int, lanes ...*lane) error {
	request := startRequest{
		Policy: u.transport.Wake, MaxWaitNS: u.transport.MaxWait.Nanoseconds(),
		Edges: []edgeWish{}, Lane: replace,
	}
	for _, e := range u.spec.towards(Out) {
		request.Edges = append(request.Edges, edgeWish{e.Number, creditOf(&u.spec, &u.transport)})
	}
	for _, l := range lanes {
		request.Links = append(request.Links, linkOffer{
			l.Link().Offer(), u.statusOf[l.index], u.saidBy[l.index],
		})
	}
	reply, err := operate[startReply](ctx, u.peer, control.Start, u.handle, request)
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	if len(reply.Links) != len(lanes) {
		return fmt.Errorf("start: %d links were answered, expected %d",
			len(reply.Links), len(lanes))
	}
	credit, err := reply.creditOf(request.Edges)
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	for i, l := range lanes {
		if err := l.Link().Accept(reply.Links[i]); err != nil {
			return fmt.Errorf("start: link %d: %w", l.Number(), err)
		}
		l.Read(u.background, credit)
	}
	return nil
}

// endRenewals returns when no link is renewed any more, or when a shutdown under ctx has no time
// left; the unit is not running then, so that a lane that comes later finds no place.
func (u *Unit) endRenewals(ctx context.Context) {
	ctx, cancel := closing(ctx)
	defer cancel()
	u.cancelRenewing()
	endsWithin(ctx, u.renewing.Wait)
}

// startRequest is what Rust needs to start lanes.
type startRequest struct {
	Links     []linkOffer `json:"links"`
	Policy    Wake        `json:"policy"`
	MaxWaitNS int64       `json:"max_wait_ns"`
	// Edges are what this side can take over edges out.
	Edges []edgeWish `json:"edges"`
	// Lane is the one that the only link replaces; nil: all lanes are started.
	Lane *int `json:"lane,omitempty"`
}

// edgeWish is how many batches of no call a lane may have unanswered over all edges, said of each.
type edgeWish struct {
	Number uint16 `json:"number"`
	Credit int    `json:"credit"`
}

// linkOffer is one link, and the handles by which Rust says how its lane is, and each member on it.
type linkOffer struct {
	ring.Offer
	Status uint64   `json:"status"`
	Said   []uint64 `json:"said"`
}

type startReply struct {
	Links []ring.Answer `json:"links"`
	Report
}

// creditOf is the credit that holds of all edges out together: what was wished at most; 0 where no
// edge leads out.
func (r *startReply) creditOf(wishes []edgeWish) (credit int, err error) {
	for _, wish := range wishes {
		credit = r.numbered(wish.Number).Credit
		if credit < 1 || credit > wish.Credit {
			return 0, fmt.Errorf("edge %d: the credit is %d, expected 1 to %d",
				wish.Number, credit, wish.Credit)
		}
	}
	return credit, nil
}

// add sums what counts; what says how things are now is b's.
func add(a, b ring.Stats) ring.Stats {
	for i := range b.Own {
		if i == ring.CounterBlocksInUse || i == ring.CounterBlocksInUseMax {
			continue
		}
		b.Own[i] += a.Own[i]
		b.Peer[i] += a.Peer[i]
	}
	return b
}
