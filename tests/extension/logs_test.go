package extension

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zapcore"
)

// Guarantees: Rust's lines are the component's, with level, caller, target and fields, and none is
// lost at the end.
func TestLogLinesArriveWhole(t *testing.T) {
	c := newCollector(
		t,
		"probe/a: {on: {start: [{log: {level: warn, lines: 2}}], "+
			"shutdown: [{log: {level: error, lines: 100}}]}}",
		[]string{"probe/a"},
		"",
	).started(t)
	require.NoError(t, c.stop(t))
	levels := map[zapcore.Level]int{}
	for _, e := range c.logs.FilterMessage("a line of the probe").All() {
		all := e.ContextMap()
		require.Equal(t, "probe/a", all["otelcol.component.id"])
		require.Contains(t, all["target"], "probe")
		require.Regexp(t, `^.*probe.*/.*\.rs:\d+$`, e.Caller.TrimmedPath(), "the place in Rust")
		require.Equal(t, "t", all["text"])
		require.EqualValues(t, levels[e.Level], all["line"])
		levels[e.Level]++
	}
	require.Equal(t, map[zapcore.Level]int{zapcore.WarnLevel: 2, zapcore.ErrorLevel: 100}, levels)
}

// Guarantees: Rust's lines follow the level of the Collector's configuration, from one Collector to
// the next.
func TestLevelsFollowTheCollector(t *testing.T) {
	var lines []string
	for _, level := range []string{"trace", "debug", "info", "warn", "error"} {
		lines = append(lines, fmt.Sprintf("{log: {level: %s, lines: 1}}", level))
	}
	steps := "[" + strings.Join(lines, ", ") + "]"
	for level, want := range map[string]int{"debug": 4, "info": 3, "warn": 2, "error": 1} {
		c := newCollector(t, "probe/a: {on: {start: "+steps+"}}", []string{"probe/a"},
			fmt.Sprintf("service: {telemetry: {logs: {level: %s}}}", level)).started(t)
		require.NoError(t, c.stop(t))
		require.Len(t, c.logs.FilterMessage("a line of the probe").All(), want, level)
	}
}

// Guarantees: of a flood some lines come and the rest is counted, in a line and not silently;
// errors have room of their own.
func TestAFloodIsLimitedAndCounted(t *testing.T) {
	const flood = 20000
	c := newCollector(
		t,
		fmt.Sprintf(
			"probe/a: {on: {start: [{log: {level: info, lines: %d}}, {log: {level: error, lines: 10}}]}}",
			flood,
		),
		[]string{"probe/a"},
		"",
	).started(t)
	require.NoError(t, c.stop(t))
	came, dropped, errors := 0, 0, 0
	number := regexp.MustCompile(`^(\d+) log lines were dropped`)
	for _, e := range c.logs.All() {
		switch found := number.FindStringSubmatch(e.Message); {
		case found != nil:
			n, err := strconv.Atoi(found[1])
			require.NoError(t, err)
			require.Equal(t, "probe/a", e.ContextMap()["otelcol.component.id"])
			dropped += n
		case e.Message == "a line of the probe" && e.Level == zapcore.ErrorLevel:
			errors++
		case e.Message == "a line of the probe":
			came++
		}
	}
	require.Equal(t, 10, errors)
	require.Greater(t, dropped, flood/2)
	// "starts" and "stops" are lines of the same thread: they may be among the dropped.
	require.InDelta(t, flood, came+dropped, 2)
}
