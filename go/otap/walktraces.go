package otap

import (
	"fmt"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Traces judges every span.
func (w *Walk) Traces(td ptrace.Traces) {
	for r, rs := range td.ResourceSpans().All() {
		at := func() string { return fmt.Sprintf("resource_spans[%d]", r) }
		if rs.ScopeSpans().Len() == 0 {
			w.container(at)
			continue
		}
		w.enter(at, func() {
			w.references(rs.Resource())
			w.text("schema_url", rs.SchemaUrl(), rs.SetSchemaUrl)
			w.attributes("resource.attributes", rs.Resource().Attributes())
		})
		for s, ss := range rs.ScopeSpans().All() {
			w.spans(func() string { return fmt.Sprintf("%s.scope_spans[%d]", at(), s) }, ss)
		}
		w.leave()
	}
}

func (w *Walk) spans(at func() string, ss ptrace.ScopeSpans) {
	if ss.Spans().Len() == 0 {
		w.container(at)
		return
	}
	w.enter(at, func() { w.scope(ss.Scope(), ss.SchemaUrl(), ss.SetSchemaUrl) })
	defer w.leave()
	for i, span := range ss.Spans().All() {
		w.next(
			func() string { return fmt.Sprintf("%s.spans[%d]", at(), i) }, func() { w.span(span) },
		)
	}
}

func (w *Walk) span(s ptrace.Span) {
	w.text("name", s.Name(), s.SetName)
	w.text("trace_state", s.TraceState().AsRaw(), s.TraceState().FromRaw)
	w.text("status.message", s.Status().Message(), s.Status().SetMessage)
	w.attributes("attributes", s.Attributes())
	for i, e := range s.Events().All() {
		w.within(func() string { return fmt.Sprintf("events[%d]", i) }, func() {
			w.text("name", e.Name(), e.SetName)
			w.attributes("attributes", e.Attributes())
		})
	}
	for i, l := range s.Links().All() {
		w.within(func() string { return fmt.Sprintf("links[%d]", i) }, func() {
			w.text("trace_state", l.TraceState().AsRaw(), l.TraceState().FromRaw)
			w.attributes("attributes", l.Attributes())
		})
	}
}
