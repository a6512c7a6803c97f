package control

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"pgregory.net/rapid"
)

var failures = rapid.Custom(func(t *rapid.T) *Failure {
	return &Failure{
		Class:    Class(rapid.IntRange(int(Permanent), int(Internal)).Draw(t, "class")),
		GRPCCode: rapid.Uint32Range(0, 20).Draw(t, "grpc"),
		HTTPCode: rapid.SampledFrom([]uint32{0, 200, 400, 429, 503, 599, 600, 70000}).
			Draw(t, "http"),
		RetryDelay:    time.Duration(rapid.Int64Range(0, math.MaxInt64).Draw(t, "delay")),
		RejectedItems: rapid.Uint64().Draw(t, "rejected"),
		Message:       rapid.String().Draw(t, "message"),
		Component:     rapid.String().Draw(t, "component"),
	}
})

// Guarantees: a failure that the Collector carries as an error comes out equal.
func TestFailureSurvivesTheCollector(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := failures.Draw(t, "failure")
		before := *f
		got := FailureFrom(f.AsError())
		if *got != before || *f != before {
			t.Fatalf("%+v became %+v", before, *got)
		}
		if raw := FailureFrom(f); *raw != before {
			t.Fatalf("as it is: %+v became %+v", before, *raw)
		}
		// What the Collector's components wrap around it takes no fact away.
		wrapped := FailureFrom(fmt.Errorf("exporting: %w", consumererror.NewDownstream(f.AsError())))
		wrapped.Message = before.Message
		if *wrapped != before {
			t.Fatalf("wrapped: %+v became %+v", before, *wrapped)
		}
	})
}

// Guarantees: the Collector sees in the error what the failure says.
func TestCollectorSeesTheFailure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := failures.Draw(t, "failure")
		err := f.AsError()
		want := f.Class == Permanent || f.Class == Internal
		if got := consumererror.IsPermanent(err); got != want {
			t.Fatalf("IsPermanent is %v for %s", got, f.Class)
		}
		if got, want := errors.Is(err, context.Canceled), f.Class == Cancelled; got != want {
			t.Fatalf("Canceled is %v for %s", got, f.Class)
		}
		if got, want := errors.Is(err, context.DeadlineExceeded), f.Class == Deadline; got != want {
			t.Fatalf("DeadlineExceeded is %v for %s", got, f.Class)
		}
		st, found := status.FromError(err)
		if found != (f.GRPCCode != 0) || found && uint32(st.Code()) != f.GRPCCode {
			t.Fatalf("gRPC code %d is seen as %v, %v", f.GRPCCode, found, st.Code())
		}
		delay, throttled := throttleDelay(err)
		if want := f.RetryDelay > 0 && !consumererror.IsPermanent(err); throttled != want ||
			want && delay != f.RetryDelay {
			t.Fatalf("delay %v is seen as %v, %v", f.RetryDelay, throttled, delay)
		}
		if f.HTTPCode >= 400 && f.HTTPCode <= 599 && consumererror.ToHTTPStatus(err) != int(f.HTTPCode) {
			t.Fatalf("HTTP code %d is seen as %d", f.HTTPCode, consumererror.ToHTTPStatus(err))
		}
	})
}

// said is an error of a Go consumer's, and the failure that it is.
type said struct {
	err  error
	want Failure
}

func areRead(t *testing.T, cases map[string]said) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, &c.want, FailureFrom(c.err))
		})
	}
}

// Guarantees: what Go consumers return keeps its class and text.
func TestErrorsOfConsumersAreRead(t *testing.T) {
	plain := errors.New("no luck")
	areRead(t, map[string]said{
		"plain": {plain, Failure{Class: Retryable, Message: "no luck"}},
		"permanent": {
			consumererror.NewPermanent(plain),
			Failure{Class: Permanent, Message: "no luck"},
		},
		"wrapped permanent": {
			fmt.Errorf("send: %w", consumererror.NewPermanent(plain)),
			Failure{Class: Permanent, Message: "send: Permanent error: no luck"},
		},
		"throttled": {
			exporterhelper.NewThrottleRetry(plain, time.Minute),
			Failure{Class: Retryable, RetryDelay: time.Minute, Message: "no luck"},
		},
		"marked retryable": {
			consumererror.NewRetryableError(plain),
			Failure{Class: Retryable, Message: "no luck"},
		},
		"cancelled": {
			fmt.Errorf("send: %w", context.Canceled),
			Failure{Class: Cancelled, Message: "send: context canceled"},
		},
		"deadline": {
			context.DeadlineExceeded,
			Failure{Class: Deadline, Message: "context deadline exceeded"},
		},
		"permanent deadline": {
			consumererror.NewPermanent(context.DeadlineExceeded),
			Failure{Class: Permanent, Message: "context deadline exceeded"},
		},
		"joined": {
			errors.Join(plain, exporterhelper.NewThrottleRetry(consumererror.NewPermanent(plain), 1)),
			Failure{
				Class: Permanent, RetryDelay: 1,
				Message: "no luck\nThrottle (1ns), error: Permanent error: no luck",
			},
		},
		"made permanent": {
			consumererror.NewPermanent((&Failure{Class: Refused, Message: "full"}).AsError()),
			Failure{Class: Permanent, Message: "full"},
		},
		"not UTF-8": {errors.New("a\xffb"), Failure{Class: Retryable, Message: "a\uFFFDb"}},
		"status OK": {
			fmt.Errorf("odd: %w", statusOK{}),
			Failure{Class: Retryable, Message: "odd: fine"},
		},
		"class of nobody": {
			&Failure{Class: 99, Message: "x"},
			Failure{Class: Retryable, Message: "x"},
		},
	})
	assert.Nil(t, FailureFrom(nil))
	assert.NoError(t, (*Failure)(nil).AsError())
}

// Guarantees: codes, delays and what was not delivered are kept too.
func TestCodesOfConsumersAreRead(t *testing.T) {
	plain := errors.New("no luck")
	throttled, err := status.New(codes.ResourceExhausted, "slow down").
		WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(3 * time.Second)})
	require.NoError(t, err)
	logs := plog.NewLogs()
	logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	spans := ptrace.NewTraces()
	spans.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	areRead(t, map[string]said{
		"gRPC": {
			status.Error(codes.Unavailable, "gone"),
			Failure{Class: Retryable, GRPCCode: 14, Message: "gone"},
		},
		"gRPC with delay": {
			throttled.Err(),
			Failure{Class: Retryable, GRPCCode: 8, RetryDelay: 3 * time.Second, Message: "slow down"},
		},
		"permanent gRPC": {
			consumererror.NewPermanent(status.Error(codes.InvalidArgument, "bad")),
			Failure{Class: Permanent, GRPCCode: 3, Message: "bad"},
		},
		"OTLP over gRPC": {
			consumererror.NewOTLPGRPCError(plain, status.New(codes.DataLoss, "lost")),
			Failure{Class: Retryable, GRPCCode: 15, Message: "no luck"},
		},
		"OTLP, bare": {
			consumererror.NewOTLPGRPCError(nil, status.New(codes.Aborted, "raced")),
			Failure{Class: Retryable, GRPCCode: 10, Message: "raced"},
		},
		"OTLP over HTTP": {
			consumererror.NewOTLPHTTPError(plain, 429),
			Failure{Class: Retryable, HTTPCode: 429, Message: "no luck"},
		},
		"some logs left": {
			consumererror.NewLogs(plain, logs),
			Failure{Class: Retryable, RejectedItems: 1, Message: "no luck"},
		},
		"some spans left": {
			consumererror.NewTraces(plain, spans),
			Failure{Class: Retryable, RejectedItems: 1, Message: "no luck"},
		},
		"no points left": {
			consumererror.NewMetrics(plain, pmetric.NewMetrics()),
			Failure{Class: Retryable, Message: "no luck"},
		},
	})
}

type statusOK struct{}

func (statusOK) Error() string              { return "fine" }
func (statusOK) GRPCStatus() *status.Status { return nil }

// Guarantees: an update of the Collector that moves what is read by reflection is noticed.
func TestCollectorTypesAreAsExpected(t *testing.T) {
	delay, ok := throttleType.FieldByName("delay")
	require.True(t, ok)
	require.Equal(t, reflect.TypeFor[time.Duration](), delay.Type)
	httpStatus, ok := reflect.TypeFor[consumererror.Error]().FieldByName("httpStatus")
	require.True(t, ok)
	require.Equal(t, reflect.Int, httpStatus.Type.Kind())
	grpcStatus, ok := reflect.TypeFor[consumererror.Error]().FieldByName("grpcStatus")
	require.True(t, ok)
	require.Equal(t, reflect.TypeFor[*status.Status](), grpcStatus.Type)
	for _, wrapper := range []reflect.Type{permanentType, downstreamType, throttleType} {
		require.Equal(t, reflect.Struct, wrapper.Kind())
	}
}

// Guarantees: no error of any shape makes the conversion panic, and the class always says what the
// Collector's retry would do.
func TestClassAgreesWithTheCollectorsRetry(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		err := error(errors.New(rapid.String().Draw(t, "text")))
		for range rapid.IntRange(0, 6).Draw(t, "depth") {
			switch rapid.IntRange(0, 8).Draw(t, "wrapper") {
			case 0:
				err = consumererror.NewPermanent(err)
			case 1:
				err = exporterhelper.NewThrottleRetry(err, time.Duration(rapid.Int64().Draw(t, "delay")))
			case 2:
				err = consumererror.NewOTLPHTTPError(err, 503)
			case 3:
				err = consumererror.NewOTLPGRPCError(err, status.New(codes.Unavailable, "x"))
			case 4:
				err = errors.Join(errors.New("y"), err)
			case 5:
				err = fmt.Errorf("z: %w", err)
			case 6:
				err = consumererror.NewDownstream(err)
			case 7:
				err = FailureFrom(err).AsError()
			case 8:
				err = consumererror.NewLogs(err, plog.NewLogs())
			}
		}
		f := FailureFrom(err)
		permanent := consumererror.IsPermanent(err)
		if permanent != (f.Class == Permanent) || consumererror.IsPermanent(f.AsError()) != permanent {
			t.Fatalf("%v: permanent is %v, the class is %s", err, permanent, f.Class)
		}
		if f.RetryDelay < 0 {
			t.Fatalf("%v: delay %v", err, f.RetryDelay)
		}
	})
}
