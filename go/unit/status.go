package unit

import (
	"errors"

	"go.opentelemetry.io/collector/component/componentstatus"

	"github.com/strait-data/strait/go/control"
)

// reportTo hands what Rust says of a unit on as the component's status: a lane that starts again, one that runs
// again, one that has given up.
func reportTo(report func(*componentstatus.Event)) func(control.Status) {
	return func(s control.Status) {
		switch s.Code {
		case control.StatusRecoverableError:
			report(componentstatus.NewRecoverableErrorEvent(errors.New(s.Message)))
		case control.StatusPermanentError:
			report(componentstatus.NewPermanentErrorEvent(errors.New(s.Message)))
		case control.StatusFatalError:
			report(componentstatus.NewFatalErrorEvent(errors.New(s.Message)))
		case control.StatusOK:
			report(componentstatus.NewEvent(componentstatus.StatusOK))
		}
	}
}
