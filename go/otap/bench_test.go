package otap_test

import (
	"context"
	"fmt"
	"syscall"
	"testing"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"

	"github.com/strait-data/strait/go/otap"
	"github.com/strait-data/strait/go/otap/otaptest"
	"github.com/strait-data/strait/go/record"
)

// cpuNS returns the CPU time of the process, the collector's threads included.
func cpuNS() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// wire returns logs as a receiver makes them: unmarshalled, so that no two strings share memory.
func wire(tb testing.TB, ld plog.Logs) plog.Logs {
	tb.Helper()
	b, err := plogotlp.NewExportRequestFromLogs(ld).MarshalProto()
	if err != nil {
		tb.Fatal(err)
	}
	r := plogotlp.NewExportRequest()
	if err := r.UnmarshalProto(b); err != nil {
		tb.Fatal(err)
	}
	return r.Logs()
}

// encodeOnce measures and writes one batch.
func encodeOnce(e *otap.LogsEncoder, ld plog.Logs, slot []byte) (int, error) {
	b, err := e.Measure(context.Background(), &record.Header{CallID: 1}, ld, otap.Cursor{})
	if err != nil {
		return 0, err
	}
	defer b.Release()
	return b.Size(), b.Write(slot[:b.Size()])
}

// BenchmarkEncodeLogs compares the full lossless encode of logs into a slot with OTLP's marshal of
// the same data. The two take turns within one run, because the machine's speed changes over time;
// the ratio is of CPU time.
func BenchmarkEncodeLogs(b *testing.B) {
	for _, n := range []int{100, 1000, 8192} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			ld := wire(b, otaptest.L(n))
			e := otap.NewLogsEncoder(record.NewRegistry(otaptest.NewPreambles()), otap.Options{})
			slot := otaptest.Slot(8 << 20)
			req := plogotlp.NewExportRequestFromLogs(ld)
			var ours, otlp int64
			var size int
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				t0 := cpuNS()
				var err error
				if size, err = encodeOnce(e, ld, slot); err != nil {
					b.Fatal(err)
				}
				t1 := cpuNS()
				if _, err := req.MarshalProto(); err != nil {
					b.Fatal(err)
				}
				t2 := cpuNS()
				ours, otlp = ours+t1-t0, otlp+t2-t1
			}
			b.ReportMetric(float64(ours)/float64(b.N)/float64(n), "encode-ns/log")
			b.ReportMetric(float64(otlp)/float64(b.N)/float64(n), "otlp-ns/log")
			b.ReportMetric(float64(ours)/float64(otlp), "ratio")
			b.ReportMetric(float64(size), "bytes")
		})
	}
}

// BenchmarkEncodeOnly is the encode alone, for profiles and allocation counts.
func BenchmarkEncodeOnly(b *testing.B) {
	ld := wire(b, otaptest.L(1000))
	e := otap.NewLogsEncoder(record.NewRegistry(otaptest.NewPreambles()), otap.Options{})
	slot := otaptest.Slot(8 << 20)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := encodeOnce(e, ld, slot); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkProjected is the host's whole work for a severity filter (encode what it reads, remove 5
// of 100 logs) and for a rename (send two keys, rename in place), on data that was just
// unmarshalled.
func BenchmarkProjected(b *testing.B) {
	const n = 1000
	keep := make([]bool, n)
	for i := range keep {
		keep[i] = i*7919%100 >= 5
	}
	jobs := map[string]struct {
		plan otap.Plan
		diff []byte
	}{
		"severity": {
			otap.Plan{Projectable: true, Filters: true, Tables: map[string]otap.TablePlan{
				"logs": {Columns: []string{"severity_number"}},
			}},
			otaptest.Difference(n, keep, nil),
		},
		"rename": {
			otap.Plan{Projectable: true, Edits: true, Tables: map[string]otap.TablePlan{
				"log_attrs": {Columns: []string{"key"}, Keys: []string{"user.id", "enduser.id"}},
			}},
			otaptest.Difference(
				n,
				nil,
				[]otaptest.Op{
					{
						Target: otaptest.TargetLog,
						Action: otaptest.Rename,
						Kind:   1,
						Owner:  otaptest.Every,
						Key:    "user.id",
						Text:   "enduser.id",
					},
				},
			),
		},
	}
	for name, j := range jobs {
		b.Run(name, func(b *testing.B) {
			e := otap.NewLogsEncoder(record.NewRegistry(otaptest.NewPreambles()), otap.Options{})
			pr, err := otap.NewProjection(j.plan)
			if err != nil {
				b.Fatal(err)
			}
			slot := otaptest.Slot(1 << 20)
			src := otaptest.L(n)
			var encode, apply int64
			for range b.N {
				ld := wire(b, src)
				t0 := cpuNS()
				m, err := e.MeasureProjected(context.Background(), &record.Header{}, ld, pr)
				if err != nil {
					b.Fatal(err)
				}
				if err := m.Write(slot[:m.Size()]); err != nil {
					b.Fatal(err)
				}
				m.Release()
				t1 := cpuNS()
				if err := otap.ApplyDifference(ld, j.diff); err != nil {
					b.Fatal(err)
				}
				encode, apply = encode+t1-t0, apply+cpuNS()-t1
			}
			b.ReportMetric(float64(encode)/float64(b.N)/n, "encode-ns/log")
			b.ReportMetric(float64(apply)/float64(b.N)/n, "apply-ns/log")
		})
	}
}

// BenchmarkDecode is the full way back. What the smallest costs is mostly the fixed cost of a
// batch.
func BenchmarkDecode(b *testing.B) {
	for _, n := range []int{2, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			p := otaptest.NewPreambles()
			e := otap.NewLogsEncoder(record.NewRegistry(p), otap.Options{})
			slot := otaptest.Slot(8 << 20)
			size, err := encodeOnce(e, otaptest.L(n), slot)
			if err != nil {
				b.Fatal(err)
			}
			d := otap.NewLogsDecoder(p.Schemas)
			b.ReportAllocs()
			t0 := cpuNS()
			for range b.N {
				var raw record.Batch
				if err := raw.Read(slot[:size]); err != nil {
					b.Fatal(err)
				}
				if _, err := d.Decode(&raw); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(cpuNS()-t0)/float64(b.N)/1000, "cpu-us/batch")
		})
	}
}
