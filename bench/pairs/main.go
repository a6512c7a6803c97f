// Command pairs measures whole Collectors, as processes of their own, that take OTLP over gRPC and
// send it on: with the receiver and the exporter in Go, in Rust, and one of each. What counts is
// the CPU time of the Collector's process alone; who sends and who takes are in this one, and keep
// the bytes as they are. And pipelines that are in Rust from end to end, with and without fusing.
//
// It needs the Collector that `make build` makes, and that of tests/native.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/strait-data/strait/bench/data"
	"github.com/strait-data/strait/bench/measure"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "pairs:", err)
		os.Exit(1)
	}
}

// sizes are the batches that are measured, with how many of them make a segment.
var sizes = []struct{ logs, batches int }{{100, 2000}, {1000, 400}}

// inFlight is how many requests are under way at a time, over one connection.
const inFlight = 8

func run(ctx context.Context) (err error) {
	s := measure.Settings{Suite: "pairs"}
	flag.StringVar(&s.Folder, "out", ".", "folder for pairs.csv and pairs.json")
	flag.IntVar(&s.Rounds, "rounds", 15, "rounds that the rivals take turns in")
	flag.IntVar(&s.GOGC, "gogc", 100, "garbage collector target in percent, of this process")
	collector := flag.String("collector", "build/otelcol-strait", "the Collector")
	tests := flag.String("tests", "build/native-tests/otelcol-native-tests", "that of the tests")
	only := flag.String("only", "", "measure `pair` or `rust`")
	flag.Parse()
	r, err := measure.New(s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if *only != "rust" {
		err = measurePairs(ctx, r, *collector)
	}
	if err == nil && *only != "pair" {
		err = measureLines(ctx, r, *tests)
	}
	return err
}

// measurePairs measures Collectors with an end in each language, or both in one.
func measurePairs(ctx context.Context, r *measure.Recorder, collector string) (err error) {
	to, err := newDestination()
	if err != nil {
		return err
	}
	defer to.stop()
	var all []*pair
	defer func() {
		for _, p := range all {
			err = errors.Join(err, p.stop(ctx))
		}
	}()
	for _, of := range pairs {
		p, err := of.start(ctx, collector, to.address)
		if err != nil {
			return fmt.Errorf("%s: %w", of.name, err)
		}
		all = append(all, p)
	}
	for _, size := range sizes {
		wire, err := data.Marshal(data.Logs(size.logs, data.Usual, false))
		if err != nil {
			return err
		}
		var rivals []measure.Rival
		for _, p := range all {
			if err := p.same(ctx, wire, to); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			rivals = append(rivals, p.rival(ctx, wire, size.batches, to))
		}
		c := measure.Case{Group: "pair", Name: "OTLP in, OTLP out", Items: size.logs, Rivals: rivals}
		if err := r.Measure(c); err != nil {
			return err
		}
	}
	return nil
}
