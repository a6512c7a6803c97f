package record_test

import (
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"pgregory.net/rapid"

	"github.com/strait-data/strait/go/otap/otaptest"
	"github.com/strait-data/strait/go/record"
)

type leases struct{ n int }

func (l *leases) Release() { l.n++ }

// types are those that columns of the general API are drawn from.
var types = []arrow.DataType{
	arrow.Null, arrow.FixedWidthTypes.Boolean, arrow.PrimitiveTypes.Int8,
	arrow.PrimitiveTypes.Uint64, arrow.PrimitiveTypes.Float64,
	arrow.BinaryTypes.String, arrow.BinaryTypes.LargeString, arrow.BinaryTypes.Binary,
	&arrow.FixedSizeBinaryType{ByteWidth: 3},
	arrow.ListOf(
		arrow.BinaryTypes.String,
	), arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Int32),
	arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int64),
	arrow.StructOf(
		arrow.Field{Name: "a", Type: arrow.PrimitiveTypes.Int16, Nullable: true},
		arrow.Field{Name: "b", Type: arrow.BinaryTypes.String, Nullable: true},
	),
	&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String},
	&arrow.DictionaryType{
		IndexType: arrow.PrimitiveTypes.Uint16,
		ValueType: arrow.PrimitiveTypes.Int64,
	},
	arrow.StructOf(
		arrow.Field{
			Name: "d",
			Type: &arrow.DictionaryType{
				IndexType: arrow.PrimitiveTypes.Uint8,
				ValueType: arrow.BinaryTypes.String,
			},
			Nullable: true,
		},
	),
	&arrow.TimestampType{
		Unit:     arrow.Nanosecond,
		TimeZone: "UTC",
	}, &arrow.Decimal128Type{Precision: 20, Scale: 2},
}

// fill appends a random value, or null.
func fill(t *rapid.T, b array.Builder) {
	if rapid.IntRange(0, 4).Draw(t, "null") == 0 {
		b.AppendNull()
		return
	}
	switch b := b.(type) {
	case *array.BooleanBuilder:
		b.Append(rapid.Bool().Draw(t, "bool"))
	case *array.Int8Builder:
		b.Append(rapid.Int8().Draw(t, "int8"))
	case *array.Int16Builder:
		b.Append(rapid.Int16().Draw(t, "int16"))
	case *array.Int32Builder:
		b.Append(rapid.Int32().Draw(t, "int32"))
	case *array.Int64Builder:
		b.Append(rapid.Int64().Draw(t, "int64"))
	case *array.Uint64Builder:
		b.Append(rapid.Uint64().Draw(t, "uint64"))
	case *array.Float64Builder:
		b.Append(float64(rapid.Int32().Draw(t, "float64")))
	case *array.StringBuilder:
		b.Append(rapid.String().Draw(t, "string"))
	case *array.LargeStringBuilder:
		b.Append(rapid.String().Draw(t, "large"))
	case *array.BinaryBuilder:
		b.Append(rapid.SliceOf(rapid.Byte()).Draw(t, "binary"))
	case *array.FixedSizeBinaryBuilder:
		b.Append(rapid.SliceOfN(rapid.Byte(), 3, 3).Draw(t, "fixed"))
	case *array.MapBuilder:
		b.Append(true)
		for range rapid.IntRange(0, 2).Draw(t, "entries") {
			b.KeyBuilder().(*array.StringBuilder).Append(rapid.String().Draw(t, "key"))
			fill(t, b.ItemBuilder())
		}
	case *array.ListBuilder:
		b.Append(true)
		for range rapid.IntRange(0, 3).Draw(t, "elements") {
			fill(t, b.ValueBuilder())
		}
	case *array.FixedSizeListBuilder:
		b.Append(true)
		fill(t, b.ValueBuilder())
		fill(t, b.ValueBuilder())
	case *array.StructBuilder:
		b.Append(true)
		for i := range b.NumField() {
			fill(t, b.FieldBuilder(i))
		}
	case *array.BinaryDictionaryBuilder:
		if err := b.AppendString(rapid.SampledFrom([]string{"", "x", "yy"}).Draw(t, "word")); err != nil {
			t.Fatal(err)
		}
	case *array.Int64DictionaryBuilder:
		if err := b.Append(rapid.Int64Range(0, 5).Draw(t, "number")); err != nil {
			t.Fatal(err)
		}
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(rapid.Int64().Draw(t, "time")))
	default:
		b.AppendEmptyValue()
	}
}

func batch(t *rapid.T) arrow.RecordBatch {
	var fields []arrow.Field
	for range rapid.IntRange(1, 5).Draw(t, "columns") {
		fields = append(
			fields,
			arrow.Field{
				Name:     rapid.StringMatching("[a-z]{1,3}").Draw(t, "name"),
				Type:     rapid.SampledFrom(types).Draw(t, "type"),
				Nullable: true,
			},
		)
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	defer b.Release()
	for range rapid.IntRange(0, 20).Draw(t, "rows") {
		for _, f := range b.Fields() {
			fill(t, f)
		}
	}
	rec := b.NewRecordBatch()
	if n := rec.NumRows(); n > 1 && rapid.Bool().Draw(t, "slice") { // arrays that do not begin at 0
		from := rapid.Int64Range(0, n).Draw(t, "from")
		s := rec.NewSlice(from, rapid.Int64Range(from, n).Draw(t, "to"))
		rec.Release()
		return s
	}
	return rec
}

func TestAnyRecordBatchRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rec := batch(t)
		defer rec.Release()
		p := otaptest.NewPreambles()
		var reg *record.Registry
		if rapid.Bool().Draw(t, "registry") {
			reg = record.NewRegistry(p)
		}
		w, err := record.NewArrowWriter(reg).Prepare(t.Context(), &record.Header{CallID: 1}, rec)
		if err != nil {
			t.Fatal(err)
		}
		slot := otaptest.Slot(w.Size())
		if err := w.Write(slot); err != nil {
			t.Fatal(err)
		}
		var b record.Batch
		if err := b.Read(slot); err != nil {
			t.Fatal(err)
		}
		var lease leases
		got, err := record.ReadRecords(&b, p.Schemas, &lease)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != 1 || !array.RecordEqual(rec, got[0]) {
			t.Fatalf("want %v\ngot %v", rec, got)
		}
		got[0].Release()
		if lease.n != 1 {
			t.Fatalf("lease released %d times", lease.n)
		}
	})
}

// Whatever bytes change, reading a batch gives an error or arrays that can be used; it never
// panics.
func TestDamagedBatchesNeverPanic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rec := batch(t)
		defer rec.Release()
		slot := otaptest.Slot(1 << 20)
		n, err := record.WriteRecord(
			slot,
			&record.Header{
				TraceState: "a=b",
				Metadata:   []record.MetadataEntry{{Key: "k", Values: []string{"v", ""}}},
			},
			rec,
		)
		if err != nil {
			t.Fatal(err)
		}
		slot = slot[:n]
		for range rapid.IntRange(1, 3).Draw(t, "changes") {
			slot[rapid.IntRange(0, n-1).Draw(t, "at")] = rapid.Byte().Draw(t, "to")
		}
		use(slot, record.NewSchemas())
	})
}

// use reads a slot and looks at every value.
func use(slot []byte, schemas *record.Schemas) {
	var b record.Batch
	if b.Read(slot) != nil {
		return
	}
	var lease leases
	recs, err := record.ReadRecords(&b, schemas, &lease)
	if err != nil {
		return
	}
	for _, r := range recs {
		for _, c := range r.Columns() {
			for i := range min(c.Len(), 1000) {
				if c.IsValid(i) {
					_ = c.ValueStr(i)
				}
			}
		}
		r.Release()
	}
}
