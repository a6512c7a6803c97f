package record

import (
	"errors"
	"fmt"
)

// Three kinds of errors, told apart with errors.Is; errors.As gives the rule, the place and the
// numbers.
var (
	// ErrContent is matched by every refusal of a slot that is not laid out as the format says (the
	// protocol's close code `content`): nothing was taken from it, and the link ends, because the two
	// sides no longer agree on what crosses.
	ErrContent = errors.New("content of the slot is not valid")

	// ErrValue is matched by every refusal of a value that a well-formed slot must not hold: text
	// that is not UTF-8, an attribute type that does not exist. It ends the call that the batch
	// belongs to, and nothing else.
	ErrValue = errors.New("a value in the slot is not valid")

	// ErrLimit is matched when what was to be written is beyond a limit of the format. Nothing
	// crossed.
	ErrLimit = errors.New("more than the format holds")

	// ErrSlotTooSmall says that a slot has fewer bytes than what was to be written needs.
	ErrSlotTooSmall = errors.New("slot is too small")

	// ErrSchemasFull says that a payload has used all its schema ids but the one for the superset,
	// or the epoch what it may hold of schemas (S-8); the caller takes the superset.
	ErrSchemasFull = errors.New("all schema ids of the payload are in use")
)

// Fault is the first thing that breaks a rule of format.md.
type Fault struct {
	// Rule is the number of the broken rule, such as "S-2".
	Rule string
	// Where names the structure and field.
	Where string
	// Detail holds what was found and what was expected.
	Detail string
}

// Error implements error.
func (f *Fault) Error() string { return fmt.Sprintf("%s: %s: %s", f.Rule, f.Where, f.Detail) }

// ContentError is a fault that matches ErrContent.
type ContentError struct{ Fault }

// Unwrap makes every ContentError match ErrContent.
func (e *ContentError) Unwrap() error { return ErrContent }

// ValueError is a fault that matches ErrValue.
type ValueError struct{ Fault }

// Unwrap makes every ValueError match ErrValue.
func (e *ValueError) Unwrap() error { return ErrValue }

// LimitError is a fault that matches ErrLimit.
type LimitError struct{ Fault }

// Unwrap makes every LimitError match ErrLimit.
func (e *LimitError) Unwrap() error { return ErrLimit }

func fault(rule, where, format string, args []any) Fault {
	return Fault{Rule: rule, Where: where, Detail: fmt.Sprintf(format, args...)}
}

// ContentErrorf makes a ContentError; format and args make its Detail.
func ContentErrorf(rule, where, format string, args ...any) error {
	return &ContentError{fault(rule, where, format, args)}
}

// ValueErrorf makes a ValueError; format and args make its Detail.
func ValueErrorf(rule, where, format string, args ...any) error {
	return &ValueError{fault(rule, where, format, args)}
}

// limitErrorf makes a LimitError; format and args make its Detail.
func limitErrorf(rule, where, format string, args ...any) error {
	return &LimitError{fault(rule, where, format, args)}
}
