package record

import (
	"errors"
	"fmt"
)

// ErrContent is what every refusal of a slot's content wraps (the protocol's close code `content`).
// The bytes were not what the format says; nothing was taken from them.
var ErrContent = errors.New("content of the slot is not valid")

// ContentError names the first thing in a slot that breaks a rule of format.md.
type ContentError struct {
	// Rule is the number of the broken rule, such as "S-2".
	Rule string
	// Where names the structure and field.
	Where string
	// Detail holds what was found and what was expected.
	Detail string
}

// Error implements error.
func (e *ContentError) Error() string {
	return fmt.Sprintf("%s: %s: %s", e.Rule, e.Where, e.Detail)
}

// Unwrap makes every ContentError match ErrContent.
func (e *ContentError) Unwrap() error { return ErrContent }

// contentErr builds a ContentError; format and args make its Detail.
func contentErr(rule, where, format string, args ...any) error {
	return &ContentError{Rule: rule, Where: where, Detail: fmt.Sprintf(format, args...)}
}

// ErrSlotTooSmall says that a slot has fewer bytes than what was to be written needs.
var ErrSlotTooSmall = errors.New("slot is too small")

// ErrSchemasFull says that a payload has used all its schema ids but the one for the superset
// (S-8); the caller takes the superset.
var ErrSchemasFull = errors.New("all schema ids of the payload are in use")
