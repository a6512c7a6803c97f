package record_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/strait-data/strait/go/otap"
	"github.com/strait-data/strait/go/otap/otaptest"
	"github.com/strait-data/strait/go/record"
)

// slotOf copies fuzzed bytes to aligned memory, as a ring would hold them.
func slotOf(b []byte) []byte {
	s := otaptest.Slot(len(b))
	copy(s, b)
	return s
}

// telemetry returns a slot of logs and the schemas that it needs.
func telemetry(tb testing.TB) ([]byte, *otaptest.Preambles) {
	tb.Helper()
	p := otaptest.NewPreambles()
	b, err := otap.NewLogsEncoder(record.NewRegistry(p), otap.Options{}).Measure(context.Background(),
		&record.Header{
			CallID:     1,
			TraceState: "k=v",
			Metadata:   []record.MetadataEntry{{Key: "a", Values: []string{"b", "c"}}},
		}, otaptest.L(6), otap.Cursor{})
	if err != nil {
		tb.Fatal(err)
	}
	defer b.Release()
	slot := otaptest.Slot(b.Size())
	if err := b.Write(slot); err != nil {
		tb.Fatal(err)
	}
	return slot, p
}

// FuzzBatchHeader reads header, variable section and record table of any bytes.
func FuzzBatchHeader(f *testing.F) {
	slot, _ := telemetry(f)
	f.Add(slot[:min(len(slot), 1024)])
	otlp := otaptest.Slot(200)
	_, n, err := record.WritePayload(
		otlp,
		&record.Header{Signal: record.SignalTraces, Encoding: record.EncodingOTLP},
		10,
	)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(otlp[:n])
	f.Fuzz(func(t *testing.T, data []byte) {
		var b record.Batch
		if b.Read(slotOf(data)) == nil && b.Bytes() != len(data) {
			t.Fatal("accepted with another length")
		}
	})
}

// refusedVectors adds what is beyond the format's limits: what is near them is found from there.
func refusedVectors(f *testing.F) {
	files, err := filepath.Glob(vectors + "/refused/*.bin")
	if err != nil || len(files) == 0 {
		f.Fatalf("no vectors, %v", err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
}

// FuzzRecords reads whole batches of telemetry: metadata, dictionaries and columns.
func FuzzRecords(f *testing.F) {
	slot, p := telemetry(f)
	f.Add(slot)
	refusedVectors(f)
	f.Fuzz(func(_ *testing.T, data []byte) { use(slotOf(data), p.Schemas) })
}

// FuzzSchema reads preambles.
func FuzzSchema(f *testing.F) {
	_, p := telemetry(f)
	for _, c := range p.Contents {
		f.Add(c)
	}
	refusedVectors(f)
	f.Fuzz(func(_ *testing.T, data []byte) { _ = record.NewSchemas().Add(slotOf(data)) })
}
