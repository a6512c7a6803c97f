// Package otap turns pdata into the telemetry records of a slot (OTAP columns, format.md section 3)
// and back, and applies a unit's difference (section 4) to pdata that the host kept.
//
// Tables are written and read by the description of their columns, which is generated
// (schema_gen.go); what is of one signal is in a file of its name, logs.go.
//
// The encoder is complete and lossless for what OTAP can hold (docs/records-logs.md says for every
// field how it crosses): one pass measures, one writes straight into the slot, and in steady state
// nothing is allocated. It guarantees that text in the slot is UTF-8 (S-13). The decoder and
// ApplyDifference accept whatever bytes are there: they check first, and never panic.
//
// Claiming and publishing slots, and what to do with an error, is left to the unit.
package otap

import (
	"errors"
	"fmt"
)

// Limits.
const (
	// MaxIDs is the limit of items, of resources and of scopes in one batch: ids are u16 (S-10).
	MaxIDs = 65535
	// MaxDepth is how deep maps and slices may nest within one value. The outermost is level 1.
	MaxDepth = 64
	// decodeDepth is how deep values from the engine may nest: its own limit.
	decodeDepth = 128
)

// Value types (S-12), the same as pcommon's.
const (
	typeEmpty uint8 = iota
	typeStr
	typeInt
	typeDouble
	typeBool
	typeMap
	typeSlice
	typeBytes
	typeCount
)

// Fidelity says what happens to what cannot cross unchanged.
type Fidelity uint8

const (
	// Strict refuses it, with the path in the message.
	Strict Fidelity = iota
	// BestEffort replaces or leaves it out, and counts it.
	BestEffort
)

// Errors of the encoder. None of them is worth a retry with the same data.
var (
	// ErrText says that text is not UTF-8.
	ErrText = errors.New("text is not UTF-8")
	// ErrDepth says that a value nests deeper than MaxDepth.
	ErrDepth = errors.New("value nests too deep")
	// ErrEntityRefs says that a resource has entity references, which OTAP cannot hold.
	ErrEntityRefs = errors.New("resource has entity references, which records cannot hold")
	// ErrNoItems says that a resource or a scope has no items: a row of a record is an item.
	ErrNoItems = errors.New("has no items, so records cannot hold it")
	// ErrTooLarge says that one item does not fit the limit of a slot.
	ErrTooLarge = errors.New("item does not fit a slot")
	// ErrNotProjectable says that a projected batch would be ambiguous (a key that the unit reads
	// occurs twice in one map): the caller sends the full batch instead.
	ErrNotProjectable = errors.New("batch cannot be projected")
)

// PathError is an error of one value, with the place of it.
type PathError struct {
	// Path is the value's place, such as resource_logs[0].scope_logs[1].log_records[7].body; ""
	// where so many have been named that this one is only counted.
	Path string
	Err  error
}

// Error implements error.
func (e *PathError) Error() string { return fmt.Sprintf("%s: %v", e.Path, e.Err) }

// Unwrap returns the cause.
func (e *PathError) Unwrap() error { return e.Err }
