// Command cancel measures how long it takes from the cancel of a call in Go to the moment at which
// `cancelled()` of its batch is ready in Rust, in an exporter of the SDK: while nothing else goes
// on, and while other callers send through the same exporter. Beside it stands what one thread
// takes to wake another.
//
// It needs the native module of tests/native.
package main

import (
	"context"
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	_ "strait.local/native" // registers the Rust side
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "cancel:", err)
		os.Exit(1)
	}
}

// samples is how often a round measures each.
const samples = 200

// callers is how many send besides, where anybody does.
const callers = 8

// pause is how long everything has to fall asleep before it is woken.
const pause = 500 * time.Microsecond

func run(ctx context.Context) (err error) {
	folder := flag.String("out", ".", "folder for cancel.csv")
	rounds := flag.Int("rounds", 15, "rounds that the rivals take turns in")
	flag.Parse()
	f, err := os.Create(filepath.Join(*folder, "cancel.csv"))
	if err != nil {
		return err
	}
	w := csv.NewWriter(f)
	defer func() {
		w.Flush()
		err = errors.Join(err, w.Error(), f.Close())
	}()
	o, err := newOutlet(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.stop(ctx)) }()
	s, err := newSleeper()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := w.Write([]string{"case", "rival", "round", "ns"}); err != nil {
		return err
	}
	rivals := []struct {
		name string
		take func() (time.Duration, error)
	}{
		{"thread wake", s.wake},
		{"cancel to cancelled()", func() (time.Duration, error) { return o.cancel(ctx) }},
	}
	for _, c := range []struct {
		name string
		load int
	}{{"idle", 0}, {"loaded", callers}} {
		end := o.load(ctx, c.load)
		for i := range *rounds * len(rivals) {
			round := i / len(rivals)
			rival := rivals[(i+round)%len(rivals)]
			for range samples {
				took, err := rival.take()
				if err != nil {
					return errors.Join(fmt.Errorf("%s, %s: %w", c.name, rival.name, err), end())
				}
				line := []string{c.name, rival.name, strconv.Itoa(round), strconv.FormatInt(int64(took), 10)}
				if err := w.Write(line); err != nil {
					return errors.Join(err, end())
				}
			}
		}
		if err := end(); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return nil
}

// now is the machine's monotonic clock, which Rust reads too.
func now() (int64, error) {
	var t unix.Timespec
	err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t)
	return t.Nano(), err
}

// together runs f on so many goroutines until it is ended, or f fails.
func together(n int, f func() error) (end func() error) {
	var running sync.WaitGroup
	stop, failed := make(chan struct{}), make(chan error, n)
	for range n {
		running.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := f(); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	return func() (err error) {
		close(stop)
		running.Wait()
		close(failed)
		for e := range failed {
			err = errors.Join(err, e)
		}
		return err
	}
}
