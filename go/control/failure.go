package control

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"time"

	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Failure is why one batch failed. It is the same in Rust, and crosses whole.
type Failure struct {
	// Class says what the caller may do.
	Class Class
	// GRPCCode is a gRPC status code; 0 = none is known.
	GRPCCode uint32
	// HTTPCode is an HTTP status code; 0 = none is known.
	HTTPCode uint32
	// RetryDelay is how long the destination asked to wait; 0 = it did not say.
	RetryDelay time.Duration
	// RejectedItems is how many items were rejected; 0 = all, or not known.
	RejectedItems uint64
	// Message says what happened, without the class and the component.
	Message string
	// Component is the component or node where it happened; "" = not known.
	Component string
}

// Error returns "component: message".
func (f *Failure) Error() string {
	if f.Component == "" {
		return f.Message
	}
	return f.Component + ": " + f.Message
}

// Unwrap makes errors.Is find context.Canceled and context.DeadlineExceeded.
func (f *Failure) Unwrap() error { return contextError(f.Class) }

func contextError(c Class) error {
	switch c {
	case Cancelled:
		return context.Canceled
	case Deadline:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// AsError returns the failure in the shape that the Collector looks for:
//   - a class that is final is [consumererror.IsPermanent], but for Cancelled and Deadline, which
//     the
//     Collector knows as the context's own errors; every other class may be retried;
//   - status.FromError finds the gRPC code (with the retry delay in it), consumererror.ToHTTPStatus
//     the HTTP code, and the exporter helper's retry the delay;
//   - errors.As finds the *Failure itself.
//
// Rejected items are not told to the Collector: only who still has the data can say which they are.
func (f *Failure) AsError() error {
	if f == nil {
		return nil
	}
	var err error = f
	if f.GRPCCode != 0 {
		err = &statusError{f}
	}
	if f.HTTPCode >= 400 && f.HTTPCode <= 599 { // anything else would be served as a success
		err = consumererror.NewOTLPHTTPError(err, int(f.HTTPCode))
	}
	if f.Class.IsFinal() && contextError(f.Class) == nil {
		return consumererror.NewPermanent(err)
	}
	if f.RetryDelay > 0 {
		return exporterhelper.NewThrottleRetry(err, f.RetryDelay)
	}
	return err
}

// statusError gives a failure its gRPC status. The failure itself must not have the method: one
// without a code would pass for a gRPC status too.
type statusError struct{ failure *Failure }

func (e *statusError) Error() string { return e.failure.Error() }
func (e *statusError) Unwrap() error { return e.failure }

// GRPCStatus is what status.FromError looks for.
func (e *statusError) GRPCStatus() *status.Status {
	st := status.New(codes.Code(e.failure.GRPCCode), e.Error())
	if e.failure.RetryDelay > 0 {
		delay := &errdetails.RetryInfo{RetryDelay: durationpb.New(e.failure.RetryDelay)}
		if with, err := st.WithDetails(delay); err == nil {
			return with
		}
	}
	return st
}

// FailureFrom returns what an error of a Go consumer says, for the peer; nil for nil. The class is
// Permanent exactly when the Collector would not retry the error. An error made by AsError gives an
// equal Failure back.
func FailureFrom(err error) *Failure {
	if err == nil {
		return nil
	}
	inner := strip(err)
	f := &Failure{Class: Retryable}
	var made *Failure
	if errors.As(err, &made) && made != nil {
		*f = *made
	}
	f.Class = classOf(err, made)
	if st := statusOf(err); st != nil {
		f.GRPCCode = uint32(st.Code())
		for _, detail := range st.Details() {
			if info, ok := detail.(*errdetails.RetryInfo); ok && f.RetryDelay == 0 {
				f.RetryDelay = max(0, info.GetRetryDelay().AsDuration())
			}
		}
	}
	if e, ok := errors.AsType[*consumererror.Error](err); ok {
		if code := privateInt(reflect.ValueOf(e).Elem(), "httpStatus"); code > 0 {
			f.HTTPCode = uint32(code)
		}
	}
	if delay, ok := throttleDelay(err); ok {
		f.RetryDelay = max(0, delay)
	}
	if n := undelivered(err); n > 0 {
		f.RejectedItems = uint64(n)
	}
	switch e := inner.(type) {
	case *Failure: // its message is in f
	case interface{ GRPCStatus() *status.Status }:
		f.Message = e.GRPCStatus().Message()
	default:
		f.Message = inner.Error()
	}
	f.Message = strings.ToValidUTF8(f.Message, "\uFFFD")
	f.Component = strings.ToValidUTF8(f.Component, "\uFFFD")
	return f
}

func classOf(err error, made *Failure) Class {
	permanent := consumererror.IsPermanent(err)
	switch {
	case made != nil && (!permanent || made.Class == Internal) && made.Class.valid():
		return made.Class
	case permanent:
		return Permanent
	case errors.Is(err, context.Canceled):
		return Cancelled
	case errors.Is(err, context.DeadlineExceeded):
		return Deadline
	default:
		return Retryable
	}
}

// statusOf finds the gRPC status of an error, whichever way it carries one.
func statusOf(err error) *status.Status {
	var with interface{ GRPCStatus() *status.Status }
	if errors.As(err, &with) {
		if st := with.GRPCStatus(); st.Code() != codes.OK {
			return st
		}
	}
	e, ok := errors.AsType[*consumererror.Error](err)
	if ok && !privateIsNil(reflect.ValueOf(e).Elem(), "grpcStatus") {
		return consumererror.ToGRPCStatus(e)
	}
	return nil
}

// The Collector keeps some facts in fields of types without a name. They are read by reflection,
// from exactly those types; TestCollectorTypesAreAsExpected fails when a new version changes them.
var (
	permanentType  = reflect.TypeOf(consumererror.NewPermanent(errors.New("")))
	downstreamType = reflect.TypeOf(consumererror.NewDownstream(errors.New("")))
	throttleType   = reflect.TypeOf(exporterhelper.NewThrottleRetry(errors.New(""), 0))
)

func privateInt(v reflect.Value, name string) int64 {
	if field := v.FieldByName(name); field.IsValid() && field.CanInt() {
		return field.Int()
	}
	return 0
}

func privateIsNil(v reflect.Value, name string) bool {
	field := v.FieldByName(name)
	return !field.IsValid() || field.Kind() != reflect.Pointer || field.IsNil()
}

// throttleDelay finds the delay of exporterhelper.NewThrottleRetry, in the order of errors.As.
func throttleDelay(err error) (time.Duration, bool) {
	for err != nil {
		if reflect.TypeOf(err) == throttleType {
			return time.Duration(privateInt(reflect.ValueOf(err), "delay")), true
		}
		switch e := err.(type) {
		case interface{ Unwrap() error }:
			err = e.Unwrap()
		case interface{ Unwrap() []error }:
			for _, branch := range e.Unwrap() {
				if delay, ok := throttleDelay(branch); ok {
					return delay, true
				}
			}
			return 0, false
		default:
			return 0, false
		}
	}
	return 0, false
}

// strip removes the wrappers that carry a fact and no text of their own; the facts are in the
// failure already.
func strip(err error) error {
	for {
		var inner error
		switch e := err.(type) {
		case *statusError:
			return e.failure
		case *consumererror.Error:
			inner = e.Unwrap()
		case consumererror.Logs:
			inner = e.Unwrap()
		case consumererror.Traces:
			inner = e.Unwrap()
		case consumererror.Metrics:
			inner = e.Unwrap()
		default:
			if t := reflect.TypeOf(err); t == permanentType || t == downstreamType || t == throttleType {
				inner = errors.Unwrap(err)
			}
		}
		if inner == nil {
			return err
		}
		err = inner
	}
}

// undelivered counts the items that an error says were not delivered, where it says so.
func undelivered(err error) int {
	if e, ok := errors.AsType[consumererror.Logs](err); ok {
		return e.Data().LogRecordCount()
	}
	if e, ok := errors.AsType[consumererror.Traces](err); ok {
		return e.Data().SpanCount()
	}
	if e, ok := errors.AsType[consumererror.Metrics](err); ok {
		return e.Data().DataPointCount()
	}
	return 0
}
