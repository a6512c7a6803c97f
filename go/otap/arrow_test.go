package otap_test

import (
	"bytes"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"pgregory.net/rapid"

	"github.com/strait-data/strait/go/otap"
	"github.com/strait-data/strait/go/otap/otaptest"
	"github.com/strait-data/strait/go/record"
)

// leases counts releases.
type leases struct{ n int }

func (l *leases) Release() { l.n++ }

// A reader of another make (arrow-go's own) reads what a slot holds as valid Arrow IPC streams, and
// sees the same arrays as ours (S-4).
func TestSlotIsArrowStreams(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLink(otap.Options{})
		ld := otaptest.Logs(t, otaptest.Options{})
		otaptest.Prune(ld)
		slot := l.send(t, ld)[0]
		streams, err := l.pre.Dump(slot)
		if err != nil {
			t.Fatal(err)
		}
		var b record.Batch
		if err := b.Read(slot); err != nil {
			t.Fatal(err)
		}
		var lease leases
		recs, err := record.ReadRecords(&b, l.pre.Schemas, &lease)
		if err != nil {
			t.Fatal(err)
		}
		at := 0
		for _, e := range b.Entries {
			if e.Kind != record.KindRecord {
				continue
			}
			r, err := ipc.NewReader(bytes.NewReader(streams[e.SchemaID]))
			if err != nil {
				t.Fatal(err)
			}
			if !r.Next() {
				t.Fatalf("no record batch: %v", r.Err())
			}
			got := r.RecordBatch()
			exact := []array.EqualOption{array.WithNaNsEqual(true), array.WithAbsTolerance(0)}
			if !array.RecordApproxEqual(got, recs[at], exact...) ||
				!got.Schema().Equal(recs[at].Schema()) {
				t.Fatalf("want %v\ngot %v", got, recs[at])
			}
			if r.Next() || r.Err() != nil {
				t.Fatalf("more than one record batch, or %v", r.Err())
			}
			r.Release()
			at++
		}
		if at != len(recs) {
			t.Fatalf("%d record batches, expected %d", len(recs), at)
		}
		for i, r := range recs {
			if lease.n != 0 {
				t.Fatalf("lease released with %d record batches alive", len(recs)-i)
			}
			r.Release()
		}
		if lease.n != 1 {
			t.Fatalf("lease released %d times", lease.n)
		}
	})
}
