package control

import "fmt"

// Class says what a caller may do about an error. It is the same in Rust (errors.rs); the numbers
// are in dataplane/control/vectors/codes.json.
type Class uint32

const (
	// Permanent: the same data will fail again. Drop it, do not retry.
	Permanent Class = 1 + iota
	// Retryable: may work later.
	Retryable
	// Refused: not accepted now, for lack of memory or space; nothing was done. Retry later.
	Refused
	// Cancelled: the caller's context was cancelled.
	Cancelled
	// Deadline: the caller's deadline passed.
	Deadline
	// Unavailable: the other side is gone or not ready. Retry later.
	Unavailable
	// Internal: a bug, on either side: a panic, or a broken promise.
	Internal
)

// classOK is not an error: only on the wire, in the end of an operation.
const classOK = 0

var classNames = [...]string{
	Permanent: "permanent", Retryable: "retryable", Refused: "refused", Cancelled: "cancelled",
	Deadline: "deadline", Unavailable: "unavailable", Internal: "internal",
}

// String returns the word for messages and metrics.
func (c Class) String() string {
	if c.valid() {
		return classNames[c]
	}
	return fmt.Sprintf("class %d", uint32(c))
}

// IsFinal says that the same data must not be offered again: it would fail the same way, or nobody
// waits for it any more. The rule of both languages, and of the engine's nack.
func (c Class) IsFinal() bool {
	return c == Permanent || c == Cancelled || c == Deadline || c == Internal
}

func (c Class) valid() bool { return c >= Permanent && c <= Internal }

// classFromCode gives the class of a number that crossed. One that does not exist is the other
// side's bug.
func classFromCode(code uint32) Class {
	if c := Class(code); c.valid() {
		return c
	}
	return Internal
}
