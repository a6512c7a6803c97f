// Package whole is for numbers and times of a configuration that must arrive as they were written.
// Into Go's own integers the Collector's decoder cuts off fractions and wraps what is beyond them:
// 4294968320 becomes 1024 in 32 bits, 18446744073709551615 becomes -1 in 64. These types refuse
// both, and say what was found.
//
// The range of a key is its configuration's to check: 64 bits hold every number that gets here.
package whole

import (
	"fmt"
	"math"
	"reflect"
	"time"

	"go.opentelemetry.io/collector/confmap"
)

// Number is a whole number of 64 bits.
type Number int64

// Duration is a span of time: text such as `5s`, or a whole number of nanoseconds, as anywhere in
// the Collector.
type Duration time.Duration

var (
	_ confmap.ScalarUnmarshaler = (*Number)(nil)
	_ confmap.ScalarUnmarshaler = (*Duration)(nil)
)

// UnmarshalScalar implements confmap.ScalarUnmarshaler.
func (n *Number) UnmarshalScalar(value confmap.ScalarValue) error {
	read, err := number(value.GetRaw())
	if err == nil {
		*n = Number(read)
	}
	return err
}

// UnmarshalScalar implements confmap.ScalarUnmarshaler.
func (d *Duration) UnmarshalScalar(value confmap.ScalarValue) error {
	// A text is read here before the decoder's own hook sees that this is no time.Duration.
	if text, ok := value.GetRaw().(string); ok {
		read, err := time.ParseDuration(text)
		if err == nil {
			*d = Duration(read)
		}
		return err
	}
	read, err := number(value.GetRaw())
	if err == nil {
		*d = Duration(read)
	}
	return err
}

// MarshalText shows a duration as it would be written.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// String is as time.Duration's.
func (d Duration) String() string { return time.Duration(d).String() }

// number reads what YAML makes of a number; what is none is left to the decoder, which says what it
// expected.
func number(raw any) (int64, error) {
	v := reflect.ValueOf(raw)
	switch {
	case !v.IsValid():
		return 0, confmap.ErrValueNotApplicable
	case v.CanInt():
		return v.Int(), nil
	case v.CanUint():
		if v.Uint() > math.MaxInt64 {
			return 0, beyond(raw)
		}
		return int64(v.Uint()), nil
	case v.CanFloat():
		// 1<<63 is a float, the largest int64 is not; what is not a number compares as false.
		if f := v.Float(); f >= -(1<<63) && f < 1<<63 {
			if f != math.Trunc(f) {
				return 0, fmt.Errorf("expected a whole number, found %v", raw)
			}
			return int64(f), nil
		}
		return 0, beyond(raw)
	default:
		return 0, confmap.ErrValueNotApplicable
	}
}

func beyond(raw any) error {
	return fmt.Errorf(
		"expected a whole number from %d to %d, found %v",
		math.MinInt64,
		math.MaxInt64,
		raw,
	)
}
