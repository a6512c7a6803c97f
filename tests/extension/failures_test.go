package extension

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/strait-data/strait/go/control"
)

const (
	minute = time.Minute
	tick   = 2 * time.Millisecond
)

// Guarantees: an error or a panic in any phase is the Collector's error, in its own words, and
// names the instance; the process lives on, and the next Collector starts.
func TestFailuresInEveryPhase(t *testing.T) {
	for name, at := range map[string]struct{ config, want string }{
		"invalid": {"invalid: true", "extensions::probe/a: invalid: is true, expected false"},
		"create": {
			"on: {create: [fail: no way]}", `failed to create extension "probe/a": probe/a: no way`,
		},
		"create panic": {"on: {create: [panic: boom]}", "boom"},
		"start": {
			"on: {start: [fail: no way]}", "failed to start extensions: probe/a: start: no way",
		},
		"start panic": {
			"on: {start: [panic: boom]}",
			"failed to start extensions: probe/a: panic in start: boom",
		},
		"drop panic": {
			"on: {start: [fail: no way], drop: [panic: boom]}", "probe/a: panic in shutdown: boom",
		},
		"notify":       {"watch: true\n  on: {notify: [fail: no way]}", "probe/a: notify: no way"},
		"notify panic": {"watch: true\n  on: {notify: [panic: boom]}", "probe/a: panic in notify: boom"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCollector(t, "probe/a:\n  "+at.config, []string{"probe/a"}, "")
			err := c.run(t, t.Context())
			require.ErrorContains(t, err, at.want)
			require.ErrorContains(t, err, "probe/a")
			if strings.Contains(name, "panic") {
				require.Contains(t, c.lines("probe/a"), "panic: boom", "with its place, from the instance")
			}
		})
	}
	newCollector(t, "probe/a: {}", []string{"probe/a"}, "").started(t)
}

// Guarantees: an error or a panic at the end does not keep the others from stopping, and is the
// Collector's error.
func TestFailuresAtShutdown(t *testing.T) {
	for step, want := range map[string]string{
		"fail: no way": "failed to shutdown extensions: probe/a: shutdown: no way",
		"panic: boom":  "failed to shutdown extensions: probe/a: panic in shutdown: boom",
	} {
		c := newCollector(
			t,
			"probe/a: {on: {shutdown: ["+step+"]}}\nprobe/b: {}",
			[]string{"probe/a", "probe/b"},
			"",
		).started(t)
		require.ErrorContains(t, c.stop(t), want)
		require.Contains(t, c.lines("probe/b"), "stops")
	}
}

// Guarantees: a start that does not end, whether it waits or holds its thread, ends at the caller's
// deadline with an error that names it.
func TestAHangingStartEndsAtTheDeadline(t *testing.T) {
	for _, step := range []string{"hang", "block: {seconds: 4}"} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		err := newCollector(t, "probe/a: {on: {start: ["+step+"]}}", []string{"probe/a"}, "").run(t, ctx)
		require.ErrorContains(t, err, "failed to start extensions: probe/a: ")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Less(t, time.Since(began), 8*time.Second)
	}
}

// Guarantees: a create that never returns ends with the caller's deadline, by an error that names
// it; its thread is counted until it is free.
func TestAHangingCreateEndsAtTheDeadline(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	before := control.ReadStats().Abandoned
	err := newCollector(
		t,
		"probe/a: {on: {create: [{block: {seconds: 8}}]}}",
		[]string{"probe/a"},
		"",
	).run(t, ctx)
	require.ErrorContains(t, err, `failed to create extension "probe/a": probe/a: create of handle`)
	require.ErrorIs(t, err, control.ErrAbandoned)
	require.Equal(t, before+1, control.ReadStats().Abandoned)
	require.Eventually(
		t,
		func() bool { return control.ReadStats().Abandoned == before },
		minute,
		10*tick,
	)
}

// Guarantees: what a task of an extension says when it panics is logged with its place, and makes
// the status permanent.
func TestAPanickingTaskIsTold(t *testing.T) {
	var mu sync.Mutex
	said := ""
	m := &middle{statuses: func(id, status, err string) {
		mu.Lock()
		defer mu.Unlock()
		if id == "probe/a" && status == "StatusPermanentError" {
			said = err
		}
	}}
	c := newCollector(
		t,
		"probe/a: {on: {task: [panic: boom]}}\nmiddle: {}",
		[]string{"middle", "probe/a"},
		"",
		middleFactory(m),
	).started(t)
	require.Eventually(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return said == "probe/a: panic in the task: boom"
	}, minute, tick)
	require.Contains(t, c.lines("probe/a"), "panic: boom")
	told := c.logs.FilterMessage("panic: boom").All()
	require.Len(t, told, 1)
	require.Regexp(t, `^panic/probe\.rs:\d+$`, told[0].Caller.TrimmedPath())
	require.NotContains(t, told[0].Stack, "sinks", "Go's stack") // Rust's, where RUST_BACKTRACE is set
}
