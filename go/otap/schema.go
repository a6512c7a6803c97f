package otap

import (
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
)

// payloadSchema is one payload type of OTAP, a table; schema_gen.go lists all of them.
type payloadSchema struct {
	number     uint16
	name       string
	difference bool // a difference may name it
	columns    []columnSchema
}

// columnSchema is one column; its place in the table's list is its number. The columns within a
// struct or a list follow it.
type columnSchema struct {
	path       string // its name, behind those of the structs and lists around it
	typ        columnType
	size       int   // bytes of a value, of columnFixedSizeBinary
	dictionary uint8 // bits of the smallest key; 0: no dictionary
	required   bool
	role       role
	plan       string // what a plan calls it; "": it cannot be asked for
	difference bool   // a difference may change it
	nested     int    // columns behind it that are within it
}

// columnType is the type of a column's values, by the engine's names.
type columnType uint8

const (
	columnBoolean columnType = iota
	columnUInt8
	columnUInt16
	columnUInt32
	columnUInt64
	columnInt32
	columnInt64
	columnFloat64
	columnUtf8
	columnBinary
	columnFixedSizeBinary
	columnTimestampNanosecond
	columnDurationNanosecond
	columnStruct
	columnList
)

// role says what a column is there for.
type role uint8

const (
	roleRow    role = iota // a value of each row
	roleRun                // the same in all rows of one scope
	roleID                 // the ordinal that rows of other tables name as their parent
	roleParent             // the id of the row that this one belongs to
	roleValue              // a part of a value of any type
)

// schemaOf returns the schema of a payload type that OTAP has.
func schemaOf(payload uint16) *payloadSchema {
	for i := range schemas {
		if schemas[i].number == payload {
			return &schemas[i]
		}
	}
	return nil
}

// column returns the number of the column with this path; it is there.
func (p *payloadSchema) column(path string) int {
	for i := range p.columns {
		if p.columns[i].path == path {
			return i
		}
	}
	panic("otap: " + p.name + " has no column " + path)
}

// name is the column's own name.
func (c *columnSchema) name() string { return c.path[strings.LastIndexByte(c.path, '.')+1:] }

// isID says that the column's numbers are ids, which must be marked as plain (S-10).
func (c *columnSchema) isID() bool { return c.role == roleID || c.role == roleParent }

// bytes returns the width of a value in a column of fixed width.
func (c *columnSchema) bytes() int {
	if c.typ == columnFixedSizeBinary {
		return c.size
	}
	return arrowTypes[c.typ].(arrow.FixedWidthDataType).Bytes()
}

// arrowTypes are Arrow's types of columns that have no others within them.
var arrowTypes = [...]arrow.DataType{
	columnBoolean:             arrow.FixedWidthTypes.Boolean,
	columnUInt8:               arrow.PrimitiveTypes.Uint8,
	columnUInt16:              arrow.PrimitiveTypes.Uint16,
	columnUInt32:              arrow.PrimitiveTypes.Uint32,
	columnUInt64:              arrow.PrimitiveTypes.Uint64,
	columnInt32:               arrow.PrimitiveTypes.Int32,
	columnInt64:               arrow.PrimitiveTypes.Int64,
	columnFloat64:             arrow.PrimitiveTypes.Float64,
	columnUtf8:                arrow.BinaryTypes.String,
	columnBinary:              arrow.BinaryTypes.Binary,
	columnTimestampNanosecond: &arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "UTC"},
	columnDurationNanosecond:  arrow.FixedWidthTypes.Duration_ns,
}

// arrowIDs are Arrow's numbers of the types.
var arrowIDs = [...]arrow.Type{
	columnBoolean: arrow.BOOL, columnUInt8: arrow.UINT8, columnUInt16: arrow.UINT16,
	columnUInt32: arrow.UINT32, columnUInt64: arrow.UINT64, columnInt32: arrow.INT32,
	columnInt64: arrow.INT64, columnFloat64: arrow.FLOAT64, columnUtf8: arrow.STRING,
	columnBinary: arrow.BINARY, columnFixedSizeBinary: arrow.FIXED_SIZE_BINARY,
	columnTimestampNanosecond: arrow.TIMESTAMP, columnDurationNanosecond: arrow.DURATION,
	columnStruct: arrow.STRUCT, columnList: arrow.LIST,
}

// arrowType returns the type of the column's values.
func (c *columnSchema) arrowType() arrow.DataType {
	if c.typ == columnFixedSizeBinary {
		return &arrow.FixedSizeBinaryType{ByteWidth: c.size}
	}
	return arrowTypes[c.typ]
}

// typeName is what errors call the type.
func (c *columnSchema) typeName() string {
	switch c.typ {
	case columnStruct:
		return "struct"
	case columnList:
		return "list"
	}
	return c.arrowType().String()
}

// plainEncoding marks id columns (S-10); without it they are read as deltas.
var plainEncoding = arrow.MetadataFrom(map[string]string{"encoding": "plain"})

// arrowFields returns the fields of the columns that are present, each as it is encoded.
func arrowFields(columns []columnSchema, encodings []encoding) []arrow.Field {
	fields := []arrow.Field{}
	for i := 0; i < len(columns); i++ {
		c := &columns[i]
		within := columns[i+1 : i+1+c.nested]
		if encodings[i] != absent {
			field := arrow.Field{Name: c.name(), Nullable: !c.required}
			if c.typ == columnStruct {
				field.Type = arrow.StructOf(arrowFields(within, encodings[i+1:])...)
			} else {
				field.Type = encodings[i].arrowType(c.arrowType())
			}
			if c.isID() {
				field.Metadata = plainEncoding
			}
			fields = append(fields, field)
		}
		i += c.nested
	}
	return fields
}

// arrowType returns the type of a column whose values have type t.
func (e encoding) arrowType(t arrow.DataType) arrow.DataType {
	switch e {
	case dict8:
		return &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Uint8, ValueType: t}
	case dict16:
		return &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Uint16, ValueType: t}
	}
	return t
}

// schemaKey packs the encodings of a table's columns, two bits each, as the name of its schema. No
// table has more than 32 columns.
func schemaKey(encodings []encoding) (key uint64) {
	for i, e := range encodings {
		key |= uint64(e) << (2 * i)
	}
	return key
}
