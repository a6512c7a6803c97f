package call

import (
	"context"
	"time"
)

// watch is how long a call is in its unit: from entering until it hands on for the last time,
// without the time of the next consumer; of a call that hands nothing on itself, until its end.
// Without a report it reads no clock.
type watch struct {
	report   func(context.Context, time.Duration)
	since    time.Time
	took     time.Duration
	handedOn bool
}

// handOn stops the time while the next consumer has it.
func (w *watch) handOn() {
	if w.report != nil {
		w.took += time.Since(w.since)
		w.handedOn = true
	}
}

func (w *watch) resume() {
	if w.report != nil {
		w.since = time.Now()
	}
}

func (w *watch) end(ctx context.Context) {
	if w.report == nil {
		return
	}
	if !w.handedOn {
		w.took = time.Since(w.since)
	}
	w.report(ctx, w.took)
}
