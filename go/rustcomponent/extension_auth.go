package rustcomponent

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensionauth"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/hostcalls"
)

// withCapabilities is the instance with the interfaces of what its Rust side can do: the Collector
// refuses an extension for `auth` that has not got them, in its own words.
func (i *instance) withCapabilities() extension.Extension {
	c := i.created.Capabilities
	switch {
	case c.ServerAuth && c.ClientAuth:
		return struct {
			*instance
			serverAuth
			clientAuth
		}{i, serverAuth{i.rust}, clientAuth{i.rust, c.NeedsTLS}}
	case c.ServerAuth:
		return struct {
			*instance
			serverAuth
		}{i, serverAuth{i.rust}}
	case c.ClientAuth:
		return struct {
			*instance
			clientAuth
		}{i, clientAuth{i.rust, c.NeedsTLS}}
	default:
		return i
	}
}

var (
	_ extensionauth.Server     = serverAuth{}
	_ extensionauth.HTTPClient = clientAuth{}
	_ extensionauth.GRPCClient = clientAuth{}
)

// serverAuth asks Rust who a request comes from.
type serverAuth struct{ rust *rust }

type authenticateQuestion struct {
	Call    string              `json:"call"`
	Headers map[string][]string `json:"headers"`
}

// authError is an error that gRPC sees with its code, and everybody else as the plain message.
type authError struct {
	code    codes.Code
	message string
}

func (e authError) Error() string              { return e.message }
func (e authError) GRPCStatus() *status.Status { return status.New(e.code, e.message) }

// Authenticate adds the identity that Rust finds to the context's client.Info. The error carries a
// gRPC code: Unauthenticated where the request is refused, Unavailable where that cannot be said.
func (a serverAuth) Authenticate(
	ctx context.Context, sources map[string][]string,
) (context.Context, error) {
	if sources == nil {
		sources = map[string][]string{}
	}
	var reply hostcalls.Authentication
	if err := a.rust.ask(ctx, authenticateQuestion{"authenticate", sources}, &reply); err != nil {
		return ctx, authError{codes.Unavailable, err.Error()}
	}
	if reply.Refused != nil {
		return ctx, authError{codes.Unauthenticated, *reply.Refused}
	}
	info := client.FromContext(ctx)
	info.Auth = identity(reply.Identity)
	return client.NewContext(ctx, info), nil
}

// identity is what Rust knows of who sent a request.
type identity map[string]any

// GetAttribute returns a text, a number, a bool, or a list of texts; nil where nothing is known.
func (i identity) GetAttribute(name string) any {
	list, ok := i[name].([]any)
	if !ok {
		return i[name]
	}
	texts := make([]string, 0, len(list))
	for _, v := range list {
		text, ok := v.(string)
		if !ok {
			return list
		}
		texts = append(texts, text)
	}
	return texts
}

// GetAttributeNames returns the names, sorted.
func (i identity) GetAttributeNames() []string { return slices.Sorted(maps.Keys(i)) }

// clientAuth asks Rust for the headers of a request.
type clientAuth struct {
	rust     *rust
	needsTLS bool
}

type headersQuestion struct {
	Call string `json:"call"`
	URI  string `json:"uri"`
}

func (a clientAuth) headers(ctx context.Context, uri string) (map[string][]string, error) {
	var reply hostcalls.Headers
	err := a.rust.ask(ctx, headersQuestion{"client_headers", uri}, &reply)
	return reply.Headers, err
}

// RoundTripper adds Rust's headers to each request.
func (a clientAuth) RoundTripper(base http.RoundTripper) (http.RoundTripper, error) {
	return roundTripper{a, base}, nil
}

type roundTripper struct {
	auth clientAuth
	base http.RoundTripper
}

// RoundTrip sends a copy of the request, as http.RoundTripper asks.
func (t roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	where := url.URL{Scheme: r.URL.Scheme, Host: r.URL.Host, Path: r.URL.Path}
	headers, err := t.auth.headers(r.Context(), where.String())
	if err != nil {
		if r.Body != nil {
			err = errors.Join(err, r.Body.Close())
		}
		return nil, err
	}
	r = r.Clone(r.Context())
	for name, values := range headers {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	return t.base.RoundTrip(r)
}

// PerRPCCredentials adds Rust's headers to each call.
func (a clientAuth) PerRPCCredentials() (credentials.PerRPCCredentials, error) { return a, nil }

// GetRequestMetadata asks for the headers of one call. Several values of a header are joined with a
// comma.
func (a clientAuth) GetRequestMetadata(
	ctx context.Context, uri ...string,
) (map[string]string, error) {
	headers, err := a.headers(ctx, strings.Join(uri, ","))
	if err != nil {
		code := codes.Unauthenticated
		if e, ok := errors.AsType[*control.OperationError](err); ok && e.Class != control.Permanent {
			code = codes.Unavailable // so that the exporter tries again
		}
		return nil, authError{code, err.Error()}
	}
	metadata := make(map[string]string, len(headers))
	for name, values := range headers {
		metadata[strings.ToLower(name)] = strings.Join(values, ",")
	}
	return metadata, nil
}

// RequireTransportSecurity is what the extension says of its headers.
func (a clientAuth) RequireTransportSecurity() bool { return a.needsTLS }
