//go:build cgo && linux

package control

// Calls to Rust go through cgo itself: each message goes BY VALUE as the generated C structure, so
// every Go pointer in it counts as an argument, which cgo checks and keeps alive. Never add
// `#cgo noescape` here: most of these calls can call back.

/*
#include "idl_gen.h"

typedef uint32_t (*strait_entry_fn)(uint64_t, const HostTable *, uintptr_t, PeerTable *, uintptr_t);

static uint32_t strait_bind(void *entry, uint64_t abi, uintptr_t *out) {
	static const HostTable host = HOST_TABLE_INIT;
	static PeerTable peer;
	*out = (uintptr_t)&peer;
	return ((strait_entry_fn)entry)(abi, &host, sizeof host, &peer, sizeof peer);
}
*/
import "C"

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
	"unsafe"
)

const (
	supported   = true
	unsupported = ""
)

func init() { hostCallsImpl = host{} } // before any library can call

const sameRelease = "build the Collector and its Rust components from the same release of Strait"

// bindErrors is what the numbers of entry.rs mean.
var bindErrors = map[C.uint32_t]string{
	1: "it was built from another version of the control interface: " + sameRelease,
	2: "its tables of functions have another size: " + sameRelease,
	3: "it was bound before, by another copy of this package: a Collector must contain one version " +
		"of github.com/strait-data/strait/go",
	4: "its start-up code panicked: the panic is on stderr",
}

func bindEntry(entry unsafe.Pointer) (transport, error) {
	var table C.uintptr_t
	if rc := C.strait_bind(entry, abiHash, &table); rc != 0 {
		if text, ok := bindErrors[rc]; ok {
			return nil, errors.New(text)
		}
		return nil, fmt.Errorf("strait_entry returned %d, which this version does not know", rc)
	}
	return peerCalls{table}, nil
}

// peerCalls is the address of the peer's table: static C memory, filled once, read-only since.
type peerCalls struct{ table C.uintptr_t }

func (p peerCalls) opStart(id, handle uint64, kind OpKind, timeout time.Duration, payload []byte) {
	// Copied because cgo checks the whole object that the bytes lie in: the caller's may hold
	// pointers.
	m := opStart{
		op_id:      id,
		handle:     handle,
		kind:       uint32(kind),
		timeout_ns: uint64(timeout),
		payload:    own(payload),
	}
	C.peer_op_start(p.table, refOpStart(&m, nil))
}

func (p peerCalls) opCancel(id uint64) { C.peer_op_cancel(p.table, C.uint64_t(id)) }

func (p peerCalls) batchCancel(callID uint64) { C.peer_batch_cancel(p.table, C.uint64_t(callID)) }

func (p peerCalls) batchFailed(callID uint64, f *Failure) {
	m := failureMessage{
		class_code:     uint32(f.Class),
		grpc_code:      f.GRPCCode,
		http_code:      f.HTTPCode,
		retry_delay_ns: uint64(max(0, f.RetryDelay)),
		rejected_items: f.RejectedItems,
		message:        strings.Clone(f.Message), // as the payload above
		component:      strings.Clone(f.Component),
	}
	C.peer_batch_failed(p.table, C.uint64_t(callID), refFailureMessage(&m, nil))
}

func (p peerCalls) opDone(id uint64, code uint32, payload []byte) {
	m := opDone{op_id: id, class_code: code, payload: own(payload)} // as in opStart
	C.peer_op_done(p.table, refOpDone(&m, nil))
}

func (p peerCalls) logLevel(level Level) { C.peer_log_level(p.table, C.uint32_t(level)) }

func (p peerCalls) spanStarted(token uint64, id SpanID) {
	C.peer_span_started(p.table, C.uint64_t(token),
		C.uint64_t(binary.BigEndian.Uint64(id.TraceID[:8])),
		C.uint64_t(binary.BigEndian.Uint64(id.TraceID[8:])),
		C.uint64_t(binary.BigEndian.Uint64(id.SpanID[:])), C.uint32_t(id.Flags))
}

// host is what the peer calls, on its own threads. Everything it is given lies in the peer's memory
// until it returns, so it copies first. No panic may leave it.
type host struct{}

func (host) op_done(d opDone) {
	end := opEnd{failed: errors.New("its end could not be taken")}
	taken := contain(func() { end = opEnd{code: d.class_code, payload: own(d.payload)} })
	if taken != nil {
		end.failed = taken
	}
	deliverOpDone(d.op_id, end)
}

func (host) batch_failed(callID uint64, m failureMessage) {
	const longest = 1<<63 - 1
	deliverBatchFailed(callID, &Failure{
		Class:         classFromCode(m.class_code),
		GRPCCode:      m.grpc_code,
		HTTPCode:      m.http_code,
		RetryDelay:    time.Duration(min(m.retry_delay_ns, longest)),
		RejectedItems: m.rejected_items,
		Message:       strings.Clone(m.message),
		Component:     strings.Clone(m.component),
	})
}

func (host) batch_cancel(callID uint64) { deliverBatchCancel(callID) }

func (host) log(m logMessage) {
	deliverLog(LogRecord{
		Level:      Level(m.level),
		Target:     strings.Clone(m.target),
		File:       strings.Clone(m.file),
		Line:       int(m.line),
		Message:    strings.Clone(m.message),
		FieldsJSON: strings.Clone(m.fields_json),
		Handle:     m.handle,
	})
}

func (host) status(handle uint64, code uint32, message string) {
	deliverStatus(Status{Handle: handle, Code: StatusCode(code), Message: strings.Clone(message)})
}

func (host) op_start(m opStart) {
	const longest = 1<<63 - 1
	deliverOpStart(
		m.op_id,
		m.handle,
		OpKind(m.kind),
		time.Duration(min(m.timeout_ns, longest)),
		own(m.payload),
	)
}

func (host) op_cancel(id uint64) { deliverOpCancel(id) }

func (host) measured(handle uint64, what []byte) { deliverMeasured(handle, own(what)) }

func (host) span_start(token, handle uint64, span []byte) {
	deliverSpanStart(token, handle, own(span))
}

func (host) span_end(token, handle uint64, span []byte) { deliverSpanEnd(token, handle, own(span)) }
