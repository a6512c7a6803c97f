package record_test

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/strait-data/strait/go/otap/otaptest"
	"github.com/strait-data/strait/go/record"
)

// A record batch into a slot, and out of it again. Slots come from a ring; its lease is released
// when the last array is, or by whoever gets an error.
func Example() {
	schema := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	b.Field(0).(*array.Int64Builder).AppendValues([]int64{1, 2, 3}, nil)
	rec := b.NewRecordBatch()
	defer rec.Release()

	slot := otaptest.Slot(1 << 12) // stands in for a claim, and then for a lease
	n, err := record.WriteRecord(slot, &record.Header{CallID: 1}, rec)
	if err != nil {
		fmt.Println(err)
		return
	}

	var batch record.Batch
	var lease leases
	if err := batch.Read(slot[:n]); err != nil {
		lease.Release()
		fmt.Println(err)
		return
	}
	recs, err := record.ReadRecords(&batch, record.NewSchemas(), &lease)
	if err != nil {
		lease.Release()
		fmt.Println(err)
		return
	}
	for _, r := range recs {
		fmt.Println(r.Column(0))
		r.Release()
	}
	// Output: [1 2 3]
}
