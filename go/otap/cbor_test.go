package otap

import (
	"encoding/hex"
	"math"
	"testing"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// What serde_cbor and ciborium write, which the engine uses: indefinite lengths and the shortest
// floats.
func TestCBORReadsWhatTheEngineWrites(t *testing.T) {
	for _, c := range []struct {
		name, hex string
		want      any
	}{
		{"indefinite map", "bf616101ff", map[string]any{"a": int64(1)}},
		{"indefinite array", "9f01209fff" + "ff", []any{int64(1), int64(-1), []any{}}},
		{"null key", "a1f6f5", map[string]any{"": true}},
		{"half", "81f93c00", []any{1.0}},
		{"half subnormal", "81f90001", []any{math.Ldexp(1, -24)}},
		{"half infinity", "81f9fc00", []any{math.Inf(-1)}},
		{"single", "81fa3fc00000", []any{1.5}},
		{"double", "81fb3ff8000000000000", []any{1.5}},
		{"smallest int", "813b7fffffffffffffff", []any{int64(math.MinInt64)}},
		{"bytes", "8142ff00", []any{[]byte{255, 0}}},
		{"null", "81f6", []any{nil}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, err := hex.DecodeString(c.hex)
			if err != nil {
				t.Fatal(err)
			}
			got, want := pcommon.NewValueEmpty(), pcommon.NewValueEmpty()
			if err := decodeCBOR(string(b), &got); err != nil {
				t.Fatal(err)
			}
			if err := want.FromRaw(c.want); err != nil {
				t.Fatal(err)
			}
			if !got.Equal(want) {
				t.Fatalf("want %v, got %v", want.AsRaw(), got.AsRaw())
			}
		})
	}
}

func TestCBORRefuses(t *testing.T) {
	deep := make([]byte, decodeDepth+2)
	for i := range deep {
		deep[i] = 0x81
	}
	for name, s := range map[string]string{
		"nothing": "", "cut": "\x82\x01", "cut head": "\x19\x01", "bytes behind": "\x80\x00",
		"int key":   "\xa1\x01\x01",
		"too large": "\x1b\xff\xff\xff\xff\xff\xff\xff\xff", "tag": "\xc0\x01",
		"undefined": "\xf7", "bad text": "\x61\xff",
		"no break": "\x9f\x01", "break alone": "\xff",
		"long text": "\x7b\xff\xff\xff\xff\xff\xff\xff\xff", "deep": string(deep),
		"indefinite text": "\x7f\x61a\xff",
	} {
		v := pcommon.NewValueEmpty()
		if decodeCBOR(s, &v) == nil || decodeCBOR(s, nil) == nil {
			t.Errorf("%s: accepted as %v", name, v.AsRaw())
		}
	}
}

// FuzzCBOR reads any bytes; what is accepted and written again is read as the same.
func FuzzCBOR(f *testing.F) {
	for _, s := range []string{
		"\xbf\x61a\x01\xff", "\x9f\x01\x20\xff", "\x81\xf9\x3c\x00", "\xa1\xf6\xf5",
		"\x81\x42\xff\x00",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v := pcommon.NewValueEmpty()
		if decodeCBOR(s, &v) != nil {
			return
		}
		b, err := appendCBOR(nil, v, 1, &text{})
		if err != nil {
			return // deeper than the encoder's limit
		}
		again := pcommon.NewValueEmpty()
		if err := decodeCBOR(string(b), &again); err != nil {
			t.Fatalf("%x was written as %x: %v", s, b, err)
		}
		if c, err := appendCBOR(nil, again, 1, &text{}); err != nil || string(c) != string(b) {
			t.Fatalf("%x, then %x, %v", b, c, err)
		}
	})
}
