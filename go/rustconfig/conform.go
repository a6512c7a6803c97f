package rustconfig

import (
	"encoding/json"
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/confmap"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/unit"
)

// nodesKind stands for the engine's nodes, which are no component of their own, where Rust is asked
// to decode.
const nodesKind = "nodes"

// Conform reads the value of one key of a Go component's of some kind, whose own keys are the
// engine nodes'.
// Where Rust takes text the result has the text that `${...}` expanded to, elsewhere the value;
// secrets are configopaque's. What does not fit is left as it is: it is found when the unit is
// validated. The errors name places below key.
func Conform(kind unit.Kind, key string, value any) (any, error) {
	if value == nil {
		return nil, nil
	}
	e := encoder{originals: map[string]string{}}
	e.encode(map[string]any{key: value}, nil)
	v, err := e.values()
	if err != nil {
		return nil, err
	}
	answer, err := decode(asked{Kind: nodesKind, Type: key, Unit: kind, values: v})
	if errors.Is(err, control.ErrNoPeer) {
		return confmap.NewFromStringMap(map[string]any{key: value}).ToStringMap()[key], nil
	}
	if err != nil {
		return nil, err
	}
	tree, err := answer.tree()
	if err != nil {
		return nil, fmt.Errorf("what Rust shows of %s: %w", key, err)
	}
	return tree[key], nil
}

// JSON is a value as it crosses to Rust, with its secrets. The errors name places below key.
func JSON(key string, value any) (json.RawMessage, error) {
	e := encoder{originals: map[string]string{}}
	e.encode(value, &place{key: key, index: -1})
	v, err := e.values()
	if err != nil {
		return nil, err
	}
	return v.Config, nil
}
