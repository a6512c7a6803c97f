package hostcalls

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"

	"github.com/strait-data/strait/go/control"
)

// host is one that runs these extensions.
type host map[component.ID]component.Component

func (h host) GetExtensions() map[component.ID]component.Component { return h }

type extension struct {
	component.StartFunc
	component.ShutdownFunc
}

// store is a storage extension with one storage for all, which knows who opened it.
type store struct {
	extension
	kind   component.Kind
	id     component.ID
	values map[string][]byte
	open   int
}

func (s *store) GetClient(
	_ context.Context, kind component.Kind, id component.ID, _ string,
) (storage.Client, error) {
	s.kind, s.id = kind, id
	s.open++
	return &storeClient{s}, nil
}

type storeClient struct{ *store }

func (c *storeClient) Get(_ context.Context, key string) ([]byte, error) {
	return c.values[key], nil
}

func (c *storeClient) Set(_ context.Context, key string, value []byte) error {
	c.values[key] = value
	return nil
}

func (c *storeClient) Delete(_ context.Context, key string) error {
	delete(c.values, key)
	return nil
}

func (c *storeClient) Batch(ctx context.Context, steps ...*storage.Operation) error {
	for _, s := range steps {
		var err error
		switch s.Type {
		case storage.Get:
			s.Value, err = c.Get(ctx, s.Key)
		case storage.Set:
			err = c.Set(ctx, s.Key, s.Value)
		case storage.Delete:
			err = c.Delete(ctx, s.Key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *storeClient) Close(context.Context) error {
	c.open--
	return nil
}

// guard authenticates both ways.
type guard struct{ extension }

func (guard) Authenticate(
	ctx context.Context, headers map[string][]string,
) (context.Context, error) {
	if len(headers["token"]) == 0 {
		return ctx, errors.New("no token")
	}
	return client.NewContext(ctx, client.Info{Auth: name(headers["token"][0])}), nil
}

type name string

func (n name) GetAttribute(string) any     { return string(n) }
func (n name) GetAttributeNames() []string { return []string{"name"} }

func (guard) RoundTripper(base http.RoundTripper) (http.RoundTripper, error) {
	return signer{base}, nil
}

type signer struct{ base http.RoundTripper }

func (s signer) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("Signed-For", r.URL.Host)
	return s.base.RoundTrip(r)
}

// asking is a component of a kind, and the function by which it asks.
func asking(kind component.Kind, h host) (a *answers, ask func(string) (string, error)) {
	a = newAnswers(Component{Kind: kind, ID: component.MustNewIDWithName("rust", "a")}, h)
	return a, func(question string) (string, error) {
		reply, err := a.answer(context.Background(), control.Capability, []byte(question))
		return string(reply), err
	}
}

// Guarantees: a component of any kind has storages of its own, one that is open is not opened
// again, a batch of steps gives what was found, and what it leaves open is closed with its answers,
// after which none opens.
func TestStorage(t *testing.T) {
	for _, kind := range []component.Kind{component.KindExtension, component.KindReceiver} {
		s := &store{values: map[string][]byte{}}
		a, ask := asking(kind, host{component.MustNewID("store"): s})
		for _, want := range []string{`{"storage":1}`, `{"storage":2}`} {
			reply, err := ask(`{"call": "storage_open", "extension": "store"}`)
			require.NoError(t, err)
			require.JSONEq(t, want, reply)
		}
		require.Equal(t, 1, s.open)
		require.Equal(t, kind, s.kind)
		require.Equal(t, "rust/a", s.id.String())
		reply, err := ask(`{"call": "storage_batch", "storage": 2, "operations": [
			{"do": "set", "key": "k", "value": "dg=="}, {"do": "get", "key": "k"},
			{"do": "delete", "key": "k"}, {"do": "get", "key": "k"}]}`)
		require.NoError(t, err)
		require.JSONEq(t, `{"values": [null, "dg==", null, null]}`, reply)
		_, err = ask(`{"call": "storage_close", "storage": 2}`)
		require.NoError(t, err)
		require.Equal(t, 1, s.open, "storage 1 is the same")
		_, err = ask(`{"call": "storage_batch", "storage": 2}`)
		require.EqualError(t, err, "storage 2 of rust/a is not open")
		reply, err = ask(`{"call": "storage_open", "extension": "store", "name": "other"}`)
		require.NoError(t, err)
		require.JSONEq(t, `{"storage":3}`, reply)
		require.Equal(t, 2, s.open)
		a.close()
		require.Zero(t, s.open)
		_, err = ask(`{"call": "storage_open", "extension": "store"}`)
		require.EqualError(t, err, "rust/a has been shut down")
		require.Zero(t, s.open)
	}
}

// Guarantees: Rust learns which extensions there are and what each can, has them sign and
// authenticate, and hears why one is refused.
func TestExtensionsAndAuthentication(t *testing.T) {
	_, ask := asking(component.KindExporter, host{
		component.MustNewID("store"): &store{}, component.MustNewID("guard"): guard{},
		component.MustNewID("other"): &extension{},
	})
	for question, want := range map[string]string{
		`{"call": "extensions"}`: `{"extensions": [
			{"id": "guard", "provides": ["client_auth", "server_auth"]},
			{"id": "other", "provides": []}, {"id": "store", "provides": ["storage"]}]}`,
		`{"call": "client_headers", "extension": "guard", "uri": "http://there/x"}`: `{"headers": {
			"Signed-For": ["there"]}}`,
		`{"call": "authenticate", "extension": "guard", "headers": {"token": ["me"]}}`: `{
			"identity": {"name": "me"}}`,
		`{"call": "authenticate", "extension": "guard"}`: `{"refused": "no token"}`,
	} {
		reply, err := ask(question)
		require.NoError(t, err, question)
		require.JSONEq(t, want, reply, question)
	}
}

// Guarantees: what Rust cannot have is an error that says why.
func TestWhatIsNotThere(t *testing.T) {
	_, ask := asking(component.KindExtension, host{component.MustNewID("other"): &extension{}})
	for question, want := range map[string]string{
		`{`:                `what Rust asks is not what this version expects`,
		`{"call": "sing"}`: `this version does not know "sing"`,
		`{"call": "storage_open", "extension": "other"}`:   `extension "other" keeps no storage`,
		`{"call": "storage_open", "extension": "none"}`:    `runs no extension "none": name it under`,
		`{"call": "storage_open", "extension": "a b"}`:     `"a b" is no id of an extension`,
		`{"call": "authenticate", "extension": "other"}`:   `does not authenticate requests that are re`,
		`{"call": "client_headers", "extension": "other"}`: `does not authenticate requests that are s`,
	} {
		_, err := ask(question)
		require.ErrorContains(t, err, want)
	}
}
