// Package sinks joins what a Rust component logs, reports, measures and traces to the Collector's
// own: the component's logger, with its level, name and sampling, its status, and its metrics and
// spans.
package sinks

import (
	"errors"
	"sync"

	"go.opentelemetry.io/collector/component/componentstatus"

	"github.com/strait-data/strait/go/control"
)

// Statuses hands what Rust says of a handle to the Collector, in order. The Collector says by
// itself that a component starts, stops and has stopped.
//
// A fatal status is the last, and waits until the Collector runs: it takes one only then, and what
// reports one before that blocks everybody who reports.
type Statuses struct {
	report  func(*componentstatus.Event)
	release func()

	mu    sync.Mutex
	runs  bool
	fatal *componentstatus.Event
}

// Status starts to hand statuses on.
func Status(handle uint64, report func(*componentstatus.Event)) *Statuses {
	s := &Statuses{report: report}
	s.release = control.HandleStatus(handle, s.take)
	return s
}

func (s *Statuses) take(status control.Status) {
	event := eventOf(status)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case event == nil || s.fatal != nil:
	case status.Code != control.StatusFatalError:
		s.report(event)
	default:
		s.fatal = event
		s.tellFatal()
	}
}

// tellFatal has a goroutine of its own, because the Collector takes the event when it comes to it.
func (s *Statuses) tellFatal() {
	if s.runs && s.fatal != nil {
		go s.report(s.fatal)
	}
}

// CollectorRuns says that the Collector has started: its extensions hear that from Ready.
func (s *Statuses) CollectorRuns() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.runs {
		s.runs = true
		s.tellFatal()
	}
}

// Fatal is the fatal status that waits or was told; nil: there was none.
func (s *Statuses) Fatal() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fatal == nil {
		return nil
	}
	return s.fatal.Err()
}

// Release ends it.
func (s *Statuses) Release() { s.release() }

func eventOf(s control.Status) *componentstatus.Event {
	switch s.Code {
	case control.StatusRecoverableError:
		return componentstatus.NewRecoverableErrorEvent(errors.New(s.Message))
	case control.StatusPermanentError:
		return componentstatus.NewPermanentErrorEvent(errors.New(s.Message))
	case control.StatusFatalError:
		return componentstatus.NewFatalErrorEvent(errors.New(s.Message))
	case control.StatusOK:
		return componentstatus.NewEvent(componentstatus.StatusOK)
	default:
		return nil
	}
}
