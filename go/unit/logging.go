package unit

import (
	"encoding/json"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/strait-data/strait/go/control"
)

// logTo writes what Rust logs with the component's own logger: its level, its name, its sampling.
func logTo(logger *zap.Logger) func(control.LogRecord) {
	return func(r control.LogRecord) {
		entry := logger.Check(levelOf(r.Level), r.Message)
		if entry == nil {
			return
		}
		fields := []zap.Field{zap.String("target", r.Target)}
		if r.FieldsJSON != "" {
			fields = append(fields, zap.Any("fields", json.RawMessage(r.FieldsJSON)))
		}
		entry.Write(fields...)
	}
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
