package hostcalls

import (
	"context"
	"fmt"
	"net/http"

	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/extensionauth"
)

// Headers answers the question for a request's headers, whichever language asks which.
type Headers struct {
	Headers map[string][]string `json:"headers"`
}

// Authentication answers the question who sent a request, whichever language asks which.
type Authentication struct {
	// Identity is what is known of the sender.
	Identity map[string]any `json:"identity,omitempty"`
	// Refused is why the request is not taken; nil: it is.
	Refused *string `json:"refused,omitempty"`
}

// clientHeaders asks another extension for the headers of a request: what it would put on a real
// one.
func (a *answers) clientHeaders(ctx context.Context, q question) (any, error) {
	ext, err := find[component.Component](a, q.Extension, "")
	if err != nil {
		return nil, err
	}
	if overHTTP, ok := ext.(extensionauth.HTTPClient); ok {
		headers, err := headersOf(ctx, overHTTP, q.URI)
		return Headers{headers}, err
	}
	overGRPC, ok := ext.(extensionauth.GRPCClient)
	if !ok {
		return nil, fmt.Errorf("extension %q does not authenticate requests that are sent",
			q.Extension)
	}
	credentials, err := overGRPC.PerRPCCredentials()
	if err != nil {
		return nil, err
	}
	metadata, err := credentials.GetRequestMetadata(ctx, q.URI)
	if err != nil {
		return nil, err
	}
	headers := make(map[string][]string, len(metadata))
	for name, value := range metadata {
		headers[name] = []string{value}
	}
	return Headers{headers}, nil
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

func (a *answers) authenticate(ctx context.Context, q question) (any, error) {
	const wanted = "does not authenticate requests that are received"
	auth, err := find[extensionauth.Server](a, q.Extension, wanted)
	if err != nil {
		return nil, err
	}
	known, err := auth.Authenticate(ctx, q.Headers)
	if err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		why := err.Error()
		return Authentication{Refused: &why}, nil
	}
	reply := Authentication{Identity: map[string]any{}}
	if data := client.FromContext(known).Auth; data != nil {
		for _, name := range data.GetAttributeNames() {
			reply.Identity[name] = data.GetAttribute(name)
		}
	}
	return reply, nil
}
