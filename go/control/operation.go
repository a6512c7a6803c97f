package control

import (
	"encoding/json"
	"fmt"
	"strings"
)

// OpKind is what an operation does. The numbers are in dataplane/control/vectors/codes.json.
type OpKind uint32

const (
	// Describe: what is built in. Runs on the caller's thread and starts nothing.
	Describe OpKind = 1 + iota
	// DefaultConfig: the default configuration of a component. Runs on the caller's thread.
	DefaultConfig
	// Validate: checks a unit's specification. Runs on the caller's thread and starts nothing.
	Validate
	// Create: keeps a unit's specification or an extension under a handle. Runs on the caller's
	// thread.
	Create
	// Start: starts a unit's lanes on their links.
	Start
	// Shutdown: drains and stops a unit.
	Shutdown
	// Capability: a call between components and extensions.
	Capability
	// Decode: reads a component's configuration and validates it. Runs on the caller's thread and
	// starts nothing.
	Decode
	// Counters: what the peer counts. Runs on the caller's thread and starts nothing.
	Counters
	// Collect: hands over what a component has measured. Runs on the caller's thread and starts
	// nothing.
	Collect
)

var kindNames = [...]string{
	Describe: "describe", DefaultConfig: "default_config", Validate: "validate", Create: "create",
	Start: "start", Shutdown: "shutdown", Capability: "capability", Decode: "decode",
	Counters: "counters", Collect: "collect",
}

// String returns the word for messages.
func (k OpKind) String() string {
	if k >= Describe && k <= Collect {
		return kindNames[k]
	}
	return fmt.Sprintf("operation %d", uint32(k))
}

// OperationError is why an operation failed.
type OperationError struct {
	// Class says what the caller may do.
	Class Class
	// Message says what happened, in one sentence.
	Message string
	// Component is the component or node where it happened; "" = not known.
	Component string
	// Errors says what is wrong with the configuration, key by key.
	Errors []PathError

	cause error // why the caller's context ended, when that is why
}

// PathError is what is wrong at one place of a configuration.
type PathError struct {
	// Path is relative to the component's configuration: `nodes::0::attribute::actions`.
	Path string `json:"path"`
	// Message says what was found there, and what is expected.
	Message string `json:"message"`
}

// Error returns everything, in one line.
func (e *OperationError) Error() string {
	var b strings.Builder
	if e.Component != "" {
		b.WriteString(e.Component + ": ")
	}
	for i, at := range e.Errors {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(at.Path + ": " + at.Message)
	}
	if len(e.Errors) == 0 { // else it sums up what was said already
		b.WriteString(e.Message)
	}
	if e.cause != nil {
		b.WriteString(": " + e.cause.Error())
	}
	return b.String()
}

// Unwrap returns why the caller's context ended, where that ended the operation: its own error, and
// the cause. So errors.Is finds either context.Canceled or context.DeadlineExceeded, not both.
func (e *OperationError) Unwrap() error {
	if e.cause != nil {
		return e.cause
	}
	return contextError(e.Class)
}

// errorPayload is an operation's error as it crosses.
type errorPayload struct {
	Message   string      `json:"message"`
	Component string      `json:"component"`
	Errors    []PathError `json:"errors"`
}

// operationError reads the end of a failed operation. A payload that is not the JSON it should be
// becomes the message.
func operationError(kind OpKind, code uint32, payload []byte) *OperationError {
	e := &OperationError{Class: classFromCode(code)}
	var body errorPayload
	if err := json.Unmarshal(payload, &body); err != nil {
		e.Message = fmt.Sprintf(
			"%s failed (%s); its error cannot be read: %v: %q",
			kind,
			e.Class,
			err,
			payload,
		)
		return e
	}
	e.Message, e.Component, e.Errors = body.Message, body.Component, body.Errors
	if e.Message == "" {
		e.Message = fmt.Sprintf("%s failed (%s) without a message", kind, e.Class)
	}
	return e
}
