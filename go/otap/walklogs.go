package otap

import (
	"fmt"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// ReadsContainers says whether a unit looks at resources or scopes: nil reads everything.
func (pr *Projection) ReadsContainers() bool {
	return pr == nil || pr.want&(1<<logsResourceID|1<<logsScopeID) != 0
}

func (pr *Projection) wants(col int) bool { return pr == nil || pr.want&(1<<col) != 0 }

// Logs judges every log record.
func (w *Walk) Logs(ld plog.Logs) {
	for r, rl := range ld.ResourceLogs().All() {
		at := func() string { return fmt.Sprintf("resource_logs[%d]", r) }
		if rl.ScopeLogs().Len() == 0 {
			w.container(at)
			continue
		}
		w.enter(at, func() { w.logResource(rl) })
		for s, sl := range rl.ScopeLogs().All() {
			w.logScope(func() string { return fmt.Sprintf("%s.scope_logs[%d]", at(), s) }, sl)
		}
		w.leave()
	}
}

// logResource checks what belongs to all records of a resource; one without records is none of
// theirs.
func (w *Walk) logResource(rl plog.ResourceLogs) {
	records := 0
	for _, sl := range rl.ScopeLogs().All() {
		records += sl.LogRecords().Len()
	}
	if records == 0 {
		return
	}
	w.references(rl.Resource())
	if w.plan == nil {
		w.text("schema_url", rl.SchemaUrl(), rl.SetSchemaUrl)
		w.attributes("resource.attributes", rl.Resource().Attributes())
		return
	}
	w.picked("resource.attributes", rl.Resource().Attributes(), &w.plan.ofResources)
}

func (w *Walk) logScope(at func() string, sl plog.ScopeLogs) {
	if sl.LogRecords().Len() == 0 {
		w.container(at)
		return
	}
	w.enter(at, func() {
		if w.plan == nil {
			w.scope(sl.Scope(), sl.SchemaUrl(), sl.SetSchemaUrl)
			return
		}
		w.picked("scope.attributes", sl.Scope().Attributes(), &w.plan.ofScopes)
	})
	defer w.leave()
	for i, lr := range sl.LogRecords().All() {
		w.next(
			func() string { return fmt.Sprintf("%s.log_records[%d]", at(), i) },
			func() { w.log(lr) },
		)
	}
}

// scope checks everything of a scope.
func (w *Walk) scope(s pcommon.InstrumentationScope, url string, setURL func(string)) {
	w.text("schema_url", url, setURL)
	w.text("scope.name", s.Name(), s.SetName)
	w.text("scope.version", s.Version(), s.SetVersion)
	w.attributes("scope.attributes", s.Attributes())
}

func (w *Walk) log(lr plog.LogRecord) {
	if w.plan.wants(logsSeverityText) {
		w.text("severity_text", lr.SeverityText(), lr.SetSeverityText)
	}
	if w.plan.wants(logsEventName) {
		w.text("event_name", lr.EventName(), lr.SetEventName)
	}
	if w.plan.wants(logsBody) {
		w.value("body", lr.Body(), 1)
	}
	if w.plan == nil {
		w.attributes("attributes", lr.Attributes())
		return
	}
	w.picked("attributes", lr.Attributes(), &w.plan.ofItems)
}

// picked checks the attributes that a plan names. A key that is sent and occurs twice does not fit
// a projection.
func (w *Walk) picked(where string, m pcommon.Map, p *attributesPlan) {
	if p.none() {
		return
	}
	seen := make(map[string]bool)
	for k, v := range m.All() {
		if !p.has(k) {
			continue
		}
		if seen[k] {
			w.fail(where+"["+quoted(k)+"]", ErrNotProjectable)
		}
		seen[k] = true
		w.text(where+"["+quoted(k)+"]", k, func(string) {})
		// A difference could not name the repaired key.
		if w.fidelity == BestEffort && !utf8.ValidString(k) {
			w.fail(where+"["+quoted(k)+"]", ErrNotProjectable)
		}
		if p.values {
			w.attribute(where, k, v)
		}
	}
}
