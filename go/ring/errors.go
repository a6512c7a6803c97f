package ring

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Errors that callers tell apart with errors.Is. The first eleven stand for the codes of the
// protocol's close words (section 5): an [*Error] matches the one of its code, whoever found it.
var (
	// ErrClosed says that the link was closed in order, by this side or the other.
	ErrClosed error = codeError(CodeClosed)
	// ErrHeader says that an object of the other side is not what was agreed.
	ErrHeader error = codeError(CodeHeader)
	// ErrSequence says that a descriptor's sequence is neither empty nor next.
	ErrSequence error = codeError(CodeSequence)
	// ErrDescriptor says that a published descriptor is not valid.
	ErrDescriptor error = codeError(CodeDescriptor)
	// ErrHead says that the consumer's head went back, or past the tail.
	ErrHead error = codeError(CodeHead)
	// ErrRelease says that something other than a published slot was released.
	ErrRelease error = codeError(CodeRelease)
	// ErrAckOverflow says that an ack found no room.
	ErrAckOverflow error = codeError(CodeAckOverflow)
	// ErrContent says that the layer above refused a slot's content.
	ErrContent error = codeError(CodeContent)
	// ErrPeerLost says that the other side's process has ended, or hung up.
	ErrPeerLost error = codeError(CodePeerLost)

	// ErrAbandoned says that a side's program failed and left the link without ending it.
	ErrAbandoned error = codeError(CodeAbandoned)
	// ErrInFlight says that the sender had more unanswered messages than it may.
	ErrInFlight error = codeError(CodeInFlight)

	// ErrFull says that there is no room now; a later call may succeed.
	ErrFull = errors.New("strait ring: full")
	// ErrDeadline says that no room came within the link's longest wait.
	ErrDeadline = errors.New("strait ring: no room before the deadline")
	// ErrTooLarge says that a message can never fit this link.
	ErrTooLarge = errors.New("strait ring: too large for the link")
	// ErrNoMemory says that the system has no memory for a slot. Nothing is claimed.
	ErrNoMemory = errors.New("strait ring: no memory for a slot")
	// ErrStale says that a claim or a lease was used after its end. Nothing was changed.
	ErrStale = errors.New("strait ring: claim or lease was used after its end")
	// ErrGoaway says that this side has announced that no message follows.
	ErrGoaway = errors.New("strait ring: goaway was sent")
	// ErrInvalid says that the caller's argument breaks the protocol. Nothing was changed.
	ErrInvalid = errors.New("strait ring: invalid argument")
	// ErrNotReady says that the link has not been joined with the other side's objects yet.
	ErrNotReady = errors.New("strait ring: link is not joined yet: call Accept first")
	// ErrUnsupported says that this system lacks what the ring needs.
	ErrUnsupported = errors.New("strait ring: needs Linux on amd64 or arm64 (memfd seals, eventfd)")
)

// What was lacking, ready made: a full ring is an answer, not a reason to allocate.
var (
	errNoBlocks      = fmt.Errorf("%w: no free run of slab blocks is long enough", ErrFull)
	errNoInFlight    = fmt.Errorf("%w: too many messages wait for their answer (R-11)", ErrFull)
	errNoDescriptors = fmt.Errorf("%w: no free descriptor (R-11)", ErrFull)
	errQueued        = fmt.Errorf("%w: earlier callers wait for room", ErrFull)
)

// Code is why a link was closed: the value of its close words (protocol section 5).
type Code uint32

// String returns the protocol's name of the code, or its number when the protocol has none.
func (c Code) String() string {
	if int64(c) < int64(len(codeNames)) && codeNames[c] != "" {
		return codeNames[c]
	}
	return "code " + strconv.FormatUint(uint64(c), 10)
}

// hint is what to do about an error of this code.
func (c Code) hint() string {
	switch c {
	case CodeHeader:
		return "build both sides from the same version of Strait, and start the peer again"
	case CodeSequence, CodeDescriptor, CodeHead, CodeRelease, CodeAckOverflow, CodeContent,
		CodeInFlight:
		return "this is a fault of one side's program, or memory was overwritten; " +
			"the peer must be started again"
	case CodePeerLost:
		return "what was in flight may be sent again once the peer runs"
	case CodeAbandoned:
		return "the log of the side that failed says why; what was in flight may be sent again " +
			"once it runs"
	default:
		return ""
	}
}

// codeError is the sentinel of one code.
type codeError Code

func (e codeError) Error() string { return "strait ring: " + Code(e).String() }

// Error is the end of a link: which rule of the protocol was broken where, or who closed it.
type Error struct {
	// Code is what the close words say.
	Code Code
	// Link is the link's number as the caller gave it, 0 if none was given.
	Link uint16
	// Where names the object and the place in it, such as "p2h descriptor at position 7".
	Where string
	// Field, Expected and Found say what did not match; empty when nothing was compared.
	Field, Expected, Found string
	// ByPeer says that the other side closed the link with this code.
	ByPeer bool
	// Cause is a further reason, or nil.
	Cause error
}

// Error says what happened, where, what was expected and found, and what to do.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("strait ring: ")
	if e.Link != 0 {
		fmt.Fprintf(&b, "link %d: ", e.Link)
	}
	b.WriteString(e.Code.String())
	if e.ByPeer {
		b.WriteString(": the other side closed the link")
	}
	if e.Where != "" {
		b.WriteString(": " + e.Where)
	}
	if e.Field != "" {
		fmt.Fprintf(&b, ": %s: expected %s, found %s", e.Field, e.Expected, e.Found)
	}
	if e.Cause != nil {
		fmt.Fprintf(&b, ": %v", e.Cause)
	}
	if hint := e.Code.hint(); hint != "" {
		b.WriteString(" (" + hint + ")")
	}
	return b.String()
}

// Is reports whether target is the sentinel of the error's code.
func (e *Error) Is(target error) bool {
	code, ok := target.(codeError)
	return ok && Code(code) == e.Code
}

// Unwrap returns the further reason.
func (e *Error) Unwrap() error { return e.Cause }

// violation is a value of the other side that breaks a rule: the field and both values.
type violation struct{ field, expected, found string }

// mismatch describes a number that should have been exactly want.
func mismatch(field string, want, found uint64) *violation {
	return &violation{field, strconv.FormatUint(want, 10), strconv.FormatUint(found, 10)}
}

// outside describes a number that breaks the bound that expected states.
func outside(field, expected string, found uint64) *violation {
	return &violation{field, expected, strconv.FormatUint(found, 10)}
}

// at makes the violation an error of its place.
func (v *violation) at(code Code, where string) *Error {
	return &Error{Code: code, Where: where, Field: v.field, Expected: v.expected, Found: v.found}
}
