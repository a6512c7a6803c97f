package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/strait-data/strait/tests/otelcol"
)

// live shows figures while the demo runs: one line that is rewritten on a terminal, one line every
// few seconds elsewhere.
type live struct {
	done chan struct{}
	wait sync.WaitGroup
}

func watch(c *otelcol.Process, s *otelcol.Sink, total int) *live {
	l := &live{done: make(chan struct{})}
	every, start, end := 2*time.Second, "", "\n"
	if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		every, start, end = 200*time.Millisecond, "\r\x1b[K", ""
	}
	began := time.Now()
	l.wait.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				fmt.Fprint(os.Stderr, start, liveLine(c, s, total, time.Since(began)), end)
			case <-l.done:
				fmt.Fprint(os.Stderr, start)
				return
			}
		}
	})
	return l
}

func liveLine(c *otelcol.Process, s *otelcol.Sink, total int, since time.Duration) string {
	var batches, bytes uint64
	if counters, err := c.Counters(); err == nil {
		for _, k := range counters {
			if strings.HasSuffix(k.Object, "host-counters") {
				batches += k.Values[0]
				bytes += k.Values[1]
			}
		}
	}
	u := c.Usage()
	return fmt.Sprintf(
		"  %4.1f s  sent up to %d logs, arrived at the sink %d, "+
			"batches through the rings %d (%.1f MB), CPU Go %.1f s, Rust %.1f s",
		since.Seconds(),
		total,
		s.Count(),
		batches,
		float64(bytes)/1e6,
		u.Go.Seconds(),
		u.Rust.Seconds(),
	)
}

func (l *live) stop() {
	close(l.done)
	l.wait.Wait()
}

type summary struct {
	sent         int
	took         time.Duration
	generatorCPU time.Duration
	usage        otelcol.Usage
	counters     []otelcol.Counters
	result       *result
}

func report(w io.Writer, s summary) {
	r := s.result
	row := func(what string, value any, note string) {
		fmt.Fprintf(w, "  %-34s %12v  %s\n", what, value, note)
	}
	perItem := func(d time.Duration) string {
		return fmt.Sprintf("%d ns", d.Nanoseconds()/int64(max(s.sent, 1)))
	}
	fmt.Fprintf(w, "\nItems (%.1f s)\n", s.took.Seconds())
	row("sent by telemetrygen", s.sent, "")
	row("filtered by severity", r.filtered, "")
	row("exported to the file", r.exported, "")
	row("exported over OTLP to the sink", r.sunk, "")
	row("lost", r.lost, "")
	row("duplicated or changed", r.duplicated, "")
	verdict := "ok"
	if r.verdict(s.sent) != nil {
		verdict = "FAILED"
	}
	row(
		"content, log by log",
		verdict,
		"every log that came in, treated by a model, against what went out",
	)
	fmt.Fprintf(w, "\nCPU per item sent (10 ms clock)\n")
	row("telemetrygen", perItem(s.generatorCPU), "")
	row(
		"Collector, Go",
		perItem(s.usage.Go),
		"receive, 2 files, export, and the Go side of the crossing",
	)
	row(
		"Collector, Rust lanes",
		perItem(s.usage.Rust),
		"otap and mask_cards, one part: a batch crosses once",
	)
	fmt.Fprintf(w, "\nRing counters (one link: both components are one part)\n")
	slices.SortFunc(
		s.counters,
		func(a, b otelcol.Counters) int { return strings.Compare(a.Object, b.Object) },
	)
	fmt.Fprintf(
		w,
		"  %-46s %9s %10s %9s %9s %9s %7s\n",
		"object",
		"batches",
		"bytes",
		"received",
		"acks",
		"doorbells",
		"errors",
	)
	for _, k := range s.counters {
		fmt.Fprintf(
			w,
			"  %-46s %9d %10d %9d %9d %9d %7d\n",
			k.Object,
			k.Values[0],
			k.Values[1],
			k.Values[2],
			k.Values[4],
			k.Values[10]+k.Values[11],
			k.Values[17],
		)
	}
	fmt.Fprintf(w, "\nTwo logs\n")
	for _, e := range r.example {
		fmt.Fprintf(w, "  before  %s\n  after   %s\n\n", e[0], e[1])
	}
}
