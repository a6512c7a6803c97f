package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/strait-data/strait/bench/data"
	"github.com/strait-data/strait/bench/measure"
)

// Eight lanes' worth of callers.
const (
	lanes       = 8
	laneCallers = lanes * inFlight
)

// waits is how often a goroutine waited for a lock in a run of batches, and in which functions.
type waits struct {
	Rival   string
	Batches int
	Waits   map[string]int64
}

// measureLocks counts what Go's mutex profile sees of locks that were waited for, while callers for
// eight lanes send. Counting disturbs what is measured, so nothing is timed.
func measureLocks(folder string) (err error) {
	runtime.SetMutexProfileFraction(1)
	defer runtime.SetMutexProfileFraction(0)
	var all []waits
	for _, of := range []struct {
		name string
		n    int
	}{{"mask_cards", 1}, {"one part, 4", 4}} {
		stages, err := row(of.n, true, lanes)
		if err != nil {
			return err
		}
		c, err := build(stages)
		if err != nil {
			return err
		}
		found, err := waitsOf(c)
		if err = errors.Join(err, c.shutdown()); err != nil {
			return fmt.Errorf("%s: %w", of.name, err)
		}
		found.Rival = of.name
		all = append(all, found)
	}
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "locks.json"), append(text, '\n'), 0o644)
}

// waitsOf sends batches of 100, and says who waited for locks meanwhile.
func waitsOf(c chain) (waits, error) {
	const batches = 20_000
	wire, err := data.Marshal(data.Logs(100, data.Usual, true))
	if err != nil {
		return waits{}, err
	}
	send := func(n int) error {
		return measure.Together(laneCallers, n, func(int) error {
			ld, err := data.Unmarshal(wire)
			if err != nil {
				return err
			}
			return c.consume(ld)
		})
	}
	if err := send(batches / 10); err != nil {
		return waits{}, err
	}
	before, err := contended()
	if err != nil {
		return waits{}, err
	}
	if err := send(batches); err != nil {
		return waits{}, err
	}
	after, err := contended()
	for where, n := range before {
		if after[where] -= n; after[where] == 0 {
			delete(after, where)
		}
	}
	return waits{Batches: batches, Waits: after}, err
}

// contended is how often locks were waited for so far, by the function that held them.
func contended() (map[string]int64, error) {
	found := map[string]int64{}
	records := make([]runtime.BlockProfileRecord, 10_000)
	n, all := runtime.MutexProfile(records)
	if !all {
		return nil, fmt.Errorf("the mutex profile has %d places, more than expected", n)
	}
	for _, r := range records[:n] {
		found[holder(r.Stack())] += r.Count
	}
	return found, nil
}

// holder is the first function of a stack that is no lock's own.
func holder(stack []uintptr) string {
	frames := runtime.CallersFrames(stack)
	for {
		frame, more := frames.Next()
		name := frame.Function
		if !strings.HasPrefix(name, "sync.") && !strings.HasPrefix(name, "internal/sync.") || !more {
			return name
		}
	}
}
