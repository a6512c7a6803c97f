//go:build cgo && linux

package native

/*
#cgo LDFLAGS: -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
	uint64_t session;
	uint32_t epoch, descriptors, blocks, latency;
	int32_t fds[7];
	int32_t cpu;
} Offer;
typedef struct { int32_t fds[3]; } Answer;
typedef struct { const void *ptr; uintptr_t len; } ListRef; // rust2go's

size_t strait_bench_error(uint8_t *buffer, size_t len);
int64_t strait_bench_line(uint64_t rounds, int32_t cpu);
void *strait_bench_reader_open(const uint8_t *slot, size_t len);
int32_t strait_bench_reader_schema(void *reader, const uint8_t *preamble, size_t len);
int32_t strait_bench_memcpy(void *reader, uint64_t rounds);
int64_t strait_bench_decode(void *reader, uint64_t rounds, bool trusted);
void strait_bench_reader_close(void *reader);
void *strait_bench_peer_start(const Offer *offer, Answer *answer);
int32_t strait_bench_peer_join(void *peer);
void *strait_bench_lane_start(const Offer *offer, const uint8_t *spec, size_t len, Answer *answer);
int32_t strait_bench_lane_stop(void *lane);
uintptr_t strait_bench_rust2go_otlp(void);

// As rust2go's own glue: arguments by value, their addresses in an array.
static void rust2go_otlp(uintptr_t entry, ListRef request) {
	const void *args[] = {&request};
	((void (*)(const void *const *))entry)(args);
}
*/
import "C"

import (
	"errors"
	"fmt"
	"time"
	"unsafe"

	"github.com/strait-data/strait/go/ring"
)

// reason is why the last call of this thread failed. Callers lock the thread where that matters; a
// bench ends at its first error.
func reason(what string) error {
	text := make([]byte, 1024)
	n := C.strait_bench_error((*C.uint8_t)(unsafe.SliceData(text)), C.size_t(len(text)))
	return fmt.Errorf("%s: %s", what, text[:n])
}

// Line sends a cache line to a thread on the CPU and back, n times, and gives what that took.
func Line(n, cpu int) (time.Duration, error) {
	ns := C.strait_bench_line(C.uint64_t(n), C.int32_t(cpu))
	if ns < 0 {
		return 0, reason("line")
	}
	return time.Duration(ns), nil
}

// Reader reads one slot again and again.
type Reader struct {
	handle unsafe.Pointer
	rows   int
}

// NewReader copies the slot and the preambles of its schemas. rows is how many rows its tables have
// in all.
func NewReader(slot []byte, preambles [][]byte, rows int) (*Reader, error) {
	h := C.strait_bench_reader_open((*C.uint8_t)(unsafe.SliceData(slot)), C.size_t(len(slot)))
	if h == nil {
		return nil, reason("reader")
	}
	r := &Reader{h, rows}
	for _, p := range preambles {
		if C.strait_bench_reader_schema(h, (*C.uint8_t)(unsafe.SliceData(p)), C.size_t(len(p))) < 0 {
			r.Close()
			return nil, reason("schema")
		}
	}
	return r, nil
}

// Memcpy copies the slot n times.
func (r *Reader) Memcpy(n int) error {
	C.strait_bench_memcpy(r.handle, C.uint64_t(n))
	return nil
}

// Decode makes record batches of the slot n times.
func (r *Reader) Decode(n int, trusted bool) error {
	rows := C.strait_bench_decode(r.handle, C.uint64_t(n), C.bool(trusted))
	if rows < 0 {
		return reason("decode")
	}
	if r.rows != int(rows) {
		return fmt.Errorf("decode: %d rows, expected %d", rows, r.rows)
	}
	return nil
}

// Close gives the slot back.
func (r *Reader) Close() { C.strait_bench_reader_close(r.handle) }

// Peer is the Rust end of a link.
type Peer struct {
	handle unsafe.Pointer
	end    func(unsafe.Pointer) C.int32_t
}

// StartPeer joins the host with a Rust thread on the CPU (-1: any) that decodes each batch and acks
// it.
func StartPeer(host *ring.Link, latency bool, cpu int) (*Peer, error) {
	o, answer := offer(host, latency, cpu), C.Answer{}
	h := C.strait_bench_peer_start(&o, &answer)
	if h == nil {
		return nil, reason("peer")
	}
	p := &Peer{h, func(h unsafe.Pointer) C.int32_t { return C.strait_bench_peer_join(h) }}
	return p, accept(host, answer)
}

// StartLane joins the host with an engine lane that runs the unit of spec (JSON); the component
// bench_sink is there.
func StartLane(host *ring.Link, spec string) (*Peer, error) {
	o, answer, text := offer(host, false, -1), C.Answer{}, []byte(spec)
	h := C.strait_bench_lane_start(
		&o,
		(*C.uint8_t)(unsafe.SliceData(text)),
		C.size_t(len(text)),
		&answer,
	)
	if h == nil {
		return nil, reason("lane")
	}
	p := &Peer{h, func(h unsafe.Pointer) C.int32_t { return C.strait_bench_lane_stop(h) }}
	return p, accept(host, answer)
}

// Stop ends the Rust side. A peer ends when its link does, so close the link first; a lane is
// drained, so close the link afterwards.
func (p *Peer) Stop() error {
	if p.end(p.handle) < 0 {
		return reason("stop")
	}
	return nil
}

func offer(host *ring.Link, latency bool, cpu int) C.Offer {
	f := host.Offer()
	o := C.Offer{
		session: C.uint64_t(f.Session), epoch: C.uint32_t(f.Epoch),
		descriptors: C.uint32_t(
			f.Geometry.Descriptors,
		), blocks: C.uint32_t(f.Geometry.Blocks), cpu: C.int32_t(cpu),
	}
	if latency {
		o.latency = 1
	}
	for i, fd := range f.FDs.List() {
		o.fds[i] = C.int32_t(fd)
	}
	return o
}

func accept(host *ring.Link, a C.Answer) error {
	return host.Accept(ring.Answer{FDs: ring.PeerFDs{
		H2PConsumer: int(a.fds[0]), P2HProducer: int(a.fds[1]), PeerCounters: int(a.fds[2]),
	}})
}

var rust2goEntry = C.strait_bench_rust2go_otlp()

// Rust2goOTLP hands OTLP bytes to Rust by a rust2go call; the engine converts them to records
// before it returns.
func Rust2goOTLP(request []byte) error {
	if len(request) == 0 {
		return errors.New("rust2go: an empty request")
	}
	// SAFETY: the bytes lie in an argument, so cgo keeps them alive, and Rust has let go of them
	// when it returns.
	C.rust2go_otlp(
		rust2goEntry,
		C.ListRef{ptr: unsafe.Pointer(unsafe.SliceData(request)), len: C.uintptr_t(len(request))},
	)
	return nil
}
