package otap

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/strait-data/strait/go/record"
)

// Logs in records, and back: what no other signal shares.

// LogsEncoder writes logs; LogsBatch is what it measured; LogsDecoder reads them.
type (
	LogsEncoder = Encoder[plog.Logs]
	LogsBatch   = Batch[plog.Logs]
	LogsDecoder = Decoder[plog.Logs]
)

// logs is the signal.
var logs = &signal[plog.Logs]{
	number: record.SignalLogs, root: payloadLogs, attributes: payloadLogAttrs,
	resources: "resource_logs", scopes: "scope_logs", items: "log_records",
	walker: func() walker[plog.Logs] { return new(logsWalker) },
	build:  buildLogs,
}

// NewLogsEncoder returns an encoder that takes schema ids from reg.
func NewLogsEncoder(reg *record.Registry, opt Options) *LogsEncoder {
	return newEncoder(logs, reg, opt)
}

// NewLogsDecoder returns a decoder that knows the schemas of one link and direction.
func NewLogsDecoder(schemas *record.Schemas) *LogsDecoder { return newDecoder(logs, schemas) }

// After returns the place behind the first record at the cursor or after it.
func (c Cursor) After(ld plog.Logs) Cursor {
	return after[plog.Logs](c, &logsWalker{all: ld.ResourceLogs()})
}

// logsWalker reads logs.
type logsWalker struct {
	all     plog.ResourceLogsSlice
	records plog.LogRecordSlice // of the scope
	// The text of a severity mostly follows from its number: the code that it had last.
	severity [32]uint16
}

func (w *logsWalker) open(ld plog.Logs) {
	*w = logsWalker{}
	if ld != (plog.Logs{}) {
		w.all = ld.ResourceLogs()
	}
}

func (w *logsWalker) resources() int     { return w.all.Len() }
func (w *logsWalker) scopes(r int) int   { return w.all.At(r).ScopeLogs().Len() }
func (w *logsWalker) items(r, s int) int { return w.scopeLogs(r, s).LogRecords().Len() }
func (w *logsWalker) begin(r, s int)     { w.records = w.scopeLogs(r, s).LogRecords() }

func (w *logsWalker) scopeLogs(r, s int) plog.ScopeLogs { return w.all.At(r).ScopeLogs().At(s) }

func (w *logsWalker) resource(i int) (pcommon.Resource, string) {
	return w.all.At(i).Resource(), w.all.At(i).SchemaUrl()
}

func (w *logsWalker) scope(r, i int) (pcommon.InstrumentationScope, string) {
	sl := w.scopeLogs(r, i)
	return sl.Scope(), sl.SchemaUrl()
}

func (w *logsWalker) block(t *tables, first, n int) *itemError {
	root, row := t.root, t.root.rows
	w.fixed(root, row, first, n)
	root.rows += n
	severity, event := root.texts(logsSeverityText), root.texts(logsEventName)
	body, attributes := root.values(), t.ofItems.sent()
	if severity == nil && event == nil && body == nil && !attributes {
		return nil
	}
	for i := range n {
		lr := w.records.At(first + i)
		if severity != nil {
			code := &w.severity[uint32(lr.SeverityNumber())%uint32(len(w.severity))]
			if s := lr.SeverityText(); !severity.guessed(row+i, s, *code) {
				if err := severity.put(row+i, s, &t.text); err != nil {
					return &itemError{first + i, "severity_text", "", err}
				}
				*code = severity.codes[row+i]
			}
		}
		if event != nil {
			if err := event.put(row+i, lr.EventName(), &t.text); err != nil {
				return &itemError{first + i, "event_name", "", err}
			}
		}
		if body != nil {
			if err := body.put(row+i, lr.Body()); err != nil {
				return &itemError{first + i, "body", "", err}
			}
		}
		if attributes {
			if key, err := t.ofItems.take(uint32(row+i), lr.Attributes()); err != nil {
				return &itemError{first + i, "attributes", key, err}
			}
		}
		if t.staged() > t.budget {
			root.rows = row + i + 1
			return &itemError{err: errEnough}
		}
	}
	return nil
}

// fixed takes in the fields of fixed width.
func (w *logsWalker) fixed(t *table, row, first, n int) {
	lrs := w.records
	take(stage[int64](t, logsTimeUnixNano, row, n), func(i int) int64 {
		return int64(lrs.At(first + i).Timestamp())
	})
	take(stage[int64](t, logsObservedTimeUnixNano, row, n), func(i int) int64 {
		return int64(lrs.At(first + i).ObservedTimestamp())
	})
	take(stage[int32](t, logsSeverityNumber, row, n), func(i int) int32 {
		return int32(lrs.At(first + i).SeverityNumber())
	})
	take(stage[uint32](t, logsFlags, row, n), func(i int) uint32 {
		return uint32(lrs.At(first + i).Flags())
	})
	take(stage[uint32](t, logsDroppedAttributesCount, row, n), func(i int) uint32 {
		return lrs.At(first + i).DroppedAttributesCount()
	})
	take(stage[[16]byte](t, logsTraceID, row, n), func(i int) [16]byte {
		return lrs.At(first + i).TraceID()
	})
	take(stage[[8]byte](t, logsSpanID, row, n), func(i int) [8]byte {
		return lrs.At(first + i).SpanID()
	})
}

// buildLogs makes logs of the tables.
func buildLogs(d *decoded) (plog.Logs, error) {
	ld := plog.NewLogs()
	rls := ld.ResourceLogs()
	for _, row := range d.resources {
		rl := rls.AppendEmpty()
		rl.SetSchemaUrl(d.shared.resourceURL.or(row))
		if err := d.resource(row, rl.Resource()); err != nil {
			return ld, err
		}
	}
	scopes := make([]plog.LogRecordSlice, len(d.scopes))
	for i, s := range d.scopes {
		sl := rls.At(s.resource).ScopeLogs().AppendEmpty()
		sl.SetSchemaUrl(d.shared.scopeURL.or(s.row))
		if err := d.scope(s.row, sl.Scope()); err != nil {
			return ld, err
		}
		scopes[i] = sl.LogRecords()
		scopes[i].EnsureCapacity(s.rows)
	}
	r := openLogs(&d.root)
	for row := range d.root.rows {
		lr := scopes[d.scopeOf[row]].AppendEmpty()
		if err := r.read(row, lr); err != nil {
			return ld, err
		}
		if err := d.item(row, lr.Attributes()); err != nil {
			return ld, err
		}
	}
	return ld, nil
}

// logsReader reads the columns of the Logs table.
type logsReader struct {
	time, observed      numbers[int64]
	severity            numbers[int32]
	dropped, flags      numbers[uint32]
	traceID, spanID     fixedBytes
	severityText, event *strs
	body                valuesReader
}

func openLogs(r *tableReader) logsReader {
	return logsReader{
		time:         numbersOf[int64](r, logsTimeUnixNano),
		observed:     numbersOf[int64](r, logsObservedTimeUnixNano),
		severity:     numbersOf[int32](r, logsSeverityNumber),
		dropped:      numbersOf[uint32](r, logsDroppedAttributesCount),
		flags:        numbersOf[uint32](r, logsFlags),
		traceID:      fixedBytes{r.columns[logsTraceID].cells, 16},
		spanID:       fixedBytes{r.columns[logsSpanID].cells, 8},
		severityText: &r.columns[logsSeverityText],
		event:        &r.columns[logsEventName],
		body:         newValuesReader(r, logsBodyType),
	}
}

// read sets the fields of one record.
func (r *logsReader) read(i int, lr plog.LogRecord) error {
	if x, ok := r.time.get(i); ok {
		lr.SetTimestamp(pcommon.Timestamp(x))
	}
	if x, ok := r.observed.get(i); ok {
		lr.SetObservedTimestamp(pcommon.Timestamp(x))
	}
	if b := r.traceID.get(i); b != nil {
		lr.SetTraceID(pcommon.TraceID(b))
	}
	if b := r.spanID.get(i); b != nil {
		lr.SetSpanID(pcommon.SpanID(b))
	}
	if x, ok := r.severity.get(i); ok {
		lr.SetSeverityNumber(plog.SeverityNumber(x))
	}
	lr.SetSeverityText(r.severityText.or(i))
	if x, ok := r.dropped.get(i); ok {
		lr.SetDroppedAttributesCount(x)
	}
	if x, ok := r.flags.get(i); ok {
		lr.SetFlags(plog.LogRecordFlags(x))
	}
	lr.SetEventName(r.event.or(i))
	return r.body.read(i, lr.Body())
}
