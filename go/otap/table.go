package otap

import (
	"slices"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/strait-data/strait/go/record"
)

// table measures and writes one table whose rows are staged column by column, by the description of
// its columns: a column of fixed width as it will be written, text as codes of a dictionary, a
// value of any type in values. What is the same in all rows of a scope is staged once per run.
type table struct {
	schema *payloadSchema
	text   *text
	rows   int
	runs   []run

	columns   []stagedColumn // by number
	encodings []encoding     // by number, as decided
	value     values         // of the column whose role it is
	valueAt   int            // its number; -1: none
	rowTexts  []int          // the text columns with a value per row
	shared    [sharedCount]int
	want      uint64 // columns that may be sent, a bit each
	force     uint64 // columns that are sent even when all values are the default
	published *record.Schema
}

// stagedColumn is what was taken in of a column, and where it goes.
type stagedColumn struct {
	column
	set    int      // rows whose value is not the default
	words  []uint64 // values of fixed width, by row
	text   *textColumn
	shared int // its place in run.values; -1: it has a value per row
}

// textColumn is a text column. Code 0 is the empty string, and null.
type textColumn struct {
	dict  textDict
	codes []uint16 // by row; of shared columns, the runs have them
	empty int
	bytes int // of all rows, for plain
}

// run is a range of items of one scope, with what they share.
type run struct {
	resource, scope int // in the pdata
	newResource     bool
	first, n        int // items
	row             int // of the first item
	values          [sharedCount]uint32
}

// newTable returns the table of a payload type whose rows are items.
func newTable(payload uint16) *table {
	schema := schemaOf(payload)
	t := &table{
		schema: schema, valueAt: -1, shared: sharedColumns(schema),
		columns:   make([]stagedColumn, len(schema.columns)),
		encodings: make([]encoding, len(schema.columns)),
	}
	for i := range schema.columns {
		c := &schema.columns[i]
		t.columns[i].shared = slices.Index(t.shared[:], i)
		switch {
		case c.role == roleValue:
			if c.typ == columnStruct {
				t.valueAt = i
			}
		case c.typ == columnUtf8:
			t.columns[i].text = new(textColumn)
			if c.role == roleRow {
				t.rowTexts = append(t.rowTexts, i)
			}
		}
	}
	return t
}

func (t *table) reset(x *text) {
	t.rows, t.runs, t.text, t.published = 0, t.runs[:0], x, nil
	for i := range t.columns {
		c := &t.columns[i]
		c.set, c.words = 0, c.words[:0]
		if c.text != nil {
			c.text.reset()
		}
	}
	t.value.reset(x)
}

func (c *textColumn) reset() {
	c.dict.reset()
	c.dict.add("", "")
	c.codes, c.empty, c.bytes = c.codes[:0], 0, 0
}

// take takes in the text of n rows.
func (c *textColumn) take(s string, n int, t *text) (uint16, error) {
	if s == "" {
		c.empty += n
		return 0, nil
	}
	code, err := c.dict.code(s, t)
	c.bytes += n * len(s)
	if t.repair && err == nil {
		c.bytes += n * (len(c.dict.out[code]) - len(s))
	}
	return code, err
}

func (t *table) wants(col int) bool { return t.want&(1<<col) != 0 }

// begin makes room for the texts and values of the run's rows, which follow.
func (t *table) begin(r *run) {
	t.runs = append(t.runs, *r)
	for _, col := range t.rowTexts {
		if t.wants(col) {
			c := t.columns[col].text
			c.codes = extend(c.codes, r.n)
		}
	}
	if t.valueAt >= 0 && t.wants(t.valueAt) {
		t.value.grow(r.n)
	}
}

// fixedWidth are the types of values of fixed width.
type fixedWidth interface {
	uint8 | uint16 | uint32 | uint64 | int32 | int64 | float64 | [8]byte | [16]byte
}

// staging is where the values of some rows of a column go; nowhere, if it is not sent.
type staging[T fixedWidth] struct {
	column *stagedColumn
	values []T
}

// stage makes room for the values of n rows, of which row is the first.
func stage[T fixedWidth](t *table, col, row, n int) staging[T] {
	c := &t.columns[col]
	if !t.wants(col) {
		return staging[T]{column: c}
	}
	var z T
	words := ((row+n)*int(unsafe.Sizeof(z)) + 7) / 8
	c.words = extend(c.words, words-len(c.words))
	// SAFETY: the words hold row+n values, and are aligned for T, which needs 8 at most. The slice
	// keeps them alive.
	all := unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(c.words))), row+n)
	return staging[T]{c, all[row:]}
}

// take takes in what get gives, and counts what is not the default. A column is taken in one after
// the other, and this loop is inlined: of a few instructions, it lets the processor wait for
// several items at once.
func take[T fixedWidth](to staging[T], get func(int) T) {
	var none T
	set := 0
	for i := range to.values {
		x := get(i)
		to.values[i] = x
		if x != none {
			set++
		}
	}
	to.column.set += set
}

// texts returns a text column that has a value per row; nil: it is not sent.
func (t *table) texts(col int) *textColumn {
	if !t.wants(col) {
		return nil
	}
	return t.columns[col].text
}

// values returns the column that has a value of any type in each row; nil: it is not sent.
func (t *table) values() *values {
	if !t.wants(t.valueAt) {
		return nil
	}
	return &t.value
}

// put takes in the text of one row.
func (c *textColumn) put(row int, s string, t *text) (err error) {
	c.codes[row], err = c.take(s, 1, t)
	return err
}

// guessed takes in the text of one row if it has this code; a guess is cheaper than a search.
func (c *textColumn) guessed(row int, s string, code uint16) bool {
	if int(code) >= len(c.dict.raw) || c.dict.raw[code] != s || s == "" {
		return false
	}
	c.bytes += len(c.dict.out[code])
	c.codes[row] = code
	return true
}

// shareText takes in a text that the run's rows share.
func (t *table) shareText(r *run, shared int, s string) error {
	col := t.shared[shared]
	if !t.wants(col) {
		return nil
	}
	code, err := t.columns[col].text.take(s, r.n, t.text)
	r.values[shared] = uint32(code)
	return err
}

// shareNumber takes in a number that the run's rows share.
func (t *table) shareNumber(r *run, shared int, x uint32) {
	r.values[shared] = x
	if x != 0 {
		t.columns[t.shared[shared]].set++
	}
}

// decide chooses columns and encodings; superset: all of them, plain (S-8).
func (t *table) decide(superset bool) record.Key {
	for i := len(t.columns) - 1; i >= 0; i-- { // a struct after what is within it
		s, c := &t.schema.columns[i], &t.columns[i]
		c.enc, c.nulls = absent, 0
		switch {
		case s.role == roleValue:
			if i == t.valueAt {
				t.decideValue(superset)
			}
		case s.typ == columnStruct:
			if superset || t.force&(1<<i) != 0 || t.anyOf(i+1, s.nested) {
				c.enc = plain
			}
		case c.text != nil:
			t.decideText(i, superset)
		case superset, t.force&(1<<i) != 0, t.wants(i) && c.set > 0:
			c.enc = plain
			if s.typ == columnFixedSizeBinary && !s.required {
				c.nulls = t.rows - c.set
			}
		}
	}
	for i := range t.columns {
		t.encodings[i] = t.columns[i].enc
	}
	return record.Key{Payload: t.schema.number, Columns: schemaKey(t.encodings)}
}

// anyOf says whether one of n columns is present.
func (t *table) anyOf(first, n int) bool {
	for _, c := range t.columns[first : first+n] {
		if c.enc != absent {
			return true
		}
	}
	return false
}

func (t *table) decideText(col int, superset bool) {
	c := &t.columns[col]
	empty := t.rows
	if t.wants(col) { // else, in a superset, all are
		empty = c.text.empty
	}
	if !t.schema.columns[col].required {
		c.nulls = empty
	}
	switch {
	case superset:
		c.enc = plain
	case t.wants(col) && (empty < t.rows || t.force&(1<<col) != 0):
		c.enc = textEncoding(&c.text.dict)
	}
}

// decideValue decides the columns of the value, type first.
func (t *table) decideValue(superset bool) {
	v, at := &t.value, t.valueAt
	if superset && len(v.types) < t.rows { // not measured: all empty
		v.grow(t.rows)
		for i := range t.rows {
			v.putType(i, typeEmpty)
		}
	}
	v.decide(superset)
	set := len(v.types) - v.kinds[typeEmpty]
	if !superset && t.force&(1<<at) == 0 && (!t.wants(at) || set == 0) {
		return // those within are absent, too: decide has seen them before
	}
	t.columns[at].enc, t.columns[at+1].enc = plain, plain
	for i := range v.cols {
		t.columns[at+2+i].enc = v.cols[i].enc
	}
}

// arrowSchema returns the schema of the table as it was decided.
func (t *table) arrowSchema() (*arrow.Schema, error) {
	return arrow.NewSchema(arrowFields(t.schema.columns, t.encodings), nil), nil
}

// plan announces the dictionaries and the record batch, in the order of the columns.
func (t *table) plan(p *record.Plan) {
	id := 0
	for i := range t.columns {
		if c := &t.columns[i]; c.enc == dict8 || c.enc == dict16 {
			c.planDict(p, t.published, id, &c.text.dict)
			id++
		}
	}
	p.Message(t.published, -1, t.rows)
	for i := 0; i < len(t.columns); i++ {
		s, c := &t.schema.columns[i], &t.columns[i]
		switch {
		case c.enc == absent:
		case s.typ == columnStruct: // it has no nulls
			p.Node(t.rows, 0)
			p.Buffer(0)
			if s.role == roleValue {
				t.value.plan(p)
				i += s.nested
			}
		case c.enc != plain:
			// planDict kept the dictionary's buffers in second; planFixed leaves it alone.
			c.planFixed(p, t.rows, c.enc.width())
		case c.text != nil:
			c.planVariable(p, t.rows, c.text.bytes)
		default:
			c.planFixed(p, t.rows, s.bytes())
		}
	}
}
