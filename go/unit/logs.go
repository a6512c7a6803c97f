package unit

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/internal/ctxerr"
	"github.com/strait-data/strait/go/otap"
	"github.com/strait-data/strait/go/record"
)

// choose picks how logs cross, by what Rust says of the unit; true: the original is changed in
// place.
//
//   - difference: only what the unit reads is sent, the original is kept, and what differs is
//     applied
//     to it;
//   - records: everything is sent as records, and what comes out is decoded in full;
//   - OTLP bytes: for a unit that takes nothing else.
func (p *LogsProcessor) choose(r *Report, t Transport) (mutates bool, err error) {
	if t.OTLPBytes && p.unit.spec.Fidelity != BestEffort {
		return false, fmt.Errorf(
			"OTLP bytes through nodes that convert need fidelity %q, found %q",
			BestEffort,
			p.unit.spec.Fidelity,
		)
	}
	in := r.Edge(In)
	if in.Encoding != Records || t.OTLPBytes {
		p.carryOTLP(in.Converts || t.OTLPBytes)
		return false, nil
	}
	fidelity := p.unit.spec.Fidelity.ofRecords()
	whole := form[plog.Logs]{
		pack: p.packRecords,
		walk: func() *otap.Walk { return otap.NewWalk(fidelity, nil) },
	}
	p.forms, p.foreign = []form[plog.Logs]{whole}, p.takeRecords
	if in.Plan == nil || !in.Plan.Projectable {
		return false, nil
	}
	projection, err := otap.NewProjection(*in.Plan)
	if err != nil {
		return false, err
	}
	p.projection, p.passesBare = projection, !projection.ReadsContainers()
	projected := form[plog.Logs]{
		pack: p.packProjected, edits: true,
		walk: func() *otap.Walk { return otap.NewWalk(fidelity, projection) },
	}
	if t.FullDecode { // what does not cross whole is judged as without it
		p.forms = append(p.forms, projected)
		return false, nil
	}
	p.forms = []form[plog.Logs]{projected, whole}
	return in.Plan.Filters || in.Plan.Edits, nil
}

// encoderOptions are those of a lane whose slab has so many bytes.
func encoderOptions(f Fidelity, slab int) otap.Options {
	return otap.Options{
		Fidelity: f.ofRecords(),
		// Parts leave room for others to be filled meanwhile; a record that cannot be cut may have
		// all of it.
		MaxBytes: slab / 4, MaxRecordBytes: slab,
	}
}

func (p *LogsProcessor) packRecords(
	ctx context.Context,
	l *lane,
	h *record.Header,
	d plog.Logs,
	from position,
) (*packed, error) {
	b, err := l.logs.Measure(ctx, h, d, from.cursor)
	if err != nil {
		return nil, encodeError(ctx, err)
	}
	next := position{items: from.items + b.Items()}
	next.cursor, _ = b.Next()
	p.unit.stats.countChanges(b)
	p.unit.stats.droppedBare.Add(uint64(b.Bare()))
	return &packed{parcel: b, take: p.takeRecords, next: next}, nil
}

// packProjected sends what the plan names. What a projection cannot hold (a key twice in one map,
// more than one slot) is otap.ErrNotProjectable.
func (p *LogsProcessor) packProjected(
	ctx context.Context, l *lane, h *record.Header, d plog.Logs, _ position,
) (*packed, error) {
	b, err := l.logs.MeasureProjected(ctx, h, d, p.projection)
	if err != nil {
		return nil, encodeError(ctx, err)
	}
	p.unit.stats.countChanges(b)
	return &packed{
		parcel: b,
		take:   p.applyTo(d),
		next:   position{items: b.Items()},
		bare:   b.Bare() > 0,
	}, nil
}

// encodeError makes permanent what no retry can cure: the encoder's own refusals.
func encodeError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctxerr.Of(ctx)
	}
	if refusal(err) != nil {
		return consumererror.NewPermanent(err)
	}
	return err
}

// applyTo edits the kept original and hands it on; only the caller's goroutine does.
func (p *LogsProcessor) applyTo(d plog.Logs) take {
	return func(ctx context.Context, l *lane, o output) error {
		if o.batch.Encoding != record.EncodingDifference {
			l.release(o.lease)
			return p.refuse(l, fmt.Errorf("%w: found encoding %d, expected a difference",
				record.ErrContent, o.batch.Encoding))
		}
		err := otap.ApplyDifference(d, o.batch.Payload())
		l.release(o.lease)
		if err != nil {
			return p.refuse(l, err)
		}
		return p.deliver(ctx, d)
	}
}

// takeRecords decodes in full what came out, whichever encoding the node that made it chose.
func (p *LogsProcessor) takeRecords(ctx context.Context, l *lane, o output) error {
	if o.batch.Encoding != record.EncodingRecords {
		return p.takeOTLP(ctx, l, o)
	}
	decoder := l.decoders.Get().(*otap.LogsDecoder)
	d, err := decoder.Decode(&o.batch)
	l.decoders.Put(decoder)
	l.release(o.lease)
	if err != nil {
		return p.refuse(l, err)
	}
	return p.deliver(ctx, d)
}

// notExpressible says that the Rust side could not tell the difference of a projected batch: the
// same batch is sent again, whole. The original has not been touched.
func notExpressible(err error) bool {
	var f *control.Failure
	return errors.As(err, &f) && f.Class == control.Refused && f.Component == differenceComponent
}

// differenceComponent names the part of the Rust side that makes differences, in its failures.
const differenceComponent = "strait.difference"
