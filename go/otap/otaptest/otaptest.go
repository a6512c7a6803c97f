// Package otaptest makes logs for tests and benchmarks, and compares them strictly.
package otaptest

import (
	"context"
	"fmt"
	"unsafe"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/strait-data/strait/go/record"
)

// Slot returns n bytes that are aligned to a page, as a ring's slots are. They are not zero, so
// that a writer that forgets bytes is found.
func Slot(n int) []byte {
	const page = 4096
	b := make([]byte, n+page)
	for i := range b {
		b[i] = 0xA5
	}
	// The address is only looked at. Large objects do not move.
	off := (page - int(uintptr(unsafe.Pointer(unsafe.SliceData(b)))%page)) % page
	return b[off : off+n : off+n]
}

// Preambles is a record.Publisher that keeps what is published, and the table that a reader of it
// has.
type Preambles struct {
	Schemas  *record.Schemas
	Contents [][]byte
}

// NewPreambles returns an empty one.
func NewPreambles() *Preambles { return &Preambles{Schemas: record.NewSchemas()} }

// PublishPreamble implements record.Publisher.
func (p *Preambles) PublishPreamble(_ context.Context, content []byte) error {
	slot := Slot(len(content))
	copy(slot, content)
	p.Contents = append(p.Contents, slot)
	return p.Schemas.Add(slot)
}

// L returns the logs that benchmarks use: n logs with 5 attributes each, in 2 resources. L(1000) is
// what the documents call L1000.
func L(n int) plog.Logs {
	const start = 1_700_000_000_000_000_000
	ld := plog.NewLogs()
	severities := []string{"INFO", "WARN", "ERROR", "DEBUG"}
	for r := range 2 {
		rl := ld.ResourceLogs().AppendEmpty()
		rl.SetSchemaUrl("https://opentelemetry.io/schemas/1.21.0")
		for i := range 5 {
			key, value := fmt.Sprintf("resource.attr.%d", i), fmt.Sprintf("rv-%d-%d", r, i)
			rl.Resource().Attributes().PutStr(key, value)
		}
		sl := rl.ScopeLogs().AppendEmpty()
		sl.Scope().SetName("io.opentelemetry.contrib.logs")
		sl.Scope().SetVersion("1.2.3")
		sl.Scope().Attributes().PutStr("a", "b")
		for j := range n / 2 {
			i := r*(n/2) + j
			lr := sl.LogRecords().AppendEmpty()
			lr.SetTimestamp(pcommon.Timestamp(start + i))
			lr.SetObservedTimestamp(pcommon.Timestamp(start + i))
			lr.SetSeverityNumber(plog.SeverityNumber(9 + i%4))
			lr.SetSeverityText(severities[i%4])
			lr.SetTraceID(pcommon.TraceID{byte(i), byte(i >> 8), 7, 7, 7})
			lr.SetSpanID(pcommon.SpanID{byte(i), byte(i >> 8), 7})
			lr.Body().SetStr(fmt.Sprintf(
				"GET /api/v1/users/%d/orders?limit=50 200 OK in 12ms from 10.0.0.%d", i, i%255))
			a := lr.Attributes()
			a.PutStr("http.method", fmt.Sprintf("value-0-%d", (i*5)%200))
			a.PutInt("http.status_code", int64(200+i%7))
			a.PutStr("k8s.pod.name", fmt.Sprintf("value-2-%d", (i*5+2)%200))
			a.PutStr("net.peer.ip", fmt.Sprintf("value-3-%d", (i*5+3)%200))
			a.PutStr("user.id", fmt.Sprintf("value-4-%d", (i*5+4)%200))
		}
	}
	return ld
}
