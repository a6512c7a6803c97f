package fuse

import (
	"fmt"

	"go.opentelemetry.io/collector/component"

	"github.com/strait-data/strait/go/unit"
)

// standing is a component that stands aside in a pipeline where it is in another's part.
type standing struct {
	place  *Place
	kind   unit.Kind
	signal unit.Signal
	set    component.TelemetrySettings
	expect *unit.ComponentDescription // nil: nothing is compared

	pipeline string
	aside    *unit.Aside // nil: it does not stand aside
}

func (s *standing) name() string { return Named(s.kind, s.place.stand.ID) }

// begin has it stand aside in a pipeline.
func (s *standing) begin(in string, host component.Host) error {
	if s.expect != nil {
		if err := s.expect.Check(); err != nil {
			return err
		}
	}
	a, err := unit.StepAside(s.kind, s.place.stand.ID, s.signal, s.set, host)
	if err != nil {
		return err
	}
	s.pipeline, s.aside = in, a
	s.place.all.stepAside(in, s.name(), a)
	return nil
}

// end ends that; nothing, where it has not begun.
func (s *standing) end() {
	if s.aside != nil {
		s.place.all.stepAside(s.pipeline, s.name(), nil)
		s.aside.End()
	}
}

// unmarked is the error of a batch that comes where none can.
func (s *standing) unmarked() error {
	return fmt.Errorf("%s is in the part of another component in pipeline %s, and a batch came "+
		"that had not been there: report this as a fault of Strait, and set `fuse: false` under "+
		"its `runtime: rust:` meanwhile", s.place.stand.ID, s.pipeline)
}
