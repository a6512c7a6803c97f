package hostcalls

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"go.opentelemetry.io/collector/extension/xextension/storage"
)

// storages are those that a component has open, by the numbers that it knows them by.
type storages struct {
	mu     sync.Mutex
	open   map[uint64]storage.Client
	last   uint64
	closed bool
}

type storageStep struct {
	Do    string `json:"do"`
	Key   string `json:"key"`
	Value []byte `json:"value"`
}

func (a *answers) openStorage(ctx context.Context, q question) (any, error) {
	ext, err := find[storage.Extension](a, q.Extension, "keeps no storage")
	if err != nil {
		return nil, err
	}
	opened, err := ext.GetClient(ctx, a.component.Kind, a.component.ID, q.Name)
	if err != nil {
		return nil, err
	}
	s := &a.storages
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		closed := opened.Close(context.WithoutCancel(ctx))
		return nil, errors.Join(fmt.Errorf("%s has been shut down", a.component.ID), closed)
	}
	s.last++
	s.open[s.last] = opened
	return struct {
		Storage uint64 `json:"storage"`
	}{s.last}, nil
}

func (a *answers) opened(number uint64) (storage.Client, error) {
	s := &a.storages
	s.mu.Lock()
	defer s.mu.Unlock()
	if opened := s.open[number]; opened != nil {
		return opened, nil
	}
	return nil, fmt.Errorf("storage %d of %s is not open", number, a.component.ID)
}

func (a *answers) batch(ctx context.Context, q question) (any, error) {
	opened, err := a.opened(q.Storage)
	if err != nil {
		return nil, err
	}
	steps := make([]*storage.Operation, 0, len(q.Operations))
	for _, s := range q.Operations {
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

func (a *answers) closeStorage(ctx context.Context, number uint64) error {
	s := &a.storages
	s.mu.Lock()
	opened := s.open[number]
	delete(s.open, number)
	s.mu.Unlock()
	if opened == nil {
		return nil
	}
	return opened.Close(ctx)
}

// close closes what the component left open.
func (a *answers) close() {
	s := &a.storages
	s.mu.Lock()
	left := s.open
	s.open, s.closed = nil, true
	s.mu.Unlock()
	for _, opened := range left {
		// The component is gone; the storage logs what it has to say.
		_ = opened.Close(context.Background())
	}
}
