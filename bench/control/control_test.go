package control

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/strait-data/strait/go/control"
)

func peer(b *testing.B) *control.Peer {
	b.Helper()
	p, err := control.Bind()
	if err != nil {
		b.Fatal(err)
	}
	return p
}

type sink struct {
	failed func(uint64, *control.Failure)
}

func (s sink) BatchFailed(id uint64, f *control.Failure) { s.failed(id, f) }
func (s sink) BatchCancel(uint64)                        {}

// One number, one way, Go to Rust.
func BenchmarkOneWay(b *testing.B) {
	p := peer(b)
	b.Run("rust2go", func(b *testing.B) {
		for b.Loop() {
			p.BatchCancel(1)
		}
	})
	b.Run("cgo", func(b *testing.B) {
		for b.Loop() {
			cancel(1)
		}
	})
}

// A structure of five numbers and two texts, to Rust and back to a Go function.
func BenchmarkStructureThereAndBack(b *testing.B) {
	p := peer(b)
	number, err := control.AllocateLink()
	if err != nil {
		b.Fatal(err)
	}
	defer control.ReleaseLink(number)
	came := 0
	take := func(uint64, *control.Failure) { came++ }
	if err := control.HandleLink(number, sink{take}); err != nil {
		b.Fatal(err)
	}
	id, err := control.NewCallID(control.FromHost, number, 1, 1)
	if err != nil {
		b.Fatal(err)
	}
	failure := &control.Failure{
		Class: control.Unavailable, GRPCCode: 14, HTTPCode: 503, RetryDelay: time.Second,
		RejectedItems: 3, Message: "a message of ordinary length", Component: "otap/a",
	}
	onFailed = take
	b.Run("rust2go", func(b *testing.B) {
		for b.Loop() {
			p.BatchFailed(uint64(id), failure)
		}
	})
	b.Run("cgo", func(b *testing.B) {
		for b.Loop() {
			failed(uint64(id), failure)
		}
	})
	if came == 0 {
		b.Fatal("nothing came back")
	}
}

// An operation that ends on the caller's thread, with 200 bytes both ways, and a caller that waits
// by number. By hand it has no deadline, no class and no panic guard: that is a part of the
// difference.
func BenchmarkOperation(b *testing.B) {
	p := peer(b)
	payload := make([]byte, 200)
	for i := range payload {
		payload[i] = ' '
	}
	ctx, stop := context.WithTimeout(context.Background(), time.Hour)
	defer stop()
	b.Run("rust2go", func(b *testing.B) {
		for b.Loop() {
			if _, err := p.Call(ctx, control.Validate, 0, payload); err != nil {
				b.Fatal(err)
			}
		}
	})
	var mu sync.Mutex
	waiting := map[uint64]chan []byte{}
	onDone = func(id uint64, reply []byte) {
		mu.Lock()
		ch := waiting[id]
		delete(waiting, id)
		mu.Unlock()
		ch <- reply
	}
	b.Run("cgo", func(b *testing.B) {
		id := uint64(0)
		for b.Loop() {
			id++
			ch := make(chan []byte, 1)
			mu.Lock()
			waiting[id] = ch
			mu.Unlock()
			operation(id, payload)
			<-ch
		}
	})
}

// A log line of three texts, Rust to Go; 1,000 in one call.
func BenchmarkLogLine(b *testing.B) {
	p := peer(b)
	came := 0
	onLog = func(control.LogRecord) { came++ }
	defer control.HandleLogs(1, onLog)()
	const batch = 1000
	b.Run("rust2go", func(b *testing.B) {
		for b.Loop() {
			if _, err := p.Call(context.Background(), control.Validate, batch, nil); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batch, "ns/line")
	})
	b.Run("cgo", func(b *testing.B) {
		for b.Loop() {
			lines(batch)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batch, "ns/line")
	})
	if came == 0 {
		b.Fatal("nothing came")
	}
}

// 64 bytes allocated and freed by Rust, 10,000 times in one call, by one thread and by two.
func BenchmarkAllocation(b *testing.B) {
	const batch = 10_000
	for _, threads := range []int{1, 2} {
		for name, counted := range map[string]bool{"system": false, "counted": true} {
			b.Run(fmt.Sprintf("%s/%d", name, threads), func(b *testing.B) {
				var wg sync.WaitGroup
				for range threads {
					wg.Go(func() {
						for range b.N {
							allocate(counted, batch)
						}
					})
				}
				wg.Wait()
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batch, "ns/pair")
			})
		}
	}
}
