// Package measure times rivals against each other within one process.
//
// Rivals take turns round by round, in an order that rotates, so that a change of the machine's
// speed meets all of them. What is timed is a segment: a rival's work, many times over, between two
// readings of the CPU time of all threads of the process (Rust's and the garbage collector's among
// them), of the wall clock, and of the allocation counters. Setting a segment up, and the
// collection before it, are not timed. Figures are written raw, one line per segment; report.py
// makes ratios of them.
package measure

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Rival is one way to do the job of a case.
type Rival struct {
	Name string
	// Iterations is how often Run does the job in one segment.
	Iterations int
	// Setup, if set, prepares one segment of n iterations, untimed.
	Setup func(n int) error
	// Run does the job n times and returns when all of it is done, on all threads.
	Run func(n int) error
	// Timed, if set, takes Run's place, and gives the wall time itself: for jobs that are shorter
	// than what starts them (threads on their CPUs).
	Timed func(n int) (time.Duration, error)
	// Process, if set, is the process whose CPU time counts, in place of this one's; its allocations
	// are not seen.
	Process int
}

// Case is a job with its rivals.
type Case struct {
	Group, Name string
	// Items is how many log records (or messages) one iteration handles.
	Items  int
	Rivals []Rival
	// Times multiplies the rounds: for short segments, where a round should see the machine in one
	// state.
	Times int
}

// Recorder writes what is measured.
type Recorder struct {
	settings Settings
	started  time.Time
	heap     uint64 // the most live bytes after a collection
	csv      *csv.Writer
	file     *os.File
}

// Settings are what a run can choose.
type Settings struct {
	// Folder takes <Suite>.csv and <Suite>.json.
	Folder, Suite string
	Rounds        int
	// GOGC and BallastMiB set how much room the garbage collector has.
	GOGC, BallastMiB int
}

var header = []string{
	"group",
	"case",
	"items",
	"rival",
	"round",
	"iterations",
	"cpu_ns",
	"wall_ns",
	"allocs",
	"alloc_bytes",
}

// ballast is live memory without pointers: it costs no marking, and gives the collector as much
// room as the heap of a working Collector would.
var ballast []byte

// New opens the file of a suite and sets the garbage collector.
func New(s Settings) (*Recorder, error) {
	ballast = make([]byte, s.BallastMiB<<20)
	debug.SetGCPercent(s.GOGC)
	f, err := os.Create(filepath.Join(s.Folder, s.Suite+".csv"))
	if err != nil {
		return nil, err
	}
	r := &Recorder{settings: s, started: time.Now(), csv: csv.NewWriter(f), file: f}
	return r, r.csv.Write(header)
}

// Close ends the file, and writes down how it was measured.
func (r *Recorder) Close() error {
	runtime.KeepAlive(ballast)
	r.csv.Flush()
	if err := errors.Join(r.csv.Error(), r.file.Close()); err != nil {
		return err
	}
	s := r.settings
	facts, err := json.MarshalIndent(map[string]any{
		"suite": s.Suite, "rounds": s.Rounds, "gogc": s.GOGC, "ballast_mib": s.BallastMiB,
		"live_heap_mib_max": r.heap >> 20,
		"gomaxprocs":        runtime.GOMAXPROCS(0), "go": runtime.Version(),
		"started": r.started.UTC().Format(time.RFC3339), "seconds": int(time.Since(r.started).Seconds()),
	}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.Folder, s.Suite+".json"), append(facts, '\n'), 0o644)
}

// Measure runs one warm-up segment of each rival, then the rounds.
func (r *Recorder) Measure(c Case) error {
	start := time.Now()
	for round := -1; round < r.settings.Rounds*max(1, c.Times); round++ {
		for i := range c.Rivals {
			v := &c.Rivals[(i+max(round, 0))%len(c.Rivals)]
			s, err := r.segment(v)
			if err != nil {
				return fmt.Errorf("%s, %s, %d items, %s: %w", c.Group, c.Name, c.Items, v.Name, err)
			}
			if round < 0 {
				continue
			}
			if err := r.write(c, v, round, s); err != nil {
				return err
			}
		}
	}
	r.csv.Flush()
	fmt.Fprintf(
		os.Stderr,
		"%-10s %-22s %5d  %5.1f s\n",
		c.Group,
		c.Name,
		c.Items,
		time.Since(start).Seconds(),
	)
	return r.csv.Error()
}

func (r *Recorder) write(c Case, v *Rival, round int, s sample) error {
	n := func(x int64) string { return strconv.FormatInt(x, 10) }
	return r.csv.Write([]string{
		c.Group, c.Name, strconv.Itoa(c.Items), v.Name, strconv.Itoa(round), strconv.Itoa(v.Iterations),
		n(s.cpu), n(s.wall), n(s.allocs), n(s.bytes),
	})
}

type sample struct{ cpu, wall, allocs, bytes int64 }

func (r *Recorder) segment(v *Rival) (sample, error) {
	if v.Setup != nil {
		if err := v.Setup(v.Iterations); err != nil {
			return sample{}, err
		}
	}
	runtime.GC()
	r.heap = max(r.heap, live())
	before, err := v.read()
	if err != nil {
		return sample{}, err
	}
	var wall time.Duration
	if v.Timed != nil {
		wall, err = v.Timed(v.Iterations)
	} else {
		err = v.Run(v.Iterations)
	}
	after, wrong := v.read()
	if v.Timed == nil {
		wall = time.Duration(after.wall - before.wall)
	}
	return sample{
		after.cpu - before.cpu,
		int64(wall),
		after.allocs - before.allocs,
		after.bytes - before.bytes,
	}, errors.Join(err, wrong)
}

// live is how many bytes the last collection found alive.
func live() uint64 {
	counter := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(counter)
	return counter[0].Value.Uint64()
}

func (v *Rival) read() (sample, error) {
	if v.Process == 0 {
		return read(), nil
	}
	var t unix.Timespec
	// How Linux numbers the clock of another process: its id with all bits turned, and 2 for what the
	// scheduler counts (clock_getcpuclockid).
	if err := unix.ClockGettime(int32(^v.Process)<<3|2, &t); err != nil {
		return sample{}, fmt.Errorf("the CPU time of process %d: %w", v.Process, err)
	}
	return sample{cpu: t.Nano(), wall: time.Now().UnixNano()}, nil
}

func read() sample {
	counters := []metrics.Sample{
		{
			Name: "/gc/heap/allocs:objects",
		}, {Name: "/gc/heap/tiny/allocs:objects"}, {Name: "/gc/heap/allocs:bytes"},
	}
	metrics.Read(counters)
	return sample{
		cpu:    CPU(),
		wall:   time.Now().UnixNano(),
		allocs: int64(counters[0].Value.Uint64() + counters[1].Value.Uint64()),
		bytes:  int64(counters[2].Value.Uint64()),
	}
}

// CPU returns the CPU time of all threads of the process in nanoseconds: what getrusage counts, in
// a finer unit.
func CPU() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t); err != nil {
		panic(err) // the clock exists on every Linux
	}
	return t.Nano()
}

// Together calls f with 0 to n-1, from so many goroutines; with one, in order and on the caller's
// own.
func Together(callers, n int, f func(i int) error) error {
	if callers == 1 {
		for i := range n {
			if err := f(i); err != nil {
				return err
			}
		}
		return nil
	}
	var wg sync.WaitGroup
	var next atomic.Int64
	errs := make([]error, callers)
	for c := range callers {
		wg.Go(func() {
			for errs[c] == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				errs[c] = f(i)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
