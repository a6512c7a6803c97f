package sinks

import (
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strings"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/strait-data/strait/go/control"
)

// Logs writes the lines of a handle with logger until release: as the logger writes its own, with
// the caller in Rust, and with the line's fields. Rust makes no line that every logger drops.
func Logs(handle uint64, logger *zap.Logger) (release func()) {
	return control.HandleLogsFrom(finest(logger.Core()), handle, func(r control.LogRecord) {
		write(logger, r)
	})
}

func write(logger *zap.Logger, r control.LogRecord) {
	entry := logger.Check(levelOf(r.Level), r.Message)
	if entry == nil {
		return
	}
	fields, stack := fieldsOf(r)
	// The logger has put Go's way to this function there, which says nothing of the line.
	if entry.Caller.Defined {
		entry.Caller = callerOf(r)
	}
	entry.Stack = stack
	entry.Write(fields...)
}

// callerOf is where a line was written. The Collector's log shows the last two parts of a path: the
// target, which says in which module of which crate, and the file's name.
func callerOf(r control.LogRecord) zapcore.EntryCaller {
	if r.File == "" {
		return zapcore.EntryCaller{Defined: true, File: r.Target}
	}
	file := path.Join(strings.ReplaceAll(r.Target, "/", "."), path.Base(r.File))
	return zapcore.EntryCaller{Defined: true, File: file, Line: r.Line, Function: r.Target}
}

// backtrace is the field of a line that has a trace of Rust's stack.
const backtrace = "backtrace"

// taken are the keys that the Collector's log or this package uses for something else.
var taken = []string{"caller", "level", "logger", "msg", "stacktrace", "target", "ts"}

// fieldsOf are a line's fields, one for each, in the order of their names, and the trace of the
// stack that it may have. What cannot be read stays as it came.
func fieldsOf(r control.LogRecord) (fields []zap.Field, stack string) {
	fields = []zap.Field{zap.String("target", r.Target)}
	if r.FieldsJSON == "" {
		return fields, ""
	}
	var values map[string]any
	decoder := json.NewDecoder(strings.NewReader(r.FieldsJSON))
	decoder.UseNumber()
	if err := decoder.Decode(&values); err != nil {
		return append(fields, zap.String("fields", r.FieldsJSON)), ""
	}
	if text, ok := values[backtrace].(string); ok {
		stack = text
		delete(values, backtrace)
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		key := name
		if slices.Contains(taken, name) {
			key = "field." + name
		}
		fields = append(fields, fieldOf(key, values[name]))
	}
	return fields, stack
}

// fieldOf keeps whole numbers whole: as a float64 the great ones would not come out equal.
func fieldOf(key string, value any) zap.Field {
	number, ok := value.(json.Number)
	if !ok {
		return zap.Any(key, value)
	}
	if n, err := number.Int64(); err == nil {
		return zap.Int64(key, n)
	}
	if f, err := number.Float64(); err == nil && strings.ContainsAny(number.String(), ".eE") {
		return zap.Float64(key, f)
	}
	return zap.String(key, number.String()) // above an int64
}

// finest is the finest level that a logger writes. Rust's trace counts as finer than any: the
// Collector has no such level, and libraries log on it without measure.
func finest(core zapcore.Core) control.Level {
	for _, l := range []control.Level{
		control.LevelDebug, control.LevelInfo, control.LevelWarn, control.LevelError,
	} {
		if core.Enabled(levelOf(l)) {
			return l
		}
	}
	return control.LevelNone
}

func levelOf(l control.Level) zapcore.Level {
	switch l {
	case control.LevelInfo:
		return zapcore.InfoLevel
	case control.LevelWarn:
		return zapcore.WarnLevel
	case control.LevelError:
		return zapcore.ErrorLevel
	default: // trace, debug
		return zapcore.DebugLevel
	}
}
