package otap

import "go.opentelemetry.io/collector/pdata/plog"

// Rest returns a copy of what begins at the cursor: the part that was not delivered, for an error that
// lets the caller retry only that. Scopes and resources without records are left out.
func Rest(ld plog.Logs, from Cursor) plog.Logs {
	out := plog.NewLogs()
	rls := ld.ResourceLogs()
	for r := from.Resource; r < rls.Len(); r++ {
		rl, s := rls.At(r), 0
		if r == from.Resource {
			s = from.Scope
		}
		var to plog.ResourceLogs
		empty := true
		for ; s < rl.ScopeLogs().Len(); s++ {
			sl, i := rl.ScopeLogs().At(s), 0
			if r == from.Resource && s == from.Scope {
				i = from.Record
			}
			if i >= sl.LogRecords().Len() {
				continue
			}
			if empty {
				to, empty = out.ResourceLogs().AppendEmpty(), false
				rl.Resource().CopyTo(to.Resource())
				to.SetSchemaUrl(rl.SchemaUrl())
			}
			scope := to.ScopeLogs().AppendEmpty()
			sl.Scope().CopyTo(scope.Scope())
			scope.SetSchemaUrl(sl.SchemaUrl())
			for ; i < sl.LogRecords().Len(); i++ {
				sl.LogRecords().At(i).CopyTo(scope.LogRecords().AppendEmpty())
			}
		}
	}
	return out
}
