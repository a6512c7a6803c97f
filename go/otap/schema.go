package otap

import (
	"github.com/apache/arrow-go/v18/arrow"

	"github.com/strait-data/strait/go/record"
)

// Columns of the Logs table, leaves in depth-first order.
const (
	colID = iota
	colResourceID
	colResourceURL
	colResourceDropped
	colScopeID
	colScopeName
	colScopeVersion
	colScopeDropped
	colScopeURL
	colTime
	colObserved
	colTraceID
	colSpanID
	colSeverity
	colSeverityText
	colBody // its type; the value columns follow in values
	colDropped
	colFlags
	colEvent
	colCount
)

var (
	u8Type        = arrow.PrimitiveTypes.Uint8
	u16Type       = arrow.PrimitiveTypes.Uint16
	u32Type       = arrow.PrimitiveTypes.Uint32
	utf8Type      = arrow.BinaryTypes.String
	binaryType    = arrow.BinaryTypes.Binary
	timestampType = &arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "UTC"}
	traceIDType   = &arrow.FixedSizeBinaryType{ByteWidth: 16}
	spanIDType    = &arrow.FixedSizeBinaryType{ByteWidth: 8}

	// plainEncoding marks id columns (S-10); without it they are read as deltas.
	plainEncoding = arrow.MetadataFrom(map[string]string{"encoding": "plain"})
)

func field(name string, t arrow.DataType) arrow.Field {
	return arrow.Field{Name: name, Type: t, Nullable: true}
}

func idField(name string, nullable bool) arrow.Field {
	return arrow.Field{Name: name, Type: u16Type, Nullable: nullable, Metadata: plainEncoding}
}

// textType returns the type of a dictionary-capable text column.
func textType(e encoding) arrow.DataType {
	switch e {
	case dict8:
		return &arrow.DictionaryType{IndexType: u8Type, ValueType: utf8Type}
	case dict16:
		return &arrow.DictionaryType{IndexType: u16Type, ValueType: utf8Type}
	}
	return utf8Type
}

// fields returns the fields of the type column and the value columns.
func (v *values) fields() []arrow.Field {
	all := [valCount]arrow.Field{
		field("str", utf8Type),
		field("int", arrow.PrimitiveTypes.Int64),
		field("double", arrow.PrimitiveTypes.Float64),
		field("bool", arrow.FixedWidthTypes.Boolean),
		field("bytes", binaryType),
		field("ser", binaryType),
	}
	out := []arrow.Field{{Name: "type", Type: u8Type}}
	for i, f := range all {
		if v.cols[i].enc != absent {
			out = append(out, f)
		}
	}
	return out
}

// arrowSchema returns the schema of the table as it was decided.
func (a *attrs) arrowSchema() (*arrow.Schema, error) {
	keys := []arrow.Field{idField("parent_id", false), {Name: "key", Type: textType(a.key.enc)}}
	fs := append(keys, a.values.fields()...)
	return arrow.NewSchema(fs, nil), nil
}

// arrowSchema returns the schema of the Logs table as it was decided.
func (t *logsTable) arrowSchema() (*arrow.Schema, error) {
	has := func(col int) bool { return t.cols[col].enc != absent }
	var fs []arrow.Field
	add := func(to *[]arrow.Field, col int, f arrow.Field) {
		if has(col) {
			*to = append(*to, f)
		}
	}
	text := func(to *[]arrow.Field, col int, name string) {
		add(to, col, field(name, textType(t.cols[col].enc)))
	}
	var res, scope []arrow.Field
	add(&res, colResourceID, idField("id", true))
	text(&res, colResourceURL, "schema_url")
	add(&res, colResourceDropped, field("dropped_attributes_count", u32Type))
	add(&scope, colScopeID, idField("id", true))
	text(&scope, colScopeName, "name")
	text(&scope, colScopeVersion, "version")
	add(&scope, colScopeDropped, field("dropped_attributes_count", u32Type))

	add(&fs, colID, idField("id", true))
	fs = append(fs, field("resource", arrow.StructOf(res...)))
	if t.scope {
		fs = append(fs, field("scope", arrow.StructOf(scope...)))
	}
	text(&fs, colScopeURL, "schema_url")
	add(&fs, colTime, field("time_unix_nano", timestampType))
	add(&fs, colObserved, field("observed_time_unix_nano", timestampType))
	add(&fs, colTraceID, field("trace_id", traceIDType))
	add(&fs, colSpanID, field("span_id", spanIDType))
	add(&fs, colSeverity, field("severity_number", arrow.PrimitiveTypes.Int32))
	text(&fs, colSeverityText, "severity_text")
	if has(colBody) {
		fs = append(fs, field("body", arrow.StructOf(t.body.fields()...)))
	}
	add(&fs, colDropped, field("dropped_attributes_count", u32Type))
	add(&fs, colFlags, field("flags", u32Type))
	text(&fs, colEvent, "event_name")
	return arrow.NewSchema(fs, nil), nil
}

// key names the decided schema.
func (t *logsTable) key() record.Key {
	var k uint64
	for i := range t.cols {
		k |= uint64(t.cols[i].enc) << (2 * i)
	}
	k |= t.body.key() << (2 * colCount)
	if t.scope {
		k |= 1 << 63
	}
	return record.Key{Payload: payloadLogs, Columns: k}
}
