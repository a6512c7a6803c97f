// Package hostcalls answers what a Rust component asks of its Collector: which extensions there
// are, storage, and authentication of requests both ways. It serves a component of any kind, by its
// handle.
//
// It guarantees that a question has exactly one answer, that what the Collector does not have is an
// error that says so, and that storages which a component left open are closed when its answers
// end. Everything runs on goroutines of the questions' own, within their deadlines.
//
// What Rust tells without being answered (log lines, statuses, figures) is left to packages sinks
// and process.
package hostcalls

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/extensionauth"
	"go.opentelemetry.io/collector/extension/xextension/storage"

	"github.com/strait-data/strait/go/control"
)

// Component is the Rust component that asks.
type Component struct {
	Kind component.Kind
	ID   component.ID
}

// Answer lets the Rust side with this handle ask what host has, until stop is called. Storages that
// it leaves open are closed then.
func Answer(handle uint64, c Component, host component.Host) (stop func()) {
	a := newAnswers(c, host)
	release := control.HandleOperations(handle, a.answer)
	return func() {
		a.close()
		release()
	}
}

// answers are those for one component, while it runs.
type answers struct {
	component Component
	host      component.Host
	storages  storages
}

func newAnswers(c Component, host component.Host) *answers {
	return &answers{component: c, host: host, storages: storages{
		open: map[uint64]*opened{}, shared: map[storageName]*opened{},
	}}
}

// question is any of them; Call says which fields it has. The words are those of HostCall in
// strait-component.
type question struct {
	Call       string              `json:"call"`
	Extension  string              `json:"extension"`
	Name       string              `json:"name"`
	Storage    uint64              `json:"storage"`
	Operations []storageStep       `json:"operations"`
	URI        string              `json:"uri"`
	Headers    map[string][]string `json:"headers"`
}

// answer is a control.OperationSink.
func (a *answers) answer(ctx context.Context, _ control.OpKind, payload []byte) ([]byte, error) {
	var q question
	if err := json.Unmarshal(payload, &q); err != nil {
		return nil, fmt.Errorf("what Rust asks is not what this version expects: %w", err)
	}
	reply, err := a.answerOne(ctx, q)
	if err != nil {
		return nil, err
	}
	return json.Marshal(reply)
}

func (a *answers) answerOne(ctx context.Context, q question) (any, error) {
	switch q.Call {
	case "extensions":
		return a.extensions(), nil
	case "storage_open":
		return a.openStorage(ctx, q)
	case "storage_batch":
		return a.batch(ctx, q)
	case "storage_close":
		return struct{}{}, a.closeStorage(ctx, q.Storage)
	case "client_headers":
		return a.clientHeaders(ctx, q)
	case "authenticate":
		return a.authenticate(ctx, q)
	default:
		return nil, fmt.Errorf("this version does not know %q", q.Call)
	}
}

type extensionInfo struct {
	ID       string   `json:"id"`
	Provides []string `json:"provides"`
}

func (a *answers) extensions() any {
	found := a.host.GetExtensions()
	ids := slices.SortedFunc(maps.Keys(found), func(a, b component.ID) int {
		return strings.Compare(a.String(), b.String())
	})
	out := struct {
		Extensions []extensionInfo `json:"extensions"`
	}{Extensions: []extensionInfo{}}
	for _, id := range ids {
		info := extensionInfo{ID: id.String(), Provides: provides(found[id])}
		out.Extensions = append(out.Extensions, info)
	}
	return out
}

func provides(ext component.Component) []string {
	out := []string{}
	if _, ok := ext.(storage.Extension); ok {
		out = append(out, "storage")
	}
	_, overHTTP := ext.(extensionauth.HTTPClient)
	_, overGRPC := ext.(extensionauth.GRPCClient)
	if overHTTP || overGRPC {
		out = append(out, "client_auth")
	}
	if _, ok := ext.(extensionauth.Server); ok {
		out = append(out, "server_auth")
	}
	return out
}

// find is the extension of this id, as one that can what is wanted of it.
func find[T any](a *answers, text, wanted string) (T, error) {
	var none T
	var id component.ID
	if err := id.UnmarshalText([]byte(text)); err != nil {
		return none, fmt.Errorf("%q is no id of an extension: %w", text, err)
	}
	ext, ok := a.host.GetExtensions()[id]
	if !ok {
		return none, fmt.Errorf("this Collector runs no extension %q: name it under "+
			"service::extensions", text)
	}
	can, ok := ext.(T)
	if !ok {
		return none, fmt.Errorf("extension %q %s", text, wanted)
	}
	return can, nil
}
