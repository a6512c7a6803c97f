package record

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"unicode/utf8"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
)

// Column is one checked array of a record batch: its buffers are parts of the slot, long enough for
// Len rows, offsets are monotone and in range, and dictionary keys are below the dictionary's
// length where the row is valid (S-14). It is valid only while the slot is leased.
type Column struct {
	Name     string
	Type     arrow.DataType
	Metadata arrow.Metadata
	Len      int
	Nulls    int
	// Validity is nil when no row is null.
	Validity []byte
	// Offsets is the offsets buffer of strings, binaries, lists and maps; else nil.
	Offsets []byte
	// Values is the buffer of values (of keys, for a dictionary column; of bits, for booleans).
	Values   []byte
	Children []Column
	// Dictionary holds the values of a dictionary column, else nil.
	Dictionary *Column
}

// Valid says whether row i is not null.
func (c *Column) Valid(i int) bool {
	return c.Validity == nil || c.Validity[i>>3]>>(i&7)&1 != 0
}

// Child returns the child with the name, or nil.
func (c *Column) Child(name string) *Column {
	for i := range c.Children {
		if c.Children[i].Name == name {
			return &c.Children[i]
		}
	}
	return nil
}

// Fixed returns a buffer of fixed-width values as a slice of n values of T.
func Fixed[T uint8 | uint16 | uint32 | uint64 | int8 | int16 | int32 | int64 | float64](
	b []byte,
	n int,
) []T {
	var z T
	if n == 0 {
		return nil
	}
	if n < 0 || n > len(b)/int(unsafe.Sizeof(z)) {
		panic(fmt.Sprintf("record: %d values of %d bytes in a buffer of %d", n, unsafe.Sizeof(z), len(b)))
	}
	// SAFETY: the buffer has n values (checked above; the product cannot wrap), and is aligned for
	// T, which has 8 bytes at most: it begins at a multiple of 64 in its slot (S-4; Plan.Buffer and
	// message.parse see to it), and the slot at a multiple of 8, which Begin and Load check. The
	// slice keeps b's memory alive.
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), n)
}

// Table is one record batch of a batch, checked.
type Table struct {
	Payload uint16
	Schema  *Schema
	Rows    int
	Columns []Column
}

// Column returns the root column with the name, or nil.
func (t *Table) Column(name string) *Column {
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return &t.Columns[i]
		}
	}
	return nil
}

// dictKey names a dictionary within a batch.
type dictKey struct {
	schema uint32
	id     uint64
}

// Loader turns the records of batches into checked tables. It may be reused, not shared. It reads a
// slot in place: one that its writer may still write has to be copied before (S-14), which is the
// ring's.
type Loader struct {
	// Trusted says that the slots' writer is vouched for, or that the caller checks the text that
	// it reads: then text is not checked here (S-13).
	Trusted bool

	msg    message
	budget slotBudget
	dicts  map[dictKey]*Column
	schema uint32
	next   int // dictionary id of the next dictionary column

	node, buffer int
	body         []byte
}

// Load checks every record of the batch and returns its record batches. The schema of an id is
// looked up in schemas; a schema carried in the batch (S-9) has id 0.
func (l *Loader) Load(b *Batch, schemas *Schemas) ([]Table, error) {
	// The address is only looked at. Memory that is not aligned cannot be read as columns.
	if a := uintptr(unsafe.Pointer(unsafe.SliceData(b.slot))); a%8 != 0 {
		return nil, fmt.Errorf("slot at %#x is not aligned", a)
	}
	if l.dicts == nil {
		l.dicts = make(map[dictKey]*Column)
	}
	clear(l.dicts)
	l.budget = newSlotBudget(len(b.slot))
	defer func() { // what the caller does not hold is not kept
		clear(l.dicts)
		l.body = nil
	}()
	var own *Schema
	var out []Table
	for i := range b.Entries {
		e := &b.Entries[i]
		meta, body := b.message(e)
		var s *Schema
		switch {
		case e.Kind == KindSchema:
			if e.SchemaID != 0 || e.BodyLen != 0 || own != nil || b.Encoding != EncodingArrow {
				return nil, ContentErrorf(
					"S-9",
					fmt.Sprintf("record %d", i),
					"a schema with id %d, body %d: one with id 0 in a batch of plain Arrow is allowed",
					e.SchemaID,
					e.BodyLen,
				)
			}
			var err error
			if own, _, err = receivedSchema(0, e.Payload, meta); err != nil {
				return nil, err
			}
			continue
		case e.SchemaID == 0:
			s = own
		default:
			s = schemas.Lookup(e.SchemaID)
		}
		if s == nil || s.Payload != e.Payload {
			return nil, ContentErrorf(
				"S-7",
				fmt.Sprintf("record %d", i),
				"schema_id %d of payload %d has not been published",
				e.SchemaID,
				e.Payload,
			)
		}
		t, err := l.record(e, s, meta, body)
		if err != nil {
			return nil, fmt.Errorf("record %d (payload %d, schema %d): %w", i, e.Payload, e.SchemaID, err)
		}
		if t != nil {
			out = append(out, *t)
		}
	}
	return out, nil
}

// record checks one dictionary or record batch; a dictionary is kept and gives no table.
func (l *Loader) record(e *Entry, s *Schema, meta, body []byte) (*Table, error) {
	if err := l.msg.parse(meta, len(body)); err != nil {
		return nil, err
	}
	if l.msg.kind != e.Kind || l.msg.rows != int64(e.Rows) || uint64(l.msg.dictID) != e.DictionaryID {
		return nil, ContentErrorf(
			"S-14",
			"message",
			"kind %d, %d rows, dictionary %d; the record table says %d, %d, %d",
			l.msg.kind,
			l.msg.rows,
			l.msg.dictID,
			e.Kind,
			e.Rows,
			e.DictionaryID,
		)
	}
	l.node, l.buffer, l.next, l.body, l.schema = 0, 0, 0, body, e.SchemaID
	if e.Kind == KindDictionary {
		if e.DictionaryID >= uint64(len(s.dicts)) {
			return nil, ContentErrorf("S-5", "dictionary_id", "%d, the schema has %d dictionaries",
				e.DictionaryID, len(s.dicts))
		}
		c := new(Column)
		if err := l.column(c, s.dicts[e.DictionaryID]); err != nil {
			return nil, err
		}
		if c.Len != int(e.Rows) {
			return nil, ContentErrorf(
				"S-14",
				"dictionary",
				"array of %d in a batch of %d rows",
				c.Len,
				e.Rows,
			)
		}
		l.dicts[dictKey{e.SchemaID, e.DictionaryID}] = c
		return nil, l.done()
	}
	t := &Table{
		Payload: e.Payload,
		Schema:  s,
		Rows:    int(e.Rows),
		Columns: make([]Column, s.Arrow.NumFields()),
	}
	for i := range t.Columns {
		f, c := s.Arrow.Field(i), &t.Columns[i] // Fields would copy them all
		c.Name, c.Metadata = f.Name, f.Metadata
		if err := l.column(c, f.Type); err != nil {
			return nil, fmt.Errorf("column %q: %w", f.Name, err)
		}
		if c.Len != t.Rows {
			return nil, ContentErrorf("S-14", "column "+f.Name, "%d rows in a batch of %d", c.Len, t.Rows)
		}
	}
	return t, l.done()
}

func (l *Loader) done() error {
	if l.node != len(l.msg.nodes) || l.buffer != len(l.msg.buffers) {
		return ContentErrorf(
			"S-14",
			"message",
			"%d nodes and %d buffers, the schema has %d and %d",
			len(l.msg.nodes),
			len(l.msg.buffers),
			l.node,
			l.buffer,
		)
	}
	return nil
}

// take returns the next buffer, which must have need bytes at least.
func (l *Loader) take(what string, need int64) ([]byte, error) {
	if l.buffer >= len(l.msg.buffers) {
		return nil, ContentErrorf(
			"S-14",
			"message",
			"%d buffers, the schema has more",
			len(l.msg.buffers),
		)
	}
	x := l.msg.buffers[l.buffer]
	l.buffer++
	if x.length < need {
		return nil, ContentErrorf("S-14", what, "%d bytes, at least %d are needed", x.length, need)
	}
	if err := l.budget.take(x.length); err != nil {
		return nil, err
	}
	return l.body[x.offset : x.offset+x.length : x.offset+x.length], nil
}

// column checks one array and what is nested in it.
func (l *Loader) column(c *Column, t arrow.DataType) error {
	if l.node >= len(l.msg.nodes) {
		return ContentErrorf("S-14", "message", "%d nodes, the schema has more", len(l.msg.nodes))
	}
	n := l.msg.nodes[l.node]
	l.node++
	if err := l.budget.node(); err != nil {
		return err
	}
	c.Type, c.Len, c.Nulls = t, int(n.length), int(n.nulls)
	if t.ID() == arrow.NULL {
		return nil
	}
	need := int64(0)
	if n.nulls > 0 {
		need = (n.length + 7) / 8
	}
	v, err := l.take("validity", need)
	if err != nil {
		return err
	}
	if n.nulls > 0 {
		c.Validity = v
		if got := c.Len - countBits(v, c.Len); got != c.Nulls {
			return ContentErrorf("S-14", "null count", "%d, the bitmap has %d", c.Nulls, got)
		}
	}
	switch t := t.(type) {
	case *arrow.DictionaryType:
		return l.dictionary(c, t)
	case *arrow.BinaryType:
		return l.variable(c, 4)
	case *arrow.LargeBinaryType:
		return l.variable(c, 8)
	case *arrow.StringType:
		return l.text(c, 4)
	case *arrow.LargeStringType:
		return l.text(c, 8)
	case *arrow.StructType:
		return l.children(c, t, c.Len, false)
	case *arrow.ListType:
		return l.list(c, t, 4)
	case *arrow.LargeListType:
		return l.list(c, t, 8)
	case *arrow.MapType:
		return l.list(c, t, 4)
	case *arrow.FixedSizeListType:
		return l.children(c, t, c.Len*int(t.Len()), true)
	case *arrow.BooleanType:
		c.Values, err = l.take("values", (n.length+7)/8)
		return err
	case arrow.FixedWidthDataType:
		c.Values, err = l.take("values", n.length*int64(t.Bytes()))
		return err
	}
	return ContentErrorf("S-14", "column", "type %s is not supported", t)
}

// children checks child arrays; each has n rows at least (exactly n, unless more is allowed).
func (l *Loader) children(c *Column, t arrow.NestedType, n int, more bool) error {
	c.Children = make([]Column, t.NumFields())
	for i := range c.Children {
		f, k := field(t, i), &c.Children[i]
		k.Name, k.Metadata = f.Name, f.Metadata
		if err := l.column(k, f.Type); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
		if k.Len < n || (!more && k.Len != n) {
			return ContentErrorf("S-14", "child "+f.Name, "%d rows, its parent needs %d", k.Len, n)
		}
	}
	return nil
}

// field returns a child's field. A struct's own method makes no copy of all the others.
func field(t arrow.NestedType, i int) arrow.Field {
	if s, ok := t.(*arrow.StructType); ok {
		return s.Field(i)
	}
	return t.Fields()[i]
}

// offsets reads an offsets buffer of the given width, checks that it is monotone and not negative,
// and returns the last offset.
func (l *Loader) offsets(c *Column, width int64) (last int64, err error) {
	if c.Len == 0 {
		// The buffer may be empty then; what it holds is not checked, so nobody gets to read it.
		_, err = l.take("offsets", 0)
		c.Offsets = make([]byte, width)
		return 0, err
	}
	if c.Offsets, err = l.take("offsets", (int64(c.Len)+1)*width); err != nil {
		return 0, err
	}
	if width == 4 {
		return monotone(Fixed[int32](c.Offsets, c.Len+1))
	}
	return monotone(Fixed[int64](c.Offsets, c.Len+1))
}

func monotone[T int32 | int64](o []T) (int64, error) {
	prev, bad := o[0], o[0] < 0
	for _, x := range o {
		bad = bad || x < prev
		prev = x
	}
	if bad {
		return 0, ContentErrorf("S-14", "offsets", "are negative or fall")
	}
	return int64(prev), nil
}

func (l *Loader) variable(c *Column, width int64) error {
	last, err := l.offsets(c, width)
	if err != nil {
		return err
	}
	c.Values, err = l.take("values", last)
	return err
}

// text is variable with a check of every value, unless the writer is trusted.
func (l *Loader) text(c *Column, width int64) error {
	if err := l.variable(c, width); err != nil || l.Trusted || c.Len == 0 {
		return err
	}
	if width == 4 {
		return checkText(c.Values, Fixed[int32](c.Offsets, c.Len+1))
	}
	return checkText(c.Values, Fixed[int64](c.Offsets, c.Len+1))
}

// checkText says whether every value is UTF-8 (S-13): what the offsets span is, and each of them
// lies between two characters.
func checkText[T int32 | int64](values []byte, offsets []T) error {
	first, last := offsets[0], offsets[len(offsets)-1]
	if !utf8.Valid(values[first:last]) {
		return ValueErrorf("S-13", "text", "is not UTF-8")
	}
	for i, o := range offsets {
		if o < last && !utf8.RuneStart(values[o]) {
			return ValueErrorf("S-13", "text", "value %d begins within a character", i)
		}
	}
	return nil
}

func (l *Loader) list(c *Column, t arrow.NestedType, width int64) error {
	last, err := l.offsets(c, width)
	if err != nil {
		return err
	}
	return l.children(c, t, int(last), true)
}

// dictionary checks the keys of the valid rows against the dictionary, which came before (S-5).
func (l *Loader) dictionary(c *Column, t *arrow.DictionaryType) error {
	id := uint64(l.next)
	l.next++
	w := t.IndexType.(arrow.FixedWidthDataType).Bytes() // shape.add accepts integers only
	var err error
	if c.Values, err = l.take("keys", int64(c.Len)*int64(w)); err != nil {
		return err
	}
	d, ok := l.dicts[dictKey{l.schema, id}]
	if !ok {
		if c.Nulls == c.Len { // no key to look up
			c.Dictionary = &Column{Type: t.ValueType, Offsets: make([]byte, 8)}
			return nil
		}
		return ContentErrorf("S-5", "dictionary", "%d is missing", id)
	}
	c.Dictionary = d
	n := uint64(d.Len)
	sign := uint64(0) // a negative key is refused as one above every dictionary's length
	if arrow.IsSignedInteger(t.IndexType.ID()) {
		sign = 1 << (8*w - 1)
	}
	for i := range c.Len {
		if k := c.Key(i, w); (k >= n || k&sign != 0) && c.Valid(i) {
			return ContentErrorf(
				"S-14",
				"dictionary key",
				"row %d: %d, the dictionary has %d values",
				i,
				k,
				n,
			)
		}
	}
	return nil
}

// Key returns the dictionary key of row i, keys being width bytes wide and unsigned.
func (c *Column) Key(i, width int) uint64 {
	le := binary.LittleEndian
	switch width {
	case 1:
		return uint64(c.Values[i])
	case 2:
		return uint64(le.Uint16(c.Values[2*i:]))
	case 4:
		return uint64(le.Uint32(c.Values[4*i:]))
	default:
		return le.Uint64(c.Values[8*i:])
	}
}

// countBits counts the bits set among the first n of b.
func countBits(b []byte, n int) int {
	c := 0
	for ; n >= 64; n -= 64 {
		c += bits.OnesCount64(binary.LittleEndian.Uint64(b))
		b = b[8:]
	}
	for ; n >= 8; n -= 8 {
		c += bits.OnesCount8(b[0])
		b = b[1:]
	}
	if n > 0 {
		c += bits.OnesCount8(b[0] & (1<<n - 1))
	}
	return c
}
