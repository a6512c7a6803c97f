package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/strait-data/strait/bench/measure"
	"github.com/strait-data/strait/tests/otelcol"
)

// Pipelines of Rust alone: a file's lines, whose card numbers are masked, to who counts them. With
// `fuse: false` each batch goes through Go between two components.

// linesOf is such a Collector: to so many exporters, fused or not.
type linesOf struct {
	name      string
	exporters int
	fuse      bool
}

// perBatch is how many lines the receiver takes at a time.
const perBatch = 1000

// lines is one that runs.
type lines struct {
	linesOf
	process *otelcol.Process
	file    *os.File
	to      *counter
	block   []byte // perBatch lines
}

func (of linesOf) start(ctx context.Context, program, folder string) (_ *lines, err error) {
	l := &lines{linesOf: of}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.stop(ctx))
		}
	}()
	if l.to, err = newCounter(); err != nil {
		return nil, err
	}
	path := filepath.Join(folder, strings.ReplaceAll(of.name, " ", "-"))
	if l.file, err = os.Create(path + ".log"); err != nil {
		return nil, err
	}
	rust := fmt.Sprintf("runtime: {rust: {fuse: %t}}", of.fuse)
	var exporters, names []string
	for i := range of.exporters {
		names = append(names, fmt.Sprintf("outlet/%d", i))
		exporters = append(exporters, fmt.Sprintf(
			"%s: {to: %q, sending_queue: {enabled: false}, %s}", names[i], l.to.address(), rust))
	}
	config := fmt.Sprintf(`receivers:
  file_lines: {path: %q, start_at: beginning, poll_interval: 5ms, %s}
processors: {mask_cards: {%s}}
exporters: {%s}
service:
  telemetry: {metrics: {level: none}, logs: {level: warn}}
  pipelines: {logs: {receivers: [file_lines], processors: [mask_cards], exporters: [%s]}}
`, l.file.Name(), rust, rust, strings.Join(exporters, ", "), strings.Join(names, ", "))
	if err := os.WriteFile(path+".yaml", []byte(config), 0o600); err != nil {
		return nil, err
	}
	if l.process, err = otelcol.Start(program, path+".yaml", nil); err != nil {
		return nil, err
	}
	for i := range perBatch {
		l.block = fmt.Appendf(l.block, "%06d payment of 17.20 by card 4111 1111 1111 1111 accepted\n", i)
	}
	return l, l.run(1) // it is there, and what arrives is masked
}

func (l *lines) stop(ctx context.Context) (err error) {
	if l.process != nil {
		defer l.process.Kill()
		err = l.process.Stop(ctx)
	}
	if l.file != nil {
		err = errors.Join(err, l.file.Close())
	}
	if l.to != nil {
		err = errors.Join(err, l.to.close())
	}
	return err
}

// run has so many batches pass, and returns when all have arrived.
func (l *lines) run(batches int) error {
	for range batches {
		if _, err := l.file.Write(l.block); err != nil {
			return err
		}
	}
	return l.to.await(batches * perBatch * l.exporters)
}

func (l *lines) rival(batches int) measure.Rival {
	return measure.Rival{
		Name: l.name, Iterations: batches, Process: l.process.PID(), Run: l.run,
	}
}

// counter takes connections, each with a batch of lines and an empty one, and counts the lines.
type counter struct {
	listener net.Listener
	serving  sync.WaitGroup

	mu      sync.Mutex
	arrived *sync.Cond
	lines   int
	wrong   error
}

func newCounter() (*counter, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &counter{listener: listener}
	c.arrived = sync.NewCond(&c.mu)
	c.serving.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return // closed
			}
			c.serving.Go(func() { c.take(client) })
		}
	})
	return c, nil
}

func (c *counter) address() string { return c.listener.Addr().String() }

func (c *counter) close() error {
	err := c.listener.Close()
	c.serving.Wait()
	return err
}

// take counts what a connection brings, and says that it is taken.
func (c *counter) take(client net.Conn) {
	batch, err := io.ReadAll(client)
	if err == nil {
		_, err = client.Write([]byte("taken"))
	}
	err = errors.Join(err, client.Close())
	if bytes.Contains(batch, []byte("4111 1111")) {
		err = errors.Join(err, errors.New("a card number is not masked"))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wrong = errors.Join(c.wrong, err)
	c.lines += bytes.Count(batch, []byte("\n")) - 1
	c.arrived.Broadcast()
}

// await waits until exactly so many lines have arrived since it was called the last time.
func (c *counter) await(lines int) error {
	late := time.AfterFunc(time.Minute, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.wrong = errors.Join(c.wrong, fmt.Errorf("%d lines have arrived of %d", c.lines, lines))
		c.arrived.Broadcast()
	})
	defer late.Stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.lines < lines && c.wrong == nil {
		c.arrived.Wait()
	}
	if c.lines > lines {
		c.wrong = errors.Join(c.wrong, fmt.Errorf("%d lines have arrived of %d", c.lines, lines))
	}
	c.lines = 0
	return c.wrong
}

// measureLines measures such pipelines, to one exporter and to two.
func measureLines(ctx context.Context, r *measure.Recorder, program string) (err error) {
	folder, err := os.MkdirTemp("", "strait-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	for _, to := range []struct {
		name  string
		fused string
		n     int
	}{{"a file to one exporter", "one part", 1}, {"a file to two exporters", "bridges", 2}} {
		var rivals []measure.Rival
		for _, of := range []linesOf{{"apart", to.n, false}, {to.fused, to.n, true}} {
			l, err := of.start(ctx, program, folder)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", to.name, of.name, err)
			}
			defer func() { err = errors.Join(err, l.stop(ctx)) }()
			rivals = append(rivals, l.rival(400))
		}
		c := measure.Case{Group: "rust", Name: to.name, Items: perBatch, Rivals: rivals}
		if err := r.Measure(c); err != nil {
			return err
		}
	}
	return nil
}
