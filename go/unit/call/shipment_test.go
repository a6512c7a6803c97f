package call

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"pgregory.net/rapid"

	"github.com/strait-data/strait/go/otap"
	"github.com/strait-data/strait/go/otap/otaptest"
	"github.com/strait-data/strait/go/record"
	"github.com/strait-data/strait/go/unit/edge"
)

// noPreambles takes schemas and shows them to nobody.
type noPreambles struct{}

func (noPreambles) PublishPreamble(context.Context, []byte) error { return nil }

// bench is a caller with real encoders and no Rust: what is packed is delivered as it is.
type bench struct {
	c         *Caller[plog.Logs]
	l         *Lane
	s         *shipment[plog.Logs]
	stats     Stats
	delivered []plog.Logs
	// answer is what the next consumer, or the engine, says to the i-th part.
	answer func(i int) error
	calls  int
	drops  bool // the unit drops every item
}

// bigSlab is one that nothing here fills.
const bigSlab = 32 << 20

func newBench(t require.TestingT, o edge.Options, slab int) *bench {
	b := &bench{answer: func(int) error { return nil }}
	o.Records = true
	in, err := edge.NewIn(edge.Logs, o)
	require.NoError(t, err)
	exit := NewExit("otap", edge.NewOut(edge.Logs, 0, true, b.consume), &b.stats)
	b.c = NewCaller(in, exit, nil, &b.stats)
	b.l = &Lane{packer: b.c.open(edge.Link{Publisher: noPreambles{}, MaxBytes: slab})}
	return b
}

func (b *bench) consume(_ context.Context, d plog.Logs) error {
	b.calls++
	if err := b.answer(b.calls - 1); err != nil {
		return err
	}
	b.delivered = append(b.delivered, d)
	return nil
}

func (b *bench) exchange(ctx context.Context, _ uint16, f freight) (sent bool, err error) {
	pc := b.s.left[0]
	parcel, err := f.pack(ctx, &record.Header{})
	if err != nil {
		return false, err
	}
	parcel.Release()
	if b.drops {
		return true, nil
	}
	packed := parcel.(*edge.Packed)
	b.s.bareLeft = b.s.bareLeft && !packed.KeepsBare // something comes out
	d := edge.Logs.Slice(pc.d, pc.at.Items, packed.Next.Items)
	if b.s.crossing(pc.crossing).Edits() { // a difference leaves alone what has no items
		d = otaptest.Clone(pc.d)
	}
	return true, b.consume(ctx, d)
}

func (b *bench) send(d plog.Logs) error {
	b.s = b.c.ship(d)
	if d.LogRecordCount() == 0 {
		return b.s.runBare(context.Background())
	}
	b.s.l, b.s.exchange = b.l, b
	return b.s.run(context.Background())
}

// census counts equal items, each with its containers, and equal containers without items.
func census(all ...plog.Logs) map[string]int {
	out := map[string]int{}
	count := func(one plog.Logs) {
		b, err := (&plog.ProtoMarshaler{}).MarshalLogs(one)
		if err != nil {
			panic(err)
		}
		out[string(b)]++
	}
	for _, d := range all {
		for i := range d.LogRecordCount() {
			count(edge.Logs.Slice(d, i, i+1))
		}
		for _, rl := range edge.Logs.Bare(d).ResourceLogs().All() {
			one := plog.NewLogs()
			rl.CopyTo(one.ResourceLogs().AppendEmpty())
			count(one)
		}
	}
	return out
}

// same compares two censuses.
func same(t require.TestingT, want, got map[string]int) {
	for x, n := range want {
		if got[x] != n {
			require.Fail(t, "not the same", "%d times, expected %d: %.200q", got[x], n, x)
		}
	}
	for x, n := range got {
		if want[x] == 0 {
			require.Fail(t, "not the same", "%d times, expected none: %.200q", n, x)
		}
	}
}

func threeLogs() (plog.Logs, plog.LogRecordSlice) {
	d := plog.NewLogs()
	lrs := d.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for i := range 3 {
		lrs.AppendEmpty().Body().SetStr(fmt.Sprint("body ", i))
	}
	return d, lrs
}

// filtersBy is the plan of a unit that filters by a column of logs.
func filtersBy(column string) otap.Plan {
	return otap.Plan{Projectable: true, Filters: true, Tables: map[string]otap.TablePlan{
		"logs": {Columns: []string{column}},
	}}
}

// editsAttributes is the plan of a unit that edits the attributes of a table that have the key.
func editsAttributes(table, key string) otap.Plan {
	return otap.Plan{Projectable: true, Edits: true, Tables: map[string]otap.TablePlan{
		table: {Columns: []string{"key", "value"}, Keys: []string{key}},
	}}
}

var readsBody, readsSeverity = filtersBy("body"), filtersBy("severity_number")

// Guarantees: an item that cannot cross is refused alone, by name and reason, for every reason and
// in every form; its neighbours are delivered, and the caller hears of it for good.
func TestOneBadItem(t *testing.T) {
	deep := func(lr plog.LogRecord) {
		v := lr.Body()
		for range otap.MaxDepth + 1 {
			v = v.SetEmptySlice().AppendEmpty()
		}
	}
	reasons := map[string]struct {
		spoil func(plog.LogRecord)
		err   error
		name  string
	}{
		"text":  {func(lr plog.LogRecord) { lr.Body().SetStr("a\xff\xfe") }, otap.ErrText, "text"},
		"depth": {deep, otap.ErrDepth, "depth"},
		"size": {
			func(lr plog.LogRecord) { lr.Body().SetStr(strings.Repeat("x", 100_000)) },
			otap.ErrTooLarge,
			"size",
		},
	}
	units := map[string]struct {
		plan *otap.Plan
		full bool
	}{
		"whole": {nil, false}, "projected": {&readsBody, false}, "full decode": {&readsBody, true},
	}
	for why, r := range reasons {
		for how, u := range units {
			t.Run(why+" "+how, func(t *testing.T) {
				b := newBench(t, edge.Options{Plan: u.plan, Whole: u.full}, 65_536)
				d, lrs := threeLogs()
				r.spoil(lrs.At(1))
				err := b.send(d)
				require.ErrorIs(t, err, r.err)
				require.True(t, consumererror.IsPermanent(err))
				require.ErrorContains(t, err,
					"1 of 3 items refused: resource_logs[0].scope_logs[0].log_records[1]")
				require.Equal(t, codes.InvalidArgument, status.Convert(err).Code())
				refused, ok := errors.AsType[*Refused](err)
				require.True(t, ok)
				require.Equal(t, 1, refused.Items)
				good, lrs := threeLogs()
				lrs.RemoveIf(func(lr plog.LogRecord) bool { return lr.Body().Str() == "body 1" })
				same(t, census(good), census(b.delivered...))
				require.EqualValues(t, 1, b.stats.Snapshot().Refused[r.name])

				one, lrs := threeLogs()
				lrs.RemoveIf(func(lr plog.LogRecord) bool { return lr.Body().Str() != "body 1" })
				r.spoil(lrs.At(0))
				b.delivered = nil
				require.ErrorContains(t, b.send(one), "1 of 1 items refused")
				require.Empty(t, b.delivered)
			})
		}
	}
}

// Guarantees: what a unit does not read is not refused, whether it projects or not, and whoever its
// neighbours are: a key twice in one map, or more than a slot holds.
func TestWhatNobodyReadsPasses(t *testing.T) {
	twice := func(lr plog.LogRecord) {
		lr.SetSeverityNumber(1)
	}
	for name, full := range map[string]bool{"projected": false, "full decode": true} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, edge.Options{Plan: &readsSeverity, Whole: full}, 16_384)
			d, lrs := threeLogs()
			twice(lrs.At(0))
			lrs.At(1).Body().SetStr("a\xff\xfe" + strings.Repeat("x", 20_000))
			lrs.At(2).Body().SetStr("a\xff\xfe")
			for range 500 {
				lrs.At(2).CopyTo(lrs.AppendEmpty())
			}
			d.ResourceLogs().AppendEmpty().SetSchemaUrl("bare")
			want := census(d)
			require.NoError(t, b.send(d))
			same(t, want, census(b.delivered...))
		})
	}
}

// Guarantees: what a retry carries holds what was not delivered and what was refused; the try that
// delivers ends with the refusal, which is counted once.
func TestRefusalsAndFailures(t *testing.T) {
	d, lrs := threeLogs()
	lrs.At(1).Body().SetStr("\xff")
	b := newBench(t, edge.Options{}, bigSlab)
	full := status.Error(codes.ResourceExhausted, "full")
	b.answer = func(i int) error { return []error{full, nil}[min(i, 1)] }
	err := b.send(d)
	require.ErrorIs(t, err, full)
	require.ErrorContains(t, err, "besides, 1 of 3 items refused")
	require.False(t, consumererror.IsPermanent(err))
	require.Equal(t, codes.ResourceExhausted, status.Convert(err).Code())
	require.Zero(t, b.stats.Snapshot().Refused["text"], "the caller was not told yet")
	var list consumererror.Logs
	require.ErrorAs(t, err, &list)
	same(t, census(d), census(list.Data()))

	err = b.send(list.Data())
	require.ErrorContains(t, err, "1 of 3 items refused")
	require.True(t, consumererror.IsPermanent(err))
	require.Equal(t, 2, len(census(b.delivered...)))
	require.EqualValues(t, 1, b.stats.Snapshot().Refused["text"])

	b.answer = func(int) error { return consumererror.NewPermanent(errors.New("no")) }
	err = b.send(d)
	require.True(t, consumererror.IsPermanent(err))
	require.ErrorContains(t, err, "no")
	require.ErrorContains(t, err, "1 of 3 items refused")
	require.EqualValues(t, 2, b.stats.Snapshot().Refused["text"])
}

// Guarantees: a part that fails for good leaves the later ones to be tried.
func TestPermanentFailureOfOnePart(t *testing.T) {
	b := newBench(t, edge.Options{}, 32_768)
	d := otaptest.L(100)
	b.answer = func(i int) error {
		if i == 1 {
			return consumererror.NewPermanent(errors.New("no"))
		}
		return nil
	}
	err := b.send(d)
	require.True(t, consumererror.IsPermanent(err))
	require.ErrorContains(t, err, "were not delivered: ")
	require.Greater(t, b.calls, 2)
	n := 0
	for _, x := range b.delivered {
		n += x.LogRecordCount()
	}
	require.Less(t, n, 100)
	require.Greater(t, n, 60)
}

// Guarantees: containers without items are refused where the unit reads resources or scopes, left
// out and counted by best effort, and pass where nobody reads them.
func TestContainersWithoutItems(t *testing.T) {
	readsResources := editsAttributes("resource_attrs", "k")
	for _, x := range []struct {
		fidelity otap.Fidelity
		plan     *otap.Plan
		full     bool
		passes   bool
	}{
		{otap.Strict, nil, false, false},
		{otap.Strict, &readsResources, false, false}, {otap.Strict, &readsResources, true, false},
		{otap.Strict, &readsSeverity, false, true}, {otap.Strict, &readsSeverity, true, true},
		{otap.BestEffort, nil, false, false}, {otap.BestEffort, &readsResources, false, false},
		{otap.BestEffort, &readsSeverity, false, true},
	} {
		for _, items := range []bool{true, false} {
			b := newBench(t, edge.Options{Fidelity: x.fidelity, Plan: x.plan, Whole: x.full}, bigSlab)
			d := plog.NewLogs()
			if items {
				d, _ = threeLogs()
			}
			good := otaptest.Clone(d)
			d.ResourceLogs().AppendEmpty().Resource().Attributes().PutStr("k", "v")
			err := b.send(d)
			got := census(b.delivered...)
			switch {
			case x.passes:
				require.NoError(t, err)
				same(t, census(d), got)
			case x.fidelity == otap.BestEffort:
				require.NoError(t, err)
				require.Len(t, got, good.LogRecordCount())
				require.EqualValues(t, 1, b.stats.Snapshot().DroppedBare)
			default:
				require.ErrorIs(t, err, otap.ErrNoItems)
				require.ErrorContains(t, err,
					fmt.Sprintf("resource_logs[%d]", min(1, good.ResourceLogs().Len())))
				same(t, census(good), got)
				require.EqualValues(t, 1, b.stats.Snapshot().Refused["no_items"])
			}
		}
	}
}

// Guarantees: where a unit drops every item of a batch, what has no items and is not read still
// goes on.
func TestContainersOutliveAllItems(t *testing.T) {
	b := newBench(t, edge.Options{Plan: &readsSeverity}, bigSlab)
	b.drops = true
	d, _ := threeLogs()
	d.ResourceLogs().AppendEmpty().SetSchemaUrl("bare")
	want := edge.Logs.Bare(d)
	require.NoError(t, b.send(d))
	same(t, census(want), census(b.delivered...))
}

// Guarantees: whatever logs come and whatever consumers say, each item and each container without
// items is delivered, listed for a retry, or refused; none is lost or doubled, and the same items
// are refused in every form of a unit.
func TestNothingIsLostOrDoubled(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := otaptest.Logs(t, otaptest.Options{Bad: true})
		editsItems := editsAttributes("log_attrs", "a")
		plans := []*otap.Plan{nil, &readsBody, &readsSeverity, &editsItems}
		plan := rapid.SampledFrom(plans).Draw(t, "plan")
		slab := rapid.IntRange(3_000, 80_000).Draw(t, "slab")
		var alike []map[string]int
		for _, full := range []bool{false, true} {
			b := newBench(t, edge.Options{Plan: plan, Whole: full}, slab)
			err := b.send(d)
			refused, some := errors.AsType[*Refused](err)
			if (err != nil) != some {
				t.Fatalf("got %v", err)
			}
			alike = append(alike, census(b.delivered...))
			n := 0
			for _, k := range alike[len(alike)-1] {
				n += k
			}
			total := 0
			for _, k := range census(d) {
				total += k
			}
			if some {
				n += refused.Items + bareCount(d)*min(1, refused.Bare)
			}
			if n != total {
				t.Fatalf("%d of %d are accounted for: %v", n, total, err)
			}
		}
		same(t, alike[0], alike[1])

		b := newBench(t, edge.Options{Plan: plan}, slab)
		fails := rapid.IntRange(0, 3).Draw(t, "fails")
		b.answer = func(i int) error {
			if i == fails {
				return errors.New("full")
			}
			return nil
		}
		err := b.send(d)
		if err == nil || consumererror.IsPermanent(err) {
			return // nobody failed
		}
		rest := d
		if list, ok := errors.AsType[consumererror.Logs](err); ok {
			rest = list.Data()
		} else if len(b.delivered) > 0 {
			t.Fatalf("without a list everything would be repeated: %v", err)
		}
		same(t, census(d), census(append(b.delivered, rest)...))
	})
}

func bareCount(d plog.Logs) int { return edge.Logs.Bare(d).ResourceLogs().Len() }
