package otap

import (
	"github.com/apache/arrow-go/v18/arrow"

	"github.com/strait-data/strait/go/record"
)

// tableReader reads one table, by the description of its columns. What it opened it has checked.
type tableReader struct {
	schema  *payloadSchema
	rows    int
	columns []strs // by number; of columns that are no text, the cells
	// The columns that must be there: within a struct, where that is.
	required []requiredColumn
}

// requiredColumn is a column and the struct around it; -1: none.
type requiredColumn struct{ column, around int }

func newTableReader(payload uint16) tableReader {
	schema := schemaOf(payload)
	r := tableReader{schema: schema, columns: make([]strs, len(schema.columns))}
	for n := range schema.columns {
		if !schema.columns[n].required {
			continue
		}
		around := n - 1
		for around >= 0 && r.behind(around) <= n {
			around--
		}
		r.required = append(r.required, requiredColumn{n, around})
	}
	return r
}

// what is what errors call the table.
func (r *tableReader) what() string { return "table " + r.schema.name }

// open checks the columns' types and registers their text. Columns that are not known are an error:
// they would be lost.
func (r *tableReader) open(t *record.Table, a *arena) error {
	clear(r.columns)
	r.rows = t.Rows
	if err := r.fields(siblings{0, len(r.columns), 0}, t.Columns, a); err != nil {
		return err
	}
	for _, x := range r.required {
		there := x.around < 0 || r.columns[x.around].col != nil
		if there && r.columns[x.column].col == nil {
			path := r.schema.columns[x.column].path
			return record.ValueErrorf("S-10", "column "+path, "is missing")
		}
	}
	return nil
}

// siblings are the columns of a table or of a struct.
type siblings struct {
	first, end int // their numbers, those of what is within them among these
	around     int // bytes of their paths that are not their names
}

// fields opens the columns of the table, or of a struct.
func (r *tableReader) fields(of siblings, found []record.Column, a *arena) error {
	next := of.first
	for i := range found {
		c := &found[i]
		n := r.find(c.Name, of, next)
		if n < 0 {
			path := r.schema.columns[of.first].path[:of.around] + c.Name
			return record.ValueErrorf("S-10", "column "+path, "is not one of this table")
		}
		if err := r.column(n, c, a); err != nil {
			return err
		}
		next = r.behind(n)
	}
	return nil
}

// behind is the number behind a column and what is within it.
func (r *tableReader) behind(n int) int { return n + 1 + r.schema.columns[n].nested }

// find returns the number of the column with this name, or -1. Columns mostly come in the order of
// their numbers, so the search begins at next.
func (r *tableReader) find(name string, of siblings, next int) int {
	for n := next; n < of.end; n = r.behind(n) {
		if r.schema.columns[n].path[of.around:] == name {
			return n
		}
	}
	for n := of.first; n < next; n = r.behind(n) {
		if r.schema.columns[n].path[of.around:] == name {
			return n
		}
	}
	return -1
}

// column opens one column.
func (r *tableReader) column(n int, c *record.Column, a *arena) error {
	s, dst := &r.schema.columns[n], &r.columns[n]
	if dst.col != nil {
		return record.ValueErrorf("S-10", "column "+s.path, "is there twice")
	}
	dst.cells = newCells(c)
	if !s.accepts(dst.values, c) {
		return record.ValueErrorf(
			"S-10", "column "+s.path, "values of type %s, expected %s", c.Type, s.typeName(),
		)
	}
	if s.isID() {
		// With another encoding its numbers are differences.
		if v, _ := c.Metadata.GetValue("encoding"); v != "plain" {
			return record.ValueErrorf(
				"S-10", "column "+s.path, "encoding is %q, expected \"plain\"", v,
			)
		}
	}
	switch s.typ {
	case columnUtf8, columnBinary:
		a.add(dst)
	case columnStruct:
		if c.Validity != nil { // a row that is null in the struct is null in what is within it
			for i := range c.Children {
				k := &c.Children[i]
				k.Validity, k.Nulls = both(c.Validity, k.Validity, c.Len), c.Len
			}
		}
		return r.fields(siblings{n + 1, r.behind(n), len(s.path) + 1}, c.Children, a)
	}
	return nil
}

// accepts says whether a column, whose values may be those of a dictionary, has the right type.
func (s *columnSchema) accepts(values, c *record.Column) bool {
	if values.Type.ID() != arrowIDs[s.typ] {
		return false
	}
	switch s.typ {
	case columnFixedSizeBinary:
		return values.Type.(*arrow.FixedSizeBinaryType).ByteWidth == s.size
	case columnTimestampNanosecond:
		return values.Type.(*arrow.TimestampType).Unit == arrow.Nanosecond
	case columnDurationNanosecond:
		return values.Type.(*arrow.DurationType).Unit == arrow.Nanosecond
	case columnBoolean: // its bits cannot be found behind keys
		return c.Dictionary == nil
	}
	return true
}

// both returns the rows that are valid in both bitmaps; b may be nil.
func both(a, b []byte, rows int) []byte {
	out := make([]byte, (rows+7)/8)
	copy(out, a)
	if b != nil {
		for i := range out {
			out[i] &= b[i]
		}
	}
	return out
}
