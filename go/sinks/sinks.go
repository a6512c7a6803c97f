// Package sinks joins what a Rust component logs and reports to the Collector's own: the component's logger, with its
// level, name and sampling, and its status.
package sinks

import (
	"encoding/json"
	"errors"
	"sync"

	"go.opentelemetry.io/collector/component/componentstatus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/strait-data/strait/go/control"
)

// Logs writes the lines of a handle with logger until release. Rust makes no line that every logger drops.
func Logs(handle uint64, logger *zap.Logger) (release func()) {
	return control.HandleLogsFrom(finest(logger.Core()), handle, func(r control.LogRecord) {
		entry := logger.Check(levelOf(r.Level), r.Message)
		if entry == nil {
			return
		}
		fields := []zap.Field{zap.String("target", r.Target)}
		if r.FieldsJSON != "" {
			fields = append(fields, zap.Any("fields", json.RawMessage(r.FieldsJSON)))
		}
		entry.Write(fields...)
	})
}

// finest is the finest level that a logger writes. Rust's trace counts as finer than any: the Collector has no such
// level, and libraries log on it without measure.
func finest(core zapcore.Core) control.Level {
	for _, l := range []control.Level{control.LevelDebug, control.LevelInfo, control.LevelWarn, control.LevelError} {
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

// Status hands what Rust says of a handle to report, in order, until release. The Collector says by itself that a
// component starts, stops and has stopped.
//
// A fatal status is the last; it is reported from a goroutine of its own, because the Collector takes it only once it
// has started, and Rust may be what it waits for.
func Status(handle uint64, report func(*componentstatus.Event)) (release func()) {
	var mu sync.Mutex
	fatal := false
	return control.HandleStatus(handle, func(s control.Status) {
		event := eventOf(s)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case event == nil || fatal:
		case s.Code == control.StatusFatalError:
			fatal = true
			go report(event)
		default:
			report(event)
		}
	})
}

func eventOf(s control.Status) *componentstatus.Event {
	switch s.Code {
	case control.StatusRecoverableError:
		return componentstatus.NewRecoverableErrorEvent(errors.New(s.Message))
	case control.StatusPermanentError:
		return componentstatus.NewPermanentErrorEvent(errors.New(s.Message))
	case control.StatusFatalError:
		return componentstatus.NewFatalErrorEvent(errors.New(s.Message))
	case control.StatusOK:
		return componentstatus.NewEvent(componentstatus.StatusOK)
	default:
		return nil
	}
}
