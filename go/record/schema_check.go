package record

import "slices"

// schemaCheck walks a schema's flatbuffer before anything is made of it: structure, dictionary ids
// (S-5), and S-18. For what passed, every table that the schema is made of is there once, so that
// neither reading nor keeping it costs more than its bytes.
type schemaCheck struct {
	bytes                  int // of the flatbuffer
	fields, entries, dicts int
	text                   int   // bytes of names, zones and metadata, wherever they are named
	tables                 []int // where each table lies
}

// checkSchema checks the flatbuffer of a schema message.
func checkSchema(b []byte) (schemaSize, error) {
	t, ok := fbRoot(b)
	if !ok || t.i16(0) != metadataV5 || t.u8(1) != headerSchema {
		return schemaSize{}, ContentErrorf("S-7", "schema", "not a schema message of metadata version V5")
	}
	h, ok := t.table(2)
	if !ok || h.i16(0) != 0 || t.i64(3) != 0 {
		return schemaSize{}, ContentErrorf("S-7", "schema", "no header, a body, or not little endian")
	}
	c := schemaCheck{bytes: len(b), tables: []int{t.pos, h.pos}}
	if err := c.keyValues(t, 4); err != nil {
		return schemaSize{}, err
	}
	if err := c.keyValues(h, 2); err != nil {
		return schemaSize{}, err
	}
	if err := c.children(h, 1, 1); err != nil {
		return schemaSize{}, err
	}
	slices.Sort(c.tables)
	for i := 1; i < len(c.tables); i++ {
		if c.tables[i] == c.tables[i-1] {
			return schemaSize{}, ContentErrorf("S-18", "schema", "a part of it is shared by two others")
		}
	}
	return schemaSize{fields: c.fields, entries: c.entries}, nil
}

// children checks the vector of fields in the given slot of a schema or field.
func (c *schemaCheck) children(t fbTable, slot, depth int) error {
	p, n, ok := t.vector(slot, 4)
	if !ok {
		if t.has(slot) {
			return ContentErrorf("S-7", "schema", "fields lie outside the message")
		}
		return nil
	}
	if n == 0 {
		return nil
	}
	if c.fields += n; depth > MaxDepth || c.fields > MaxFields {
		return ContentErrorf(
			"S-18",
			"schema",
			"more than %d fields, or deeper than %d",
			MaxFields,
			MaxDepth,
		)
	}
	for i := range n {
		f, ok := t.element(p, i)
		if !ok {
			return ContentErrorf("S-7", "schema", "field %d lies outside the message", i)
		}
		if err := c.field(f, depth); err != nil {
			return err
		}
	}
	return nil
}

func (c *schemaCheck) field(f fbTable, depth int) error {
	typ, ok := f.table(3)
	if !ok {
		return ContentErrorf("S-7", "schema", "a field has no type")
	}
	c.tables = append(c.tables, f.pos, typ.pos)
	if err := c.bytesOf(f, 0, "a field's name"); err != nil {
		return err
	}
	const timestamp, union = 10, 14
	switch f.u8(2) {
	case timestamp: // the zone is a string
		if err := c.bytesOf(typ, 1, "a time zone"); err != nil {
			return err
		}
	case union:
		return ContentErrorf("S-7", "schema", "union columns are not supported")
	}
	if err := c.dictionary(f); err != nil {
		return err
	}
	if err := c.keyValues(f, 6); err != nil {
		return err
	}
	return c.children(f, 5, depth+1)
}

// dictionary checks a field's dictionary encoding, if it has one.
func (c *schemaCheck) dictionary(f fbTable) error {
	if !f.has(4) {
		return nil
	}
	d, ok := f.table(4)
	if !ok {
		return ContentErrorf("S-7", "schema", "a dictionary lies outside the message")
	}
	if id := d.i64(0); id != int64(c.dicts) {
		return ContentErrorf("S-5", "schema",
			"dictionary %d is found where %d is expected: ids are 0, 1, 2, ... in depth-first order",
			id, c.dicts)
	}
	c.dicts++
	c.tables = append(c.tables, d.pos)
	if !d.has(1) {
		return nil
	}
	index, ok := d.table(1)
	if !ok {
		return ContentErrorf("S-7", "schema", "a dictionary's index type lies outside the message")
	}
	c.tables = append(c.tables, index.pos)
	return nil
}

// keyValues checks the vector of KeyValue tables in the given slot.
func (c *schemaCheck) keyValues(t fbTable, slot int) error {
	p, n, ok := t.vector(slot, 4)
	if !ok && t.has(slot) {
		return ContentErrorf("S-7", "schema", "metadata lies outside the message")
	}
	if c.entries += n; c.entries > MaxEntries {
		return ContentErrorf("S-18", "schema", "more than %d metadata entries", MaxEntries)
	}
	for i := range n {
		kv, ok := t.element(p, i)
		if !ok {
			return ContentErrorf("S-7", "schema", "metadata entry %d lies outside the message", i)
		}
		c.tables = append(c.tables, kv.pos)
		for s := range 2 {
			if err := c.bytesOf(kv, s, "a metadata entry"); err != nil {
				return err
			}
		}
	}
	return nil
}

// bytesOf counts the bytes of a text. It may be named twice; it is then kept twice, and counted so.
func (c *schemaCheck) bytesOf(t fbTable, slot int, what string) error {
	_, n, ok := t.vector(slot, 1)
	if !ok && t.has(slot) {
		return ContentErrorf("S-7", "schema", "%s lies outside the message", what)
	}
	if c.text += n; c.text > c.bytes {
		return ContentErrorf("S-18", "schema",
			"names and metadata have more bytes in sum than the message, %d", c.bytes)
	}
	return nil
}
