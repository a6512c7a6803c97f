package main

import (
	"context"
	"unsafe"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"

	"github.com/strait-data/strait/bench/data"
	"github.com/strait-data/strait/bench/measure"
	"github.com/strait-data/strait/bench/native"
	"github.com/strait-data/strait/go/otap"
	"github.com/strait-data/strait/go/record"
)

// received returns logs as a receiver makes them.
func received(n int) (plog.Logs, error) {
	b, err := data.Marshal(data.Logs(n, data.Usual, false))
	if err != nil {
		return plog.Logs{}, err
	}
	return data.Unmarshal(b)
}

// kept is a publisher of schemas that keeps them.
type kept struct{ preambles [][]byte }

func (k *kept) PublishPreamble(_ context.Context, content []byte) error {
	k.preambles = append(k.preambles, append([]byte(nil), content...))
	return nil
}

// slot returns n bytes that are aligned to a page, as a ring's slots are.
func slot(n int) []byte {
	const page = 4096
	b := make([]byte, n+page)
	// The address is only looked at; large objects do not move.
	off := (page - int(uintptr(unsafe.Pointer(unsafe.SliceData(b)))%page)) % page
	return b[off : off+n]
}

// write encodes all of ld into the slot and returns the bytes used.
func write(e *otap.LogsEncoder, ld plog.Logs, slot []byte) (int, error) {
	b, err := e.Measure(context.Background(), &record.Header{CallID: 1}, ld, otap.Cursor{})
	if err != nil {
		return 0, err
	}
	defer b.Release()
	return b.Size(), b.Write(slot[:b.Size()])
}

// encode compares the full, lossless encode into a slot with OTLP's marshal.
func encode(r *measure.Recorder) error {
	for _, n := range sizes {
		ld, err := received(n)
		if err != nil {
			return err
		}
		e, buffer := otap.NewLogsEncoder(record.NewRegistry(&kept{}), otap.Options{}), slot(8<<20)
		request := plogotlp.NewExportRequestFromLogs(ld)
		err = r.Measure(measure.Case{Group: "encode", Name: "logs", Items: n, Rivals: []measure.Rival{
			{Name: "strait", Iterations: iterations(n, 200), Run: func(n int) error {
				for range n {
					if _, err := write(e, ld, buffer); err != nil {
						return err
					}
				}
				return nil
			}},
			{Name: "otlp", Iterations: iterations(n, 300), Run: func(n int) error {
				for range n {
					if _, err := request.MarshalProto(); err != nil {
						return err
					}
				}
				return nil
			}},
		}})
		if err != nil {
			return err
		}
	}
	return nil
}

// decode compares reading a slot in Rust with a memcpy of it.
func decode(r *measure.Recorder) error {
	for _, n := range sizes {
		if err := decodeSize(r, n); err != nil {
			return err
		}
	}
	return nil
}

func decodeSize(r *measure.Recorder, n int) error {
	ld, err := received(n)
	if err != nil {
		return err
	}
	schemas, buffer := &kept{}, slot(8<<20)
	used, err := write(otap.NewLogsEncoder(record.NewRegistry(schemas), otap.Options{}), ld, buffer)
	if err != nil {
		return err
	}
	const resources, scopes = 2 * 5, 0 // attribute rows beside the logs'
	reader, err := native.NewReader(buffer[:used], schemas.preambles, n+5*n+resources+scopes)
	if err != nil {
		return err
	}
	defer reader.Close()
	return r.Measure(measure.Case{Group: "decode", Name: "logs", Items: n, Rivals: []measure.Rival{
		{Name: "memcpy", Iterations: iterations(n, 10), Run: reader.Memcpy},
		{
			Name:       "strait",
			Iterations: iterations(n, 20),
			Run:        func(n int) error { return reader.Decode(n, true) },
		},
		{
			Name:       "strait, untrusted",
			Iterations: iterations(n, 60),
			Run:        func(n int) error { return reader.Decode(n, false) },
		},
	}})
}
