package native

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/strait-data/strait/go/ring"
	"github.com/strait-data/strait/go/unit"
)

// object is the memory of one side of a ring, found as a debugger finds it: through the writing
// side's own mapping (a second one that may be written cannot be made: the objects are sealed).
type object struct {
	memory *os.File
	base   int64
}

// open finds the object whose name ends so; only one unit may run.
func open(t *testing.T, name string) object {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	memory, err := os.OpenFile("/proc/self/mem", os.O_RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, memory.Close()) })
	for line := range strings.Lines(string(maps)) {
		f := strings.Fields(line)
		if len(f) > 5 && strings.HasPrefix(f[5], "/memfd:strait:") && strings.HasSuffix(f[5], ":"+name) &&
			f[1] == "rw-s" &&
			f[2] == "00000000" {
			var from int64
			_, err := fmt.Sscanf(f[0], "%x-", &from)
			require.NoError(t, err)
			return object{memory, from}
		}
	}
	require.Fail(t, "no such object", name)
	return object{}
}

func (o object) read(t *testing.T, at int64, n int) []byte {
	b := make([]byte, n)
	_, err := o.memory.ReadAt(b, o.base+at)
	require.NoError(t, err)
	return b
}

func (o object) write(t *testing.T, at int64, b []byte) {
	_, err := o.memory.WriteAt(b, o.base+at)
	require.NoError(t, err)
}

func u32(b []byte) int64 { return int64(binary.LittleEndian.Uint32(b)) }

// descriptor is where the i-th descriptor of a ring is.
func (object) descriptor(i int64) int64 {
	return int64(os.Getpagesize()) + i%ring.DefaultDescriptors*ring.DescriptorBytes
}

// slot is where the slot of the i-th descriptor is.
func (o object) slot(t *testing.T, i int64) int64 {
	slab := u32(o.read(t, ring.OffSlabOffset, 4))
	block := u32(o.read(t, o.descriptor(i)+ring.DescBlock, 4))
	return slab + block*ring.BlockBytes
}

// last is the position of the newest published descriptor that is a batch.
func (o object) last(t *testing.T) int64 {
	found := int64(-1)
	var newest uint64
	for i := range int64(ring.DefaultDescriptors) {
		d := o.read(t, o.descriptor(i), ring.DescriptorBytes)
		if sequence := binary.LittleEndian.Uint64(d[ring.DescSequence:]); sequence > newest &&
			d[ring.DescKind] == ring.KindBatch {
			found, newest = i, sequence
		}
	}
	require.GreaterOrEqual(t, found, int64(0))
	return found
}

// statuses is a host that keeps what components report.
type statuses struct {
	mu     sync.Mutex
	events []*componentstatus.Event
}

func (s *statuses) GetExtensions() map[component.ID]component.Component { return nil }

func (s *statuses) Report(e *componentstatus.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e)
}

func (s *statuses) permanent() error { return s.first(componentstatus.StatusPermanentError) }

// first is the error of the first report of a status.
func (s *statuses) first(status componentstatus.Status) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if e.Status() == status {
			return e.Err()
		}
	}
	return nil
}

// last is the newest report's status.
func (s *statuses) last() componentstatus.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.events) == 0 {
		return componentstatus.StatusNone
	}
	return s.events[len(s.events)-1].Status()
}

func (s *statuses) times(status componentstatus.Status) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if e.Status() == status {
			n++
		}
	}
	return n
}

// reasons are the errors of all reports of a status, joined.
func (s *statuses) reasons(status componentstatus.Status) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all strings.Builder
	for _, e := range s.events {
		if e.Status() == status {
			fmt.Fprintln(&all, e.Err())
		}
	}
	return all.String()
}

var _ componentstatus.Reporter = (*statuses)(nil)

// expectARenewal checks what follows a broken rule: the component's status says what was found, a
// counter counts it, the link is made anew, and the unit works as before; another unit of the
// process never noticed.
func expectARenewal(
	t *testing.T, f form, p *unit.LogsConsumer, s *sink, host *statuses, rule string,
) {
	t.Helper()
	works := func() bool { return host.last() == componentstatus.StatusOK }
	require.Eventually(t, works, patience, time.Millisecond, "the link is not renewed")
	require.Regexp(t, rule, host.reasons(componentstatus.StatusRecoverableError))
	require.NoError(t, host.permanent())
	l := p.Unit().Links()[0]
	found := l.Own[ring.CounterProtocolErrors] + l.Peer[ring.CounterProtocolErrors]
	require.Positive(t, found, "the counter protocol_errors")
	s.take()
	require.NoError(t, p.ConsumeLogs(t.Context(), logs(7)))
	require.Equal(t, 7, s.count())
	other := &sink{}
	q, stop := run(t, f.spec(chain(deleteA)), f.transport, other, componenttest.NewNopHost())
	defer stop()
	require.NoError(t, q.ConsumeLogs(t.Context(), logs(5)))
	require.Equal(t, 5, other.count())
}

// Guarantees: whatever a side's words hold, the other side says which rule was broken and closes
// the link; every call ends, and the link is made anew.
func TestCorruptWords(t *testing.T) {
	words := func(v uint64) []byte { return binary.LittleEndian.AppendUint64(nil, v) }
	bitmap := int64(os.Getpagesize())
	for _, c := range []struct {
		name, object string
		at           int64
		value        []byte
		rule         string
	}{
		{"the peer releases what it has not", "h2p-consumer", bitmap, words(1 << 63), "release"},
		{"the host releases what it has not", "p2h-consumer", bitmap, words(1 << 63), "release"},
		{"the peer's next descriptor is of another lap", "p2h-producer", 0, words(1 << 40), "sequence"},
		{"the host's next descriptor is of another lap", "h2p-producer", 0, words(1 << 40), "sequence"},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachForm(t, func(t *testing.T, f form) {
				f.transport.Geometry = ring.Geometry{Descriptors: 8, Blocks: 128}
				host := &statuses{}
				s := &sink{}
				p := startOn(t, f.spec(chain(deleteA)), f.transport, s, host)
				o := open(t, c.object)
				require.NoError(t, p.ConsumeLogs(t.Context(), logs(5)))
				at := c.at
				// Every descriptor: the side that writes them overwrites one, the reader looks at
				// the next.
				if at == 0 {
					for i := range int64(8) {
						o.write(t, o.descriptor(i)+ring.DescSequence, c.value)
					}
				} else {
					o.write(t, at, c.value)
				}
				var err error
				for i := 0; i < 1024 && err == nil; i++ { // freed blocks are looked for when there is need
					err = p.ConsumeLogs(t.Context(), logs(5))
				}
				require.Error(t, err)
				require.False(t, consumererror.IsPermanent(err), err)
				expectARenewal(t, f, p, s, host, c.rule)
			})
		})
	}
}

// content is how errors of a slot's content name what they found: the header's field, or the rule.
const content = `the header of a batch|content|S-[0-9]+`

// damage changes a published batch; slot is where it lies, descriptor where its descriptor is.
type damage struct {
	name  string
	forms string // which forms have such a place
	do    func(t *testing.T, o object, descriptor, slot int64)
	rule  string
}

func overwrite(at int64, b ...byte) func(*testing.T, object, int64, int64) {
	return func(t *testing.T, o object, _, slot int64) { o.write(t, slot+at, b) }
}

func inDescriptor(at int64, b ...byte) func(*testing.T, object, int64, int64) {
	return func(t *testing.T, o object, descriptor, _ int64) { o.write(t, descriptor+at, b) }
}

// inEntry overwrites a field of every entry of the record table.
func inEntry(at int64, b ...byte) func(*testing.T, object, int64, int64) {
	return eachEntry(func(t *testing.T, o object, entry, _ int64) { o.write(t, entry+at, b) })
}

func eachEntry(
	do func(t *testing.T, o object, entry, slot int64),
) func(*testing.T, object, int64, int64) {
	return func(t *testing.T, o object, _, slot int64) {
		h := o.read(t, slot, 96)
		for i := range u32(h[68:]) {
			do(t, o, slot+u32(h[72:])+32*i, slot)
		}
	}
}

// inMessage fills a message's metadata behind its length, or its body.
func inMessage(body bool, with byte) func(*testing.T, object, int64, int64) {
	return eachEntry(func(t *testing.T, o object, entry, slot int64) {
		e := o.read(t, entry, 32)
		from, n := u32(e[16:])+8, u32(e[20:])-8
		if body {
			from, n = u32(e[16:])+u32(e[20:]), u32(e[24:])
		}
		o.write(t, slot+from, bytes.Repeat([]byte{with}, int(n)))
	})
}

var damages = []damage{
	{"descriptor: kind", "*", inDescriptor(ring.DescKind, 77), "descriptor"},
	{"descriptor: edge", "*", inDescriptor(ring.DescEdge, 9), "descriptor"},
	{"descriptor: block", "*", inDescriptor(ring.DescBlock, 0xff, 0xff, 0xff, 0x7f), "descriptor"},
	{"descriptor: blocks", "*", inDescriptor(ring.DescBlocks, 0, 0, 0, 0), "descriptor"},
	{"descriptor: length", "*", inDescriptor(ring.DescLength, 0xff, 0xff, 0xff, 0x7f), "descriptor"},
	{"descriptor: sequence", "*", inDescriptor(ring.DescSequence, 0xff, 0xff), "sequence"},
	{"header: magic", "*", overwrite(0, 'X'), content},
	{"header: version", "*", overwrite(4, 9), content},
	{"header: encoding", "*", overwrite(9, 77), content},
	{"header: reserved", "*", overwrite(90, 1), content},
	{"header: variable section", "*", overwrite(60, 0xff, 0xff, 0xff, 0x7f), content},
	{"header: metadata", "*", overwrite(64, 0xff, 3), content},
	{"header: total length", "*", overwrite(84, 0, 0, 0, 0x7f), content},
	{"payload: offset", "otlp", overwrite(76, 0, 0, 0, 0x7f), content},
	{"payload: length", "otlp", overwrite(80, 0, 0, 0, 0x7f), content},
	{"table: count", "records", overwrite(68, 0xff, 0x0f), content},
	{"table: offset", "records", overwrite(72, 0xf8, 0xff, 0xff, 0x7f), content},
	{"entry: kind", "records", inEntry(2, 9), content},
	{"entry: schema", "records", inEntry(4, 0xee, 0xee), content},
	{"entry: offset", "records", inEntry(16, 0xc0, 0xff, 0xff, 0x7f), content},
	{"entry: metadata length", "records", inEntry(20, 0xc0, 0xff, 0xff, 0x7f), content},
	{"entry: body length", "records", inEntry(24, 0xc0, 0xff, 0xff, 0x7f), content},
	{"metadata", "records", inMessage(false, 0xff), content},
	{"metadata of zeros", "records", inMessage(false, 0), content},
	{"offsets and keys", "records", inMessage(true, 0xff), content},
}

func (d *damage) fits(f form) bool {
	return d.forms == "*" || (d.forms == "otlp") == (f.fidelity == unit.BestEffort)
}

// Guarantees: a batch that is damaged between its publication and Rust's reading ends its call with
// an error and the link with the rule that was broken, wherever the damage is; nothing else happens
// to the process.
func TestDamagedOnTheWayIn(t *testing.T) {
	eachForm(t, func(t *testing.T, f form) {
		for _, d := range damages {
			if d.fits(f) {
				t.Run(d.name, func(t *testing.T) {
					for !damageIngress(t, f, d) {
					}
				})
			}
		}
	})
}

// damageIngress is false when Rust read the batch before the damage was done.
func damageIngress(t *testing.T, f form, d damage) bool {
	host, s := &statuses{}, &sink{}
	p, stop := run(t, f.component("faulty", nil), f.transport, s, host)
	defer stop()
	errs := make(chan error, 2)
	go func() { errs <- p.ConsumeLogs(t.Context(), order(3, "sleep 60")) }()
	received(t, p, 1) // the lane sleeps now, or will soon
	go func() { errs <- p.ConsumeLogs(t.Context(), order(70, "hit")) }()
	published(t, p, 2)
	o := open(t, "h2p-producer")
	last := o.last(t)
	d.do(t, o, o.descriptor(last), o.slot(t, last))
	if p.Unit().Links()[0].Peer[ring.CounterBatchesReceived] > 1 {
		<-errs
		<-errs
		return false
	}
	failed := error(nil)
	for range 2 {
		if err := <-errs; err != nil {
			failed = err
		}
	}
	require.Error(t, failed)
	expectARenewal(t, f, p, s, host, d.rule)
	return true
}

// Guarantees: the same on the way out: the second of two outputs is damaged while its caller is
// busy with the first. Where the slot is still well formed, and only holds what no log can, it ends
// its call for good and nothing else.
func TestDamagedOnTheWayOut(t *testing.T) {
	for _, f := range forms()[1:] {
		t.Run(f.name, func(t *testing.T) {
			for _, d := range damages {
				// Descriptors and headers are checked as soon as they arrive.
				if !d.fits(f) || strings.HasPrefix(d.name, "descriptor") ||
					strings.HasPrefix(d.name, "header") ||
					strings.HasPrefix(d.name, "table") ||
					strings.HasPrefix(d.name, "entry") ||
					strings.HasPrefix(d.name, "payload") {
					continue
				}
				t.Run(d.name, func(t *testing.T) { damageEgress(t, f, d) })
			}
			if f.fidelity == unit.BestEffort {
				t.Run("bytes", func(t *testing.T) {
					damageEgress(t, f, damage{"bytes", "otlp", func(t *testing.T, o object, _, slot int64) {
						at := u32(o.read(t, slot+76, 4))
						o.write(t, slot+at, bytes.Repeat([]byte{0xff}, 16))
					}, content})
				})
			}
		})
	}
}

func damageEgress(t *testing.T, f form, d damage) {
	host := &statuses{}
	hold, held := make(chan struct{}), make(chan struct{}, 2)
	s := &sink{
		answer: func(context.Context, plog.Logs) error { held <- struct{}{}; <-hold; return nil },
	}
	p, stop := run(t, f.spec(twice), f.transport, s, host)
	defer stop()
	errs := make(chan error, 1)
	go func() { errs <- p.ConsumeLogs(t.Context(), logs(70)) }()
	<-held
	require.Eventually(
		t,
		func() bool { return p.Unit().Links()[0].LeasesOpen == 1 },
		patience,
		time.Millisecond,
	)
	o := open(t, "p2h-producer")
	last := o.last(t)
	d.do(t, o, o.descriptor(last), o.slot(t, last))
	close(hold)
	err := <-errs
	require.Error(t, err)
	if consumererror.IsPermanent(err) { // a wrong value (S-17)
		require.ErrorContains(t, err, "otap/test: what comes out holds a wrong value")
		require.Equal(t, componentstatus.StatusNone, host.last())
		return
	}
	s.answer = nil
	expectARenewal(t, f, p, s, host, d.rule)
}

// breakSequences makes the first descriptors of a lane, one of the running unit's, of another lap.
func breakSequences(t *testing.T) {
	t.Helper()
	o, lap := open(t, "h2p-producer"), binary.LittleEndian.AppendUint64(nil, 1<<40)
	for i := range int64(8) {
		o.write(t, o.descriptor(i)+ring.DescSequence, lap)
	}
}

// Guarantees: a link that ends again and again is given up; the component says so, and a caller is
// told at once.
func TestALinkIsGivenUp(t *testing.T) {
	f := exactForms()[0]
	host, s := &statuses{}, &sink{}
	p := startOn(t, f.component("faulty", nil), f.transport, s, host)
	for renewed := 0; host.permanent() == nil; renewed++ {
		breakSequences(t)
		require.Eventually(t, func() bool {
			_ = p.ConsumeLogs(t.Context(), logs(1)) // makes Rust look; fails, or comes to the next
			return host.permanent() != nil || host.times(componentstatus.StatusOK) > renewed
		}, patience, time.Millisecond)
	}
	require.ErrorContains(t, host.permanent(), "the link ended 6 times within a minute")
	err := p.ConsumeLogs(t.Context(), logs(1))
	require.ErrorContains(t, err, "faulty/test: takes no batches any more")
	require.False(t, consumererror.IsPermanent(err))
}

// Guarantees: with several lanes a link that ends costs the calls on it and no other; the others go
// on meanwhile.
func TestOtherLanesGoOn(t *testing.T) {
	f := exactForms()[0]
	host, s := &statuses{}, &sink{}
	sp := f.component("faulty", nil)
	sp.Lanes = 3
	p := startOn(t, sp, f.transport, s, host)
	breakSequences(t)
	failed := 0
	for range 60 {
		if err := p.ConsumeLogs(t.Context(), logs(3)); err != nil {
			require.False(t, consumererror.IsPermanent(err), err)
			failed++
		}
	}
	require.LessOrEqual(t, failed, 1, "the call that found it")
	works := func() bool { return host.last() == componentstatus.StatusOK }
	require.Eventually(t, works, patience, time.Millisecond)
	require.Regexp(t, `^lane [123] of 3: `, host.reasons(componentstatus.StatusRecoverableError))
	quiet(t, p)
}
