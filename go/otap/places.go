package otap

import "fmt"

// fail wraps an error with the place of the value.
func (b *LogsBatch) fail(x run, record int, where, key string, err error) error {
	p := fmt.Sprintf("resource_logs[%d]", x.resource)
	if where == resourceURL {
		return &PathError{p + ".schema_url", err}
	}
	p += fmt.Sprintf(".scope_logs[%d]", x.scope)
	if record >= 0 {
		p += fmt.Sprintf(".log_records[%d]", record)
	}
	p += "." + where
	if where == "attributes" || where == "scope.attributes" {
		p += "[" + quoted(key) + "]"
	}
	return &PathError{p, err}
}

// check finds text that is not UTF-8 (S-13).
func (b *LogsBatch) check() error {
	for _, a := range b.tables() {
		if row := a.values.badText(); row >= 0 {
			return b.locate(a, row, ErrText)
		}
	}
	if row := b.logs.body.badText(); row >= 0 {
		return &PathError{b.path(row) + ".body", ErrText}
	}
	return nil
}

// path returns the place of the record that a row of the Logs table holds.
func (b *LogsBatch) path(row int) string {
	for _, x := range b.logs.runs {
		if row < x.row+x.n {
			return fmt.Sprintf(
				"resource_logs[%d].scope_logs[%d].log_records[%d]", x.resource, x.scope,
				x.first+row-x.row,
			)
		}
	}
	return "logs"
}

// locate wraps an error of an attributes table with the place of the row.
func (b *LogsBatch) locate(a *attrs, row int, err error) error {
	id := a.owners[row]
	where := "logs"
	switch a {
	case &b.logAttrs:
		where = b.path(int(id)) + ".attributes"
	default:
		for _, x := range b.logs.runs {
			if a == &b.resAttrs && x.resourceID == id {
				where = fmt.Sprintf("resource_logs[%d].resource.attributes", x.resource)
			}
			if a == &b.scoAttrs && x.scopeID == id {
				where = fmt.Sprintf(
					"resource_logs[%d].scope_logs[%d].scope.attributes", x.resource, x.scope,
				)
			}
		}
	}
	return &PathError{where + "[" + quoted(a.text(row)) + "]", err}
}
