package otap_test

import (
	"testing"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"

	"github.com/strait-data/strait/go/otap"
	"github.com/strait-data/strait/go/otap/otaptest"
	"github.com/strait-data/strait/go/record"
)

// FuzzDecode decodes any bytes as a batch of logs. What is accepted can be sent again, and is then
// the same: the decoder makes nothing that the encoder could not carry.
func FuzzDecode(f *testing.F) {
	l := newLink(otap.Options{})
	ld := otaptest.L(4)
	lr := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
	lr.Attributes().PutEmptyMap("m").PutEmptySlice("s").AppendEmpty().SetDouble(1)
	lr.Attributes().PutEmptyBytes("b").FromRaw([]byte{1, 2})
	for _, slot := range l.send(f, ld) {
		f.Add(slot)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		slot := otaptest.Slot(len(data))
		copy(slot, data)
		var b record.Batch
		if b.Read(slot) != nil {
			return
		}
		got, err := l.dec.Decode(&b)
		if err != nil || got.LogRecordCount() == 0 {
			return
		}
		again := newLink(otap.Options{})
		m, err := again.enc.Measure(ctx, &record.Header{}, got, otap.Cursor{})
		if err != nil {
			return // deeper than the encoder's limit
		}
		defer m.Release()
		s := otaptest.Slot(m.Size())
		if err := m.Write(s); err != nil {
			t.Fatal(err)
		}
		if d := otaptest.Diff(got, again.receive(t, s)); d != "" {
			t.Fatal(d)
		}
	})
}

// FuzzDifference applies any bytes as a difference; refused ones change nothing.
func FuzzDifference(f *testing.F) {
	ld := otaptest.L(4)
	f.Add(otaptest.Difference(4, []bool{true, false, true, true}, []otaptest.Op{
		{
			Target: otaptest.TargetLog, Action: otaptest.Rename, Kind: 1, Owner: otaptest.Every,
			Key: "user.id", Text: "u",
		},
		{
			Target: otaptest.TargetBody, Action: otaptest.Set, Kind: 5, Owner: 2,
			Text: "\xa1\x61k\x61v",
		},
		{Target: otaptest.TargetSeverity, Action: otaptest.Set, Kind: 2, Owner: 0, Number: 9},
	}))
	f.Fuzz(func(t *testing.T, data []byte) {
		got := otaptest.Clone(ld)
		if otap.ApplyDifference(got, data) != nil {
			if d := otaptest.Diff(ld, got); d != "" {
				t.Fatal(d)
			}
			return
		}
		if _, err := (&plog.ProtoMarshaler{}).MarshalLogs(got); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzWalk reads any bytes as an export request. What a walk passes crosses, and comes out equal;
// what it does not is refused by the encoder too.
func FuzzWalk(f *testing.F) {
	l := newLink(otap.Options{})
	ld := otaptest.L(2)
	lr := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
	lr.Attributes().PutEmptyMap("m").PutEmptySlice("s").AppendEmpty().SetStr("a\xff")
	seed, err := plogotlp.NewExportRequestFromLogs(ld).MarshalProto()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add([]byte("\n\x08\x12\x06\x12\x04*\x02*\x00")) // a body that is a list without its content
	f.Fuzz(func(t *testing.T, data []byte) {
		r := plogotlp.NewExportRequest()
		if r.UnmarshalProto(data) != nil {
			return
		}
		got := r.Logs()
		w := otap.NewWalk(otap.Strict, nil)
		w.Logs(got)
		_, _, _, err := encode(l, got, nil)
		if w.Clean() != (err == nil) {
			t.Fatalf("%d faults, clean %v; the encoder: %v", w.Faults(), w.Clean(), err)
		}
		if err != nil || got.LogRecordCount() == 0 {
			return
		}
		slots := l.send(t, got)
		if len(slots) > 1 {
			return
		}
		if d := otaptest.Diff(got, l.receive(t, slots[0])); d != "" {
			t.Fatal(d)
		}
	})
}
