package record_test

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/strait-data/strait/go/otap/otaptest"
	"github.com/strait-data/strait/go/record"
)

// every has a column of each layout, three rows, the middle one null.
func every(t *testing.T) []byte {
	t.Helper()
	dict := &arrow.DictionaryType{
		IndexType: arrow.PrimitiveTypes.Int8,
		ValueType: arrow.BinaryTypes.String,
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{
		{Name: "s", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "l", Type: arrow.ListOf(arrow.PrimitiveTypes.Int32), Nullable: true},
		{Name: "d", Type: dict, Nullable: true},
		{Name: "b", Type: arrow.BinaryTypes.LargeBinary, Nullable: true},
	}, nil))
	defer b.Release()
	for i := range 3 {
		if i == 1 {
			for _, f := range b.Fields() {
				f.AppendNull()
			}
			continue
		}
		b.Field(0).(*array.StringBuilder).Append("abc")
		l := b.Field(1).(*array.ListBuilder)
		l.Append(true)
		l.ValueBuilder().(*array.Int32Builder).Append(7)
		if err := b.Field(2).(*array.BinaryDictionaryBuilder).AppendString("x"); err != nil {
			t.Fatal(err)
		}
		b.Field(3).(*array.BinaryBuilder).Append([]byte("abc"))
	}
	rec := b.NewRecordBatch()
	defer rec.Release()
	slot := otaptest.Slot(1 << 16)
	n, err := record.WriteRecord(slot, &record.Header{}, rec)
	if err != nil {
		t.Fatal(err)
	}
	return slot[:n]
}

// offset32 sets an offset of a column, which lies at that byte of its offsets.
func offset32(column string, at int, x uint32) func(tb *record.Table) {
	return func(tb *record.Table) {
		binary.LittleEndian.PutUint32(tb.Column(column).Offsets[at:], x)
	}
}

// offset64 is offset32 for large offsets.
func offset64(column string, at int, x uint64) func(tb *record.Table) {
	return func(tb *record.Table) {
		binary.LittleEndian.PutUint64(tb.Column(column).Offsets[at:], x)
	}
}

// Each check of S-14 on columns refuses what it is for.
func TestBadColumnsAreRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(tb *record.Table) // the columns are parts of the slot
		want string
	}{
		{"falling offsets", offset32("s", 4, 5), "offsets"},
		{"negative offset", offset32("s", 0, 1<<31), "offsets"},
		{"offset behind the values", offset32("s", 12, 7), "values"},
		{"large falling", offset64("b", 8, 5), "offsets"},
		{"large behind the values", offset64("b", 24, 1<<40), "values"},
		{"list behind its child", offset32("l", 12, 4), "child"},
		{"key", func(tb *record.Table) { tb.Column("d").Values[2] = 1 }, "dictionary key"},
		{"negative key", func(tb *record.Table) { tb.Column("d").Values[2] = 0xFF }, "dictionary key"},
		{"null count", func(tb *record.Table) { tb.Column("s").Validity[0] = 7 }, "null count"},
		{"null count of a dictionary column", func(tb *record.Table) {
			tb.Column("d").Validity[0] = 0
		}, "null count"},
	} {
		slot := every(t)
		load := func() ([]record.Table, error) {
			var b record.Batch
			if err := b.Read(slot); err != nil {
				t.Fatal(err)
			}
			return new(record.Loader).Load(&b, record.NewSchemas())
		}
		tables, err := load()
		if err != nil {
			t.Fatal(err)
		}
		c.set(&tables[0])
		if _, err := load(); !errors.Is(err, record.ErrContent) ||
			!strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, expected it to name %q", c.name, err, c.want)
		}
	}
	// What a null row's key says does not matter.
	slot := every(t)
	var b record.Batch
	if err := b.Read(slot); err != nil {
		t.Fatal(err)
	}
	tables, err := new(record.Loader).Load(&b, record.NewSchemas())
	if err != nil {
		t.Fatal(err)
	}
	tables[0].Column("d").Values[1] = 0x7F
	if _, err := new(record.Loader).Load(&b, record.NewSchemas()); err != nil {
		t.Errorf("key of a null row: %v", err)
	}
}

// What stands in the offsets of an array without rows is not looked at, and a reader of it gets
// zeros: an array may leave the buffer out (S-14).
func TestOffsetsOfNoRows(t *testing.T) {
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{
		{
			Name: "s",
			Type: arrow.BinaryTypes.String,
		}, {Name: "l", Type: arrow.ListOf(arrow.PrimitiveTypes.Int32)},
		{Name: "b", Type: arrow.BinaryTypes.LargeBinary},
	}, nil))
	defer b.Release()
	rec := b.NewRecordBatch()
	defer rec.Release()
	slot := otaptest.Slot(1 << 16)
	n, err := record.WriteRecord(slot, &record.Header{}, rec)
	if err != nil {
		t.Fatal(err)
	}
	slot = slot[:n]
	var batch record.Batch
	if err := batch.Read(slot); err != nil {
		t.Fatal(err)
	}
	e := batch.Entries[len(batch.Entries)-1]
	body := slot[e.Offset+e.MetadataLen:][:e.BodyLen]
	if len(body) == 0 {
		t.Fatal("the batch has no offsets to overwrite")
	}
	for i := range body {
		body[i] = 0x7F
	}
	tables, err := new(record.Loader).Load(&batch, record.NewSchemas())
	if err != nil {
		t.Fatal(err)
	}
	for i := range tables[0].Columns {
		c := &tables[0].Columns[i]
		for _, x := range c.Offsets {
			if x != 0 {
				t.Errorf("column %s: offsets %x, expected 0", c.Name, c.Offsets)
				break
			}
		}
	}
}
