// Command whole measures whole processors: Strait's, with Rust behind them, against those of the
// Collector's contrib repository that users would pick instead, in one process, on freshly
// unmarshalled logs.
//
// It needs what `make build` makes: the native module and the Go side of mask-cards.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/strait-data/strait/bench/data"
	"github.com/strait-data/strait/bench/measure"

	_ "strait.local/native" // registers the Rust side
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "whole:", err)
		os.Exit(1)
	}
}

func run() (err error) {
	s := measure.Settings{Suite: "whole"}
	flag.StringVar(&s.Folder, "out", ".", "folder for whole.csv and whole.json")
	flag.IntVar(&s.Rounds, "rounds", 15, "rounds that the rivals take turns in")
	flag.IntVar(&s.GOGC, "gogc", 100, "garbage collector target in percent")
	flag.IntVar(
		&s.BallastMiB,
		"ballast",
		64,
		"live heap without pointers in MiB, as headroom for the collector",
	)
	only := flag.String("only", "", "measure one job by its name, `parts` or `locks`")
	flag.StringVar(&alone, "rival", "", "measure one rival by its name, for profiles")
	flag.Parse()
	r, err := measure.New(s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for _, j := range jobs() {
		if *only == "" || *only == j.name {
			if err := measureJob(r, j); err != nil {
				return fmt.Errorf("%s: %w", j.name, err)
			}
		}
	}
	if *only == "" || *only == "parts" {
		if err := measureParts(r); err != nil {
			return err
		}
	}
	if *only == "" || *only == "locks" {
		return measureLocks(s.Folder)
	}
	return nil
}

// sizes are the batches that are measured, with how many of them make a segment.
var sizes = []size{{100, 200}, {1000, 50}, {8192, 6}}

type size struct{ logs, batches int }

// inFlight is how many callers send at the same time where it is not one.
const inFlight = 8

// alone is the one rival that is measured; empty: all.
var alone string

func chosen(rivals []measure.Rival) []measure.Rival {
	return slices.DeleteFunc(rivals, func(v measure.Rival) bool {
		return alone != "" && v.Name != alone
	})
}

func measureJob(r *measure.Recorder, j job) (err error) {
	contrib, err := build(j.contrib)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, contrib.shutdown()) }()
	strait, err := build(j.strait)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, strait.shutdown()) }()
	full := chain{}
	if len(j.full) > 0 {
		if full, err = build(j.full); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, full.shutdown()) }()
	}
	for _, size := range sizes {
		wire, err := data.Marshal(data.Logs(size.logs, j.mix, j.cards))
		if err != nil {
			return err
		}
		if err := same(wire, contrib, strait, full); err != nil {
			return err
		}
		rivals := []measure.Rival{
			rival("contrib", contrib, wire, size.batches, 1),
			rival("strait", strait, wire, size.batches, 1),
			rival("strait, 8 in flight", strait, wire, size.batches, inFlight),
		}
		if full.first != nil {
			rivals = append(rivals, rival("strait, full decode", full, wire, size.batches, 1))
		}
		c := measure.Case{Group: "whole", Name: j.name, Items: size.logs, Rivals: chosen(rivals)}
		if err := r.Measure(c); err != nil {
			return err
		}
	}
	return nil
}

// rival sends batches that were unmarshalled just before, each its own.
func rival(name string, c chain, wire []byte, batches, callers int) measure.Rival {
	var in []plog.Logs
	return measure.Rival{
		Name: name, Iterations: batches,
		Setup: func(n int) error {
			in = in[:0]
			for range n {
				ld, err := data.Unmarshal(wire)
				if err != nil {
					return err
				}
				in = append(in, ld)
			}
			return nil
		},
		Run: func(n int) error {
			err := measure.Together(callers, n, func(i int) error { return c.consume(in[i]) })
			// The next rival's collection must not find these alive.
			clear(in)
			return err
		},
	}
}
