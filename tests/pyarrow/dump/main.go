// Command dump encodes logs into slots and writes each slot's Arrow IPC streams to files, for the
// pyarrow test: CASE.ID.arrows, and CASE.json with the logs as flat facts.
package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/strait-data/strait/go/otap"
	"github.com/strait-data/strait/go/otap/otaptest"
	"github.com/strait-data/strait/go/record"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: dump DIRECTORY")
		os.Exit(2)
	}
	cases := map[string]plog.Logs{
		"l1000":     otaptest.L(1000),
		"kinds":     kinds(),
		"empty":     empty(),
		"many_keys": manyKeys(),
	}
	for name, ld := range cases {
		if err := dump(os.Args[1], name, ld); err != nil {
			fmt.Fprintf(os.Stderr, "dump %s: %v\n", name, err)
			os.Exit(1)
		}
	}
}

// kinds has every kind of value, and extreme numbers.
func kinds() plog.Logs {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	rl.Resource().Attributes().PutStr("r", "漢字")
	sl := rl.ScopeLogs().AppendEmpty()
	sl.Scope().SetName("scope")
	sl.Scope().Attributes().PutInt("s", math.MinInt64)
	lr := sl.LogRecords().AppendEmpty()
	lr.SetTimestamp(math.MaxUint64)
	lr.SetSeverityNumber(-5)
	lr.SetSeverityText("ODD")
	lr.SetFlags(math.MaxUint32)
	lr.SetTraceID(pcommon.TraceID{1, 2, 3})
	lr.Body().SetStr("body")
	m := lr.Attributes()
	m.PutStr("", "")
	m.PutEmpty("empty")
	m.PutInt("int", math.MaxInt64)
	m.PutDouble("double", -0.5)
	m.PutBool("bool", true)
	m.PutEmptyBytes("bytes").FromRaw([]byte{0, 255})
	m.PutEmptyMap("map").PutStr("k", "v")
	m.PutEmptySlice("slice").AppendEmpty().SetInt(1)
	sl.LogRecords().AppendEmpty().Body().SetInt(7)
	return ld
}

// empty has nothing but default values.
func empty() plog.Logs {
	ld := plog.NewLogs()
	ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	return ld
}

// manyKeys needs a u16 dictionary of keys.
func manyKeys() plog.Logs {
	ld := plog.NewLogs()
	lrs := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for i := range 300 {
		lr := lrs.AppendEmpty()
		lr.SetSeverityText(fmt.Sprintf("level-%d", i))
		lr.Attributes().PutInt(fmt.Sprintf("key-%d", i), int64(i))
	}
	return ld
}

// fact is what the test compares of one record. The time is text, because JSON numbers are floats
// to many.
type fact struct {
	Time         string  `json:"time"`
	Severity     int32   `json:"severity"`
	SeverityText string  `json:"severity_text"`
	Flags        uint32  `json:"flags"`
	TraceID      string  `json:"trace_id"`
	Body         *string `json:"body"`
	Scope        string  `json:"scope"`
	Attributes   [][]any `json:"attributes"`
	Resource     [][]any `json:"resource"`
	ScopeAttrs   [][]any `json:"scope_attributes"`
}

func dump(dir, name string, ld plog.Logs) error {
	p := otaptest.NewPreambles()
	b, err := otap.NewLogsEncoder(record.NewRegistry(p), otap.Options{}).
		Measure(context.Background(), &record.Header{}, ld, otap.Cursor{})
	if err != nil {
		return err
	}
	defer b.Release()
	slot := otaptest.Slot(b.Size())
	if err := b.Write(slot); err != nil {
		return err
	}
	var batch record.Batch
	if err := batch.Read(slot); err != nil {
		return err
	}
	streams, err := p.Dump(slot)
	if err != nil {
		return err
	}
	names := map[uint16]string{1: "resource_attrs", 2: "scope_attrs", 30: "logs", 31: "log_attrs"}
	files := map[string]string{}
	for _, e := range batch.Entries {
		file := fmt.Sprintf("%s.%d.arrows", name, e.SchemaID)
		files[names[e.Payload]] = file
		if err := os.WriteFile(filepath.Join(dir, file), streams[e.SchemaID], 0o600); err != nil {
			return err
		}
	}
	raw, err := json.Marshal(map[string]any{"files": files, "records": facts(ld)})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name+".json"), raw, 0o600)
}

func facts(ld plog.Logs) (out []fact) {
	for _, rl := range ld.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, lr := range sl.LogRecords().All() {
				f := fact{
					Time: strconv.FormatUint(
						uint64(lr.Timestamp()),
						10,
					), Severity: int32(lr.SeverityNumber()), SeverityText: lr.SeverityText(),
					Flags: uint32(lr.Flags()), Scope: sl.Scope().Name(),
					Attributes: pairs(
						lr.Attributes(),
					), Resource: pairs(rl.Resource().Attributes()), ScopeAttrs: pairs(sl.Scope().Attributes()),
				}
				if id := lr.TraceID(); !id.IsEmpty() {
					f.TraceID = hex.EncodeToString(id[:])
				}
				if lr.Body().Type() == pcommon.ValueTypeStr {
					s := lr.Body().Str()
					f.Body = &s
				}
				out = append(out, f)
			}
		}
	}
	return out
}

// pairs returns [key, type, value]; bytes in hex, maps and slices as the CBOR that they must
// become.
func pairs(m pcommon.Map) [][]any {
	out := [][]any{}
	for k, v := range m.All() {
		x := v.AsRaw()
		switch v.Type() {
		case pcommon.ValueTypeBytes:
			x = hex.EncodeToString(v.Bytes().AsRaw())
		case pcommon.ValueTypeMap:
			x = "a1616b6176" // {"k": "v"}
		case pcommon.ValueTypeSlice:
			x = "8101" // [1]
		}
		out = append(out, []any{k, int(v.Type()), x})
	}
	return out
}
