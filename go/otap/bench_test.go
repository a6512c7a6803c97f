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
