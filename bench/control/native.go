//go:build cgo && linux

// Package control measures what the control channel's generated calls (rust2go) cost against the
// same calls over a C interface written by hand, in one process, on the same values.
// bench/control/run.sh builds and runs it.
package control

/*
#cgo LDFLAGS: -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc
#include <stddef.h>
#include <stdint.h>

typedef struct {
	uint32_t class_code, grpc, http;
	uint64_t delay_ns, rejected;
	const char *message; size_t message_len;
	const char *component; size_t component_len;
} CFailure;
typedef struct {
	uint32_t level;
	const char *target; size_t target_len;
	const char *message; size_t message_len;
	const char *fields; size_t fields_len;
	uint64_t handle;
} CLine;
typedef struct {
	void (*failed)(uint64_t, CFailure);
	void (*log)(CLine);
	void (*done)(uint64_t, const uint8_t *, size_t);
} CHost;

extern unsigned strait_entry(void);
extern void raw_bind(CHost host);
extern void raw_batch_cancel(uint64_t call_id);
extern void raw_batch_failed(uint64_t call_id, CFailure failure);
extern void raw_operation(uint64_t id, const uint8_t *payload, size_t len);
extern void raw_lines(uint64_t lines);
extern void raw_allocate(_Bool counted, uint64_t rounds);

extern void rawFailed(uint64_t, CFailure);
extern void rawLog(CLine);
extern void rawDone(uint64_t, uint8_t *, size_t);

static void *strait_entry_address(void) { return (void *)strait_entry; }
static void bind(void) {
	CHost host = {rawFailed, rawLog, (void (*)(uint64_t, const uint8_t *, size_t))rawDone};
	raw_bind(host);
}
*/
import "C"

import (
	"strings"
	"time"
	"unsafe"

	"github.com/strait-data/strait/go/control"
)

func init() {
	control.RegisterEntry(C.strait_entry_address(), "bench")
	C.bind()
}

// What the hand-written interface hands over; set before it is called.
var (
	onFailed func(uint64, *control.Failure)
	onLog    func(control.LogRecord)
	onDone   func(uint64, []byte)
)

func cancel(id uint64) { C.raw_batch_cancel(C.uint64_t(id)) }

// text is a string in C's terms. cgo checks and pins the argument, which is passed by value.
func text(s string) (*C.char, C.size_t) {
	return (*C.char)(unsafe.Pointer(unsafe.StringData(s))), C.size_t(len(s))
}

func failed(id uint64, f *control.Failure) {
	// Copied, as the control channel does: cgo checks the whole object that a string lies in.
	message, messageLen := text(strings.Clone(f.Message))
	component, componentLen := text(strings.Clone(f.Component))
	C.raw_batch_failed(C.uint64_t(id), C.CFailure{
		class_code: C.uint32_t(f.Class), grpc: C.uint32_t(f.GRPCCode), http: C.uint32_t(f.HTTPCode),
		delay_ns: C.uint64_t(f.RetryDelay), rejected: C.uint64_t(f.RejectedItems),
		message: message, message_len: messageLen, component: component, component_len: componentLen,
	})
}

func operation(id uint64, payload []byte) {
	own := append([]byte(nil), payload...)
	C.raw_operation(C.uint64_t(id), (*C.uint8_t)(unsafe.SliceData(own)), C.size_t(len(own)))
}

func lines(n uint64) { C.raw_lines(C.uint64_t(n)) }

func allocate(counted bool, rounds uint64) { C.raw_allocate(C._Bool(counted), C.uint64_t(rounds)) }

//export rawFailed
func rawFailed(id C.uint64_t, f C.CFailure) {
	onFailed(uint64(id), &control.Failure{
		Class: control.Class(f.class_code), GRPCCode: uint32(f.grpc), HTTPCode: uint32(f.http),
		RetryDelay: time.Duration(f.delay_ns), RejectedItems: uint64(f.rejected),
		Message: C.GoStringN(
			f.message,
			C.int(f.message_len),
		), Component: C.GoStringN(f.component, C.int(f.component_len)),
	})
}

//export rawLog
func rawLog(l C.CLine) {
	onLog(control.LogRecord{
		Level: control.Level(l.level), Target: C.GoStringN(l.target, C.int(l.target_len)),
		Message: C.GoStringN(
			l.message,
			C.int(l.message_len),
		), FieldsJSON: C.GoStringN(l.fields, C.int(l.fields_len)),
		Handle: uint64(l.handle),
	})
}

//export rawDone
func rawDone(id C.uint64_t, payload *C.uint8_t, n C.size_t) {
	onDone(uint64(id), C.GoBytes(unsafe.Pointer(payload), C.int(n)))
}
