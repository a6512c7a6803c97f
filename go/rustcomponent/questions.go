package rustcomponent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/extensionauth"
	"go.opentelemetry.io/collector/extension/xextension/storage"

	"github.com/strait-data/strait/go/control"
)

// questions is what one Rust extension may ask of its Collector, while it runs.
type questions struct {
	id   component.ID
	host component.Host

	mu       sync.Mutex
	storages map[uint64]storage.Client
	last     uint64
	closed   bool
}

func newQuestions(id component.ID, host component.Host) *questions {
	return &questions{id: id, host: host, storages: map[uint64]storage.Client{}}
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

type storageStep struct {
	Do    string `json:"do"`
	Key   string `json:"key"`
	Value []byte `json:"value"`
}

// answer is a control.OperationSink.
func (q *questions) answer(ctx context.Context, _ control.OpKind, payload []byte) ([]byte, error) {
	var asked question
	if err := json.Unmarshal(payload, &asked); err != nil {
		return nil, fmt.Errorf("what Rust asks is not what this version expects: %w", err)
	}
	reply, err := q.answerOne(ctx, asked)
	if err != nil {
		return nil, err
	}
	return json.Marshal(reply)
}

func (q *questions) answerOne(ctx context.Context, asked question) (any, error) {
	switch asked.Call {
	case "extensions":
		return q.extensions(), nil
	case "storage_open":
		return q.openStorage(ctx, asked)
	case "storage_batch":
		return q.batch(ctx, asked)
	case "storage_close":
		return struct{}{}, q.closeStorage(ctx, asked.Storage)
	case "client_headers":
		return q.clientHeaders(ctx, asked)
	case "authenticate":
		return q.authenticate(ctx, asked)
	default:
		return nil, fmt.Errorf("this version does not know %q", asked.Call)
	}
}

type extensionInfo struct {
	ID       string   `json:"id"`
	Provides []string `json:"provides"`
}

func (q *questions) extensions() any {
	found := q.host.GetExtensions()
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
func find[T any](q *questions, text, wanted string) (T, error) {
	var none T
	var id component.ID
	if err := id.UnmarshalText([]byte(text)); err != nil {
		return none, fmt.Errorf("%q is no id of an extension: %w", text, err)
	}
	ext, ok := q.host.GetExtensions()[id]
	if !ok {
		return none, fmt.Errorf("this Collector runs no extension %q: name it under service::extensions",
			text)
	}
	can, ok := ext.(T)
	if !ok {
		return none, fmt.Errorf("extension %q %s", text, wanted)
	}
	return can, nil
}

func (q *questions) openStorage(ctx context.Context, asked question) (any, error) {
	ext, err := find[storage.Extension](q, asked.Extension, "keeps no storage")
	if err != nil {
		return nil, err
	}
	opened, err := ext.GetClient(ctx, component.KindExtension, q.id, asked.Name)
	if err != nil {
		return nil, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		closed := opened.Close(context.WithoutCancel(ctx))
		return nil, errors.Join(fmt.Errorf("%s has been shut down", q.id), closed)
	}
	q.last++
	q.storages[q.last] = opened
	return struct {
		Storage uint64 `json:"storage"`
	}{q.last}, nil
}

func (q *questions) storage(number uint64) (storage.Client, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if opened := q.storages[number]; opened != nil {
		return opened, nil
	}
	return nil, fmt.Errorf("storage %d of %s is not open", number, q.id)
}

func (q *questions) batch(ctx context.Context, asked question) (any, error) {
	opened, err := q.storage(asked.Storage)
	if err != nil {
		return nil, err
	}
	steps := make([]*storage.Operation, 0, len(asked.Operations))
	for _, s := range asked.Operations {
		switch s.Do {
		case "get":
			steps = append(steps, storage.GetOperation(s.Key))
		case "set":
			steps = append(steps, storage.SetOperation(s.Key, s.Value))
		case "delete":
			steps = append(steps, storage.DeleteOperation(s.Key))
		default:
			return nil, fmt.Errorf("this version does not know the storage operation %q", s.Do)
		}
	}
	if err := opened.Batch(ctx, steps...); err != nil {
		return nil, err
	}
	values := make([][]byte, len(steps)) // nil is null in JSON: nothing was found
	for i, s := range steps {
		if s.Type == storage.Get {
			values[i] = s.Value
		}
	}
	return struct {
		Values [][]byte `json:"values"`
	}{values}, nil
}

func (q *questions) closeStorage(ctx context.Context, number uint64) error {
	q.mu.Lock()
	opened := q.storages[number]
	delete(q.storages, number)
	q.mu.Unlock()
	if opened == nil {
		return nil
	}
	return opened.Close(ctx)
}

// close closes what the instance left open.
func (q *questions) close() {
	q.mu.Lock()
	left := q.storages
	q.storages, q.closed = nil, true
	q.mu.Unlock()
	for _, opened := range left {
		// The instance is gone; the storage logs what it has to say.
		_ = opened.Close(context.Background())
	}
}

// clientHeaders asks another extension for the headers of a request: what it would put on a real
// one.
func (q *questions) clientHeaders(ctx context.Context, asked question) (any, error) {
	ext, err := find[component.Component](q, asked.Extension, "")
	if err != nil {
		return nil, err
	}
	if overHTTP, ok := ext.(extensionauth.HTTPClient); ok {
		headers, err := headersOf(ctx, overHTTP, asked.URI)
		return headersReply{headers}, err
	}
	overGRPC, ok := ext.(extensionauth.GRPCClient)
	if !ok {
		return nil, fmt.Errorf("extension %q does not authenticate requests that are sent",
			asked.Extension)
	}
	credentials, err := overGRPC.PerRPCCredentials()
	if err != nil {
		return nil, err
	}
	metadata, err := credentials.GetRequestMetadata(ctx, asked.URI)
	if err != nil {
		return nil, err
	}
	headers := make(map[string][]string, len(metadata))
	for name, value := range metadata {
		headers[name] = []string{value}
	}
	return headersReply{headers}, nil
}

// headersOf lets an extension prepare a request that is not sent.
func headersOf(
	ctx context.Context, auth extensionauth.HTTPClient, uri string,
) (map[string][]string, error) {
	var seen http.Header
	transport, err := auth.RoundTripper(catcher(func(r *http.Request) { seen = r.Header.Clone() }))
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, uri, http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	return seen, response.Body.Close()
}

// catcher is a transport that sends nothing.
type catcher func(*http.Request)

func (c catcher) RoundTrip(r *http.Request) (*http.Response, error) {
	c(r)
	return &http.Response{
		StatusCode: http.StatusNoContent, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: http.NoBody, Request: r,
	}, nil
}

func (q *questions) authenticate(ctx context.Context, asked question) (any, error) {
	const wanted = "does not authenticate requests that are received"
	auth, err := find[extensionauth.Server](q, asked.Extension, wanted)
	if err != nil {
		return nil, err
	}
	known, err := auth.Authenticate(ctx, asked.Headers)
	if err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		why := err.Error()
		return authenticateReply{Refused: &why}, nil
	}
	reply := authenticateReply{Identity: map[string]any{}}
	if data := client.FromContext(known).Auth; data != nil {
		for _, name := range data.GetAttributeNames() {
			reply.Identity[name] = data.GetAttribute(name)
		}
	}
	return reply, nil
}
