// Command parts measures what a batch's way into Rust is made of: encoding it, a message there and
// back, reading it, and one way as a whole, each beside what users would pick instead.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/strait-data/strait/bench/measure"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "parts:", err)
		os.Exit(1)
	}
}

func run() (err error) {
	s := measure.Settings{Suite: "parts"}
	flag.StringVar(&s.Folder, "out", ".", "folder for parts.csv and parts.json")
	flag.IntVar(&s.Rounds, "rounds", 21, "rounds that the rivals take turns in")
	flag.IntVar(&s.GOGC, "gogc", 100, "garbage collector target in percent")
	flag.IntVar(
		&s.BallastMiB,
		"ballast",
		64,
		"live heap without pointers in MiB, as headroom for the collector",
	)
	only := flag.String("only", "", "measure one group: encode, decode, message or oneway")
	flag.Parse()
	r, err := measure.New(s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	groups := []struct {
		name string
		run  func(*measure.Recorder) error
	}{{"encode", encode}, {"decode", decode}, {"message", message}, {"oneway", oneWay}}
	for _, g := range groups {
		if *only == "" || *only == g.name {
			if err := g.run(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// sizes are the batches that are measured: how many logs they hold.
var sizes = []int{100, 1000, 8192}

// iterations is how often a segment repeats what takes about ns per item, to last about 30 ms.
func iterations(items, ns int) int { return max(1, 30_000_000/(items*ns)) }
