package otap

import "fmt"

// Paths name the place of a value as OTLP's JSON does.

func (b *Batch[D]) resourcePath(resource int) string {
	return fmt.Sprintf("%s[%d]", b.enc.signal.resources, resource)
}

func (b *Batch[D]) scopePath(resource, scope int) string {
	return fmt.Sprintf("%s.%s[%d]", b.resourcePath(resource), b.enc.signal.scopes, scope)
}

func (b *Batch[D]) itemPath(x *run, item int) string {
	return fmt.Sprintf("%s.%s[%d]", b.scopePath(x.resource, x.scope), b.enc.signal.items, item)
}

// fail wraps an error with the place of the value; item is -1 for what a run's items share.
func (b *Batch[D]) fail(x *run, item int, where, key string, err error) error {
	p := b.scopePath(x.resource, x.scope)
	if item >= 0 {
		p = b.itemPath(x, item)
	}
	p += "." + where
	if where == "attributes" || where == "scope.attributes" {
		p += "[" + quoted(key) + "]"
	}
	return &PathError{p, err}
}

// check finds text that is not UTF-8 (S-13).
func (b *Batch[D]) check() error {
	for _, a := range b.tables.attributes() {
		if row := a.values.badText(); row >= 0 {
			return b.locate(a, row, ErrText)
		}
	}
	root := b.tables.root
	if row := root.value.badText(); row >= 0 {
		return &PathError{b.path(row) + "." + root.schema.columns[root.valueAt].path, ErrText}
	}
	return nil
}

// path returns the place of the item that a row holds.
func (b *Batch[D]) path(row int) string {
	for i := range b.tables.root.runs {
		if x := &b.tables.root.runs[i]; row < x.row+x.n {
			return b.itemPath(x, x.first+row-x.row)
		}
	}
	return b.tables.root.schema.name
}

// locate wraps an error of an attributes table with the place of the row.
func (b *Batch[D]) locate(a *attrs, row int, err error) error {
	id := a.ownerOf(row)
	where := b.tables.root.schema.name
	if a == &b.tables.ofItems {
		where = b.path(int(id)) + ".attributes"
	}
	for i := range b.tables.root.runs {
		x := &b.tables.root.runs[i]
		switch {
		case a == &b.tables.ofResources && x.values[sharedResourceID] == id:
			where = b.resourcePath(x.resource) + ".resource.attributes"
		case a == &b.tables.ofScopes && x.values[sharedScopeID] == id:
			where = b.scopePath(x.resource, x.scope) + ".scope.attributes"
		}
	}
	return &PathError{where + "[" + quoted(a.text(row)) + "]", err}
}
