package otap

import (
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/strait-data/strait/go/record"
)

// logsTable measures and writes the root table, Logs: one row per log record.
type logsTable struct {
	cols   [colCount]column
	scope  bool // the scope struct is there
	body   values
	schema *record.Schema
	text   *text
	rows   int
	runs   []run

	texts  [colCount]textColumn
	counts [colCount]int // rows whose value is not the default
	want   uint32        // columns that may be sent, a bit each
	force  uint32        // columns that are sent even when all are default
	// The fixed-width columns, by row.
	time, observed []int64
	severity       []int32
	dropped, flags []uint32
	severityGuess  [32]uint16 // code of the severity text, by number
	traceIDs       [][16]byte
	spanIDs        [][8]byte
}

// run is a range of records of one ScopeLogs, with what they share.
type run struct {
	resource, scope          int // in the pdata
	resourceID, scopeID      uint16
	newResource              bool
	first, n                 int              // records
	row                      int              // of the first record
	codes                    [colCount]uint16 // of the shared text columns
	resDropped, scopeDropped uint32
}

// textColumn is a text column of the root table. Code 0 is the empty string, and null.
type textColumn struct {
	dict  textDict
	codes []uint16 // by row; of shared columns, the runs have them
	empty int
	bytes int // of all rows, for plain
}

func (c *textColumn) reset() {
	c.dict.reset()
	c.dict.add("", "")
	c.codes, c.empty, c.bytes = c.codes[:0], 0, 0
}

// take takes in the text of n rows.
func (c *textColumn) take(s string, n int, t *text) (uint16, error) {
	if s == "" {
		c.empty += n
		return 0, nil
	}
	code, err := c.dict.code(s, t)
	c.bytes += n * len(s)
	if t.repair && err == nil {
		c.bytes += n * (len(c.dict.out[code]) - len(s))
	}
	return code, err
}

// sharedTexts are the text columns whose value is one per run.
var sharedTexts = [...]int{colResourceURL, colScopeName, colScopeVersion, colScopeURL}

// rowTexts are the text columns with a value per row.
var rowTexts = [...]int{colSeverityText, colEvent}

func (t *logsTable) reset(x *text) {
	t.rows, t.runs, t.text, t.schema = 0, t.runs[:0], x, nil
	t.counts = [colCount]int{}
	t.time, t.observed, t.severity = t.time[:0], t.observed[:0], t.severity[:0]
	t.dropped, t.flags = t.dropped[:0], t.flags[:0]
	t.traceIDs, t.spanIDs = t.traceIDs[:0], t.spanIDs[:0]
	t.severityGuess = [32]uint16{}
	t.body.reset(x)
	for _, c := range sharedTexts {
		t.texts[c].reset()
	}
	for _, c := range rowTexts {
		t.texts[c].reset()
	}
}

func (t *logsTable) wants(col int) bool { return t.want&(1<<col) != 0 }

// sharedNames are how errors call the texts that a run's records share.
var sharedNames = [colCount]string{
	colResourceURL: resourceURL, colScopeName: "scope.name",
	colScopeVersion: "scope.version", colScopeURL: "schema_url",
}

// resourceURL is what measureRun calls the schema URL of a resource; a scope has a field of that
// name too.
const resourceURL = "resource.schema_url"

// measureRun takes in what the run's records share.
func (t *logsTable) measureRun(
	r *run, rl plog.ResourceLogs, sl plog.ScopeLogs,
) (where string, err error) {
	share := func(col int, s string) {
		if err == nil && t.wants(col) {
			if r.codes[col], err = t.texts[col].take(s, r.n, t.text); err != nil {
				where = sharedNames[col]
			}
		}
	}
	share(colResourceURL, rl.SchemaUrl())
	share(colScopeName, sl.Scope().Name())
	share(colScopeVersion, sl.Scope().Version())
	share(colScopeURL, sl.SchemaUrl())
	r.resDropped = rl.Resource().DroppedAttributesCount()
	r.scopeDropped = sl.Scope().DroppedAttributesCount()
	if r.resDropped != 0 {
		t.counts[colResourceDropped]++
	}
	if r.scopeDropped != 0 {
		t.counts[colScopeDropped]++
	}
	return where, err
}

// measureTexts takes in the texts and the body of one log record. On an error, where is the field.
func (t *logsTable) measureTexts(i int, lr plog.LogRecord) (where string, err error) {
	if t.wants(colSeverityText) {
		c := &t.texts[colSeverityText]
		// The text mostly follows from the number.
		guess := &t.severityGuess[uint32(lr.SeverityNumber())%uint32(len(t.severityGuess))]
		s := lr.SeverityText()
		if int(*guess) < len(c.dict.raw) && c.dict.raw[*guess] == s && s != "" {
			c.bytes += len(c.dict.out[*guess])
		} else if *guess, err = c.take(s, 1, t.text); err != nil {
			return "severity_text", err
		}
		c.codes[i] = *guess
	}
	if t.wants(colEvent) {
		c := &t.texts[colEvent]
		if c.codes[i], err = c.take(lr.EventName(), 1, t.text); err != nil {
			return "event_name", err
		}
	}
	if t.wants(colBody) {
		if err := t.body.put(i, lr.Body()); err != nil {
			return "body", err
		}
	}
	return "", nil
}

// grow makes room for the fixed-width fields of n more records.
func (t *logsTable) grow(n int) {
	t.time = growIf(t.wants(colTime), t.time, n)
	t.observed = growIf(t.wants(colObserved), t.observed, n)
	t.severity = growIf(t.wants(colSeverity), t.severity, n)
	t.dropped = growIf(t.wants(colDropped), t.dropped, n)
	t.flags = growIf(t.wants(colFlags), t.flags, n)
	t.traceIDs = growIf(t.wants(colTraceID), t.traceIDs, n)
	t.spanIDs = growIf(t.wants(colSpanID), t.spanIDs, n)
	for _, col := range rowTexts {
		t.texts[col].codes = growIf(t.wants(col), t.texts[col].codes, n)
	}
	if t.wants(colBody) {
		t.body.grow(n)
	}
}

func growIf[T any](is bool, s []T, n int) []T {
	if !is {
		return s
	}
	return extend(s, n)
}

// measureFixed takes in the fixed-width fields that are sent, of n records from first on; row is
// that of the first. One column after the other: a loop of a few instructions lets the processor
// wait for several records at once.
func (t *logsTable) measureFixed(row int, lrs plog.LogRecordSlice, first, n int) {
	if len(t.time) > 0 {
		takeIn(
			t, colTime, t.time[row:row+n],
			func(i int) int64 { return int64(lrs.At(first + i).Timestamp()) },
		)
	}
	if len(t.observed) > 0 {
		takeIn(
			t, colObserved, t.observed[row:row+n],
			func(i int) int64 { return int64(lrs.At(first + i).ObservedTimestamp()) },
		)
	}
	if len(t.severity) > 0 {
		takeIn(
			t, colSeverity, t.severity[row:row+n],
			func(i int) int32 { return int32(lrs.At(first + i).SeverityNumber()) },
		)
	}
	if len(t.flags) > 0 {
		takeIn(
			t, colFlags, t.flags[row:row+n],
			func(i int) uint32 { return uint32(lrs.At(first + i).Flags()) },
		)
	}
	if len(t.dropped) > 0 {
		takeIn(
			t, colDropped, t.dropped[row:row+n],
			func(i int) uint32 { return lrs.At(first + i).DroppedAttributesCount() },
		)
	}
	if len(t.traceIDs) > 0 {
		takeIn(
			t, colTraceID, t.traceIDs[row:row+n],
			func(i int) [16]byte { return lrs.At(first + i).TraceID() },
		)
	}
	if len(t.spanIDs) > 0 {
		takeIn(
			t, colSpanID, t.spanIDs[row:row+n],
			func(i int) [8]byte { return lrs.At(first + i).SpanID() },
		)
	}
}

// takeIn fills a column and counts what is not its default.
func takeIn[T comparable](t *logsTable, col int, dst []T, get func(int) T) {
	var none T
	set := 0
	for i := range dst {
		x := get(i)
		dst[i] = x
		if x != none {
			set++
		}
	}
	t.counts[col] += set
}

// decide chooses columns and encodings; superset: all of them, plain (S-8).
func (t *logsTable) decide(superset bool) record.Key {
	t.counts[colBody] = len(t.body.types) - t.body.kinds[typeEmpty]
	t.counts[colID], t.counts[colResourceID], t.counts[colScopeID] = t.rows, t.rows, t.rows
	for i := range t.cols {
		c := &t.cols[i]
		*c = column{enc: absent}
		if superset || t.force&(1<<i) != 0 || (t.wants(i) && t.counts[i] > 0) {
			c.enc = plain
		}
	}
	text := func(col int) {
		c, x := &t.cols[col], &t.texts[col]
		c.enc, c.nulls = absent, t.rows
		if !t.wants(col) { // a superset's column that this batch does not send: all null
			if superset {
				c.enc = plain
			}
			return
		}
		c.nulls = x.empty
		switch {
		case superset:
			c.enc = plain
		case x.empty < t.rows || t.force&(1<<col) != 0:
			c.enc = textEncoding(&x.dict)
		}
	}
	for _, c := range sharedTexts {
		text(c)
	}
	for _, c := range rowTexts {
		text(c)
	}
	t.cols[colTraceID].nulls = t.rows - t.counts[colTraceID]
	t.cols[colSpanID].nulls = t.rows - t.counts[colSpanID]
	t.scope = superset || t.wants(colScopeID)
	if len(t.body.types) < t.rows && superset { // not measured: all empty
		t.body.grow(t.rows)
		for i := range t.rows {
			t.body.putType(i, typeEmpty)
		}
	}
	t.body.decide(superset)
	if t.cols[colBody].enc == absent {
		for i := range t.body.cols {
			t.body.cols[i].enc = absent
		}
	}
	return t.key()
}

// plan announces the dictionaries and the record batch, in the order of arrowSchema.
func (t *logsTable) plan(p *record.Plan) {
	id := 0
	for col := range t.cols {
		if e := t.cols[col].enc; e == dict8 || e == dict16 {
			t.cols[col].planDict(p, t.schema, id, &t.texts[col].dict)
			id++
		}
	}
	p.Message(t.schema, -1, t.rows)
	structure := func() { // a struct has no nulls
		p.Node(t.rows, 0)
		p.Buffer(0)
	}
	t.planColumn(p, colID)
	structure()
	for col := colResourceID; col <= colResourceDropped; col++ {
		t.planColumn(p, col)
	}
	if t.scope {
		structure()
		for col := colScopeID; col <= colScopeDropped; col++ {
			t.planColumn(p, col)
		}
	}
	for col := colScopeURL; col < colBody; col++ {
		t.planColumn(p, col)
	}
	if t.cols[colBody].enc != absent {
		structure()
		t.body.plan(p)
	}
	for col := colBody + 1; col < colCount; col++ {
		t.planColumn(p, col)
	}
}

// widths of the fixed-width columns in bytes; text columns have 0.
var widths = [colCount]int{
	colID: 2, colResourceID: 2, colScopeID: 2, colResourceDropped: 4, colScopeDropped: 4,
	colTime: 8, colObserved: 8, colTraceID: 16, colSpanID: 8, colSeverity: 4, colDropped: 4,
	colFlags: 4,
}

func (t *logsTable) planColumn(p *record.Plan, col int) {
	c := &t.cols[col]
	switch {
	case c.enc == absent:
	case widths[col] > 0:
		c.planFixed(p, t.rows, widths[col])
	case c.enc == plain:
		c.planVariable(p, t.rows, t.texts[col].bytes)
	default:
		// planDict kept the dictionary's buffers in second; planFixed leaves it alone.
		c.planFixed(p, t.rows, c.enc.width())
	}
}
