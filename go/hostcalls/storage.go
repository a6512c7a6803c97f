package hostcalls

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"go.opentelemetry.io/collector/extension/xextension/storage"
)

// storages are those that a component has open, by the numbers that it knows them by. Who opens one
// that is open has the same: a component that is made anew after a fault never closed its own, and
// a storage may be a file that opens once.
type storages struct {
	mu     sync.Mutex
	open   map[uint64]*opened
	shared map[storageName]*opened
	last   uint64
	closed bool
}

type storageName struct{ extension, name string }

// opened is a storage for all who opened it.
type opened struct {
	name   storageName
	users  int // under the lock of storages
	once   sync.Once
	client storage.Client
	err    error
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
	s := &a.storages
	o, err := s.join(storageName{q.Extension, q.Name})
	if err != nil {
		return nil, fmt.Errorf("%s %w", a.component.ID, err)
	}
	o.once.Do(func() {
		o.client, o.err = ext.GetClient(ctx, a.component.Kind, a.component.ID, q.Name)
	})
	if o.err != nil {
		return nil, errors.Join(o.err, s.leave(ctx, o))
	}
	number := s.number(o)
	if number == 0 {
		closed := s.leave(context.WithoutCancel(ctx), o)
		return nil, errors.Join(fmt.Errorf("%s %w", a.component.ID, errEnded), closed)
	}
	return struct {
		Storage uint64 `json:"storage"`
	}{number}, nil
}

var errEnded = errors.New("has been shut down")

// join makes the caller one of those who have a storage, which the first of them opens.
func (s *storages) join(name storageName) (*opened, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errEnded
	}
	o := s.shared[name]
	if o == nil {
		o = &opened{name: name}
		s.shared[name] = o
	}
	o.users++
	return o, nil
}

// number gives a storage that was joined the number by which the component knows it; 0: the
// component has ended meanwhile.
func (s *storages) number(o *opened) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0
	}
	s.last++
	s.open[s.last] = o
	return s.last
}

// leave is join's end; the last who leaves closes the storage.
func (s *storages) leave(ctx context.Context, o *opened) error {
	s.mu.Lock()
	o.users--
	last := o.users == 0
	if last {
		delete(s.shared, o.name)
	}
	s.mu.Unlock()
	if !last || o.client == nil {
		return nil
	}
	return o.client.Close(ctx)
}

func (a *answers) opened(number uint64) (storage.Client, error) {
	s := &a.storages
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.open[number]; o != nil {
		return o.client, nil
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
	o := s.open[number]
	delete(s.open, number)
	s.mu.Unlock()
	if o == nil {
		return nil
	}
	return s.leave(ctx, o)
}

// close closes what the component left open.
func (a *answers) close() {
	s := &a.storages
	s.mu.Lock()
	left := s.open
	s.open, s.closed = nil, true
	s.mu.Unlock()
	for _, o := range left {
		// The component is gone; the storage logs what it has to say.
		_ = s.leave(context.Background(), o)
	}
}
