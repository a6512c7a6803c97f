package rustconfig

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/collector/config/configopaque"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/unit"
)

// inlineLimit bounds what Rust does on the caller's own thread.
const inlineLimit = 10 * time.Second

// decoded is Rust's answer.
type decoded struct {
	Config   json.RawMessage     `json:"config"`
	Shown    json.RawMessage     `json:"shown"`
	Secrets  []string            `json:"secrets"`
	Findings []control.PathError `json:"findings"`
}

// asked is what Rust is asked to decode: the values of a component, or of engine nodes in a Unit.
type asked struct {
	Kind string    `json:"kind"`
	Type string    `json:"type"`
	Unit unit.Kind `json:"unit,omitempty"`
	*values
}

// decode asks Rust. The error is a decodeError where the values do not fit; control.ErrNoPeer where
// there is no Rust.
func decode(a asked) (*decoded, error) {
	peer, err := control.Bind()
	if err != nil {
		return nil, err
	}
	payload, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), inlineLimit)
	defer cancel()
	reply, err := peer.Call(ctx, control.Decode, 0, payload)
	if err != nil {
		var refused *control.OperationError
		if errors.As(err, &refused) && len(refused.Errors) > 0 {
			return nil, decodeError(refused.Errors)
		}
		return nil, err
	}
	var d decoded
	if err := json.Unmarshal(reply, &d); err != nil {
		return nil, fmt.Errorf("the answer to decode of %s %q: %w", a.Kind, a.Type, err)
	}
	return &d, nil
}

// decodingFailed is what confmap's decoder puts before its list of what does not fit.
const decodingFailed = "decoding failed due to the following error(s):\n\n"

// decodeError is what does not fit, in the form that confmap gives it in an Unmarshal of Go.
type decodeError []control.PathError

func (e decodeError) Error() string {
	var b strings.Builder
	b.WriteString(decodingFailed)
	for i, at := range e {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "'%s' %s", at.Path, at.Message)
	}
	return b.String()
}

// finding is one thing that validation found.
type finding control.PathError

func (f finding) Error() string {
	if f.Path == "" {
		return f.Message
	}
	return f.Path + ": " + f.Message
}

// tree is what is shown, in confmap's types, with its secrets marked.
func (a *decoded) tree() (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(a.Shown))
	d.UseNumber()
	var tree map[string]any
	if err := d.Decode(&tree); err != nil {
		return nil, err
	}
	for key, value := range tree {
		tree[key] = withNumbers(value)
	}
	for _, pointer := range a.Secrets {
		if err := mark(tree, pointer); err != nil {
			return nil, err
		}
	}
	return tree, nil
}

// withNumbers gives numbers the types that YAML gives them.
func withNumbers(value any) any {
	switch v := value.(type) {
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			if n >= math.MinInt && n <= math.MaxInt {
				return int(n)
			}
			return n
		}
		if n, err := strconv.ParseUint(v.String(), 10, 64); err == nil {
			return n
		}
		f, _ := v.Float64() // JSON has no number that is out of range here: Rust's f64 wrote it
		return f
	case map[string]any:
		for key, below := range v {
			v[key] = withNumbers(below)
		}
	case []any:
		for i, below := range v {
			v[i] = withNumbers(below)
		}
	}
	return value
}

// wrongSecret is a value that was to be a secret text, and is none: shown as one, and handed on as
// it is, for whoever refuses it.
type wrongSecret struct{ value any }

// MarshalText gives the mask.
func (wrongSecret) MarshalText() ([]byte, error) { return configopaque.String("").MarshalText() }

// mark makes the value at a JSON pointer a secret.
func mark(tree map[string]any, pointer string) error {
	var at any = tree
	steps := strings.Split(pointer, "/")[1:]
	for i, step := range steps {
		step = unescape.Replace(step)
		var value any
		var set func(any)
		switch parent := at.(type) {
		case map[string]any:
			value, set = parent[step], func(v any) { parent[step] = v }
		case []any:
			n, err := strconv.Atoi(step)
			if err != nil || n < 0 || n >= len(parent) {
				return fmt.Errorf("no value at %q", pointer)
			}
			value, set = parent[n], func(v any) { parent[n] = v }
		}
		if value == nil {
			return fmt.Errorf("no value at %q", pointer)
		}
		if i == len(steps)-1 {
			if text, is := value.(string); is {
				set(configopaque.String(text))
			} else {
				set(wrongSecret{value})
			}
		}
		at = value
	}
	return nil
}

// A JSON pointer's escapes.
var (
	escape   = strings.NewReplacer("~", "~0", "/", "~1")
	unescape = strings.NewReplacer("~1", "/", "~0", "~")
)
