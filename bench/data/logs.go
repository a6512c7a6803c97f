// Package data makes the logs that are measured with, always the same ones.
package data

import (
	"fmt"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
)

// Mix says how many of 100 logs are DEBUG, INFO, WARN and ERROR; it adds up to 100.
type Mix struct{ Debug, Info, Warn, Error int }

// The mixes. A filter that keeps INFO and above drops nothing of Usual, 5 % of Few, and 95 % of
// Most.
var (
	Usual = Mix{Info: 60, Warn: 20, Error: 20}
	Few   = Mix{Debug: 5, Info: 55, Warn: 20, Error: 20}
	Most  = Mix{Debug: 95, Info: 5}
)

var (
	methods = []string{"GET", "GET", "GET", "POST", "PUT"}
	routes  = []string{
		"/api/v1/items/{id}",
		"/api/v1/users/{id}/orders",
		"/api/v1/carts/{id}",
		"/healthz",
		"/api/v2/search",
	}
	status = []int64{200, 200, 200, 201, 204, 301, 404, 500}
)

// Logs returns n logs with 5 attributes each in 2 resources. Logs(1000, Usual) is L1000. One body
// in ten holds a payment card number if cards is set.
func Logs(n int, mix Mix, cards bool) plog.Logs {
	ld := plog.NewLogs()
	const resources = 2
	for r := range resources {
		rl := ld.ResourceLogs().AppendEmpty()
		a := rl.Resource().Attributes()
		a.PutStr("service.name", fmt.Sprintf("shop-%d", r))
		a.PutStr("service.version", "3.14.1")
		a.PutStr("deployment.environment.name", "production")
		a.PutStr("k8s.pod.name", fmt.Sprintf("shop-%d-7d4b9c6f5-x2x%dq", r, r))
		a.PutStr("host.name", fmt.Sprintf("node-%d.eu-west-1.internal", r))
		sl := rl.ScopeLogs().AppendEmpty()
		sl.Scope().SetName("github.com/example/shop/http")
		sl.Scope().SetVersion("1.8.0")
		sl.LogRecords().EnsureCapacity(n/resources + 1)
		for i := n * r / resources; i < n*(r+1)/resources; i++ {
			record(sl.LogRecords().AppendEmpty(), i, mix, cards)
		}
	}
	return ld
}

func record(lr plog.LogRecord, i int, mix Mix, cards bool) {
	// A multiplicative hash: neighbours differ, and every run has the same logs.
	h := uint32(i) * 2654435761
	pick := func(shift, n int) int { return int(h>>shift) % n }
	at := pcommon.Timestamp(1_767_225_600_000_000_000 + int64(i)*1_250_000)
	lr.SetTimestamp(at)
	lr.SetObservedTimestamp(at + 180_000)
	// Not by the hash: every 100 logs in a row have the mix exactly.
	number, text := mix.severity((i*37 + i/100*13) % 100)
	lr.SetSeverityNumber(number)
	lr.SetSeverityText(text)
	lr.SetTraceID(
		pcommon.TraceID{
			byte(h),
			byte(h >> 8),
			byte(h >> 16),
			byte(h >> 24),
			5,
			6,
			7,
			8,
			byte(i),
			byte(i >> 8),
			11,
			12,
			13,
			14,
			15,
			16,
		},
	)
	lr.SetSpanID(pcommon.SpanID{byte(h >> 16), byte(h >> 8), 3, 4, byte(i), byte(i >> 8), 7, 8})
	method, code := methods[pick(3, len(methods))], status[pick(11, len(status))]
	body := fmt.Sprintf(
		"%s /api/v1/items/%d returned %d in %d ms",
		method,
		pick(5, 5000),
		code,
		1+pick(9, 90),
	)
	if cards && i%10 == 3 {
		body += " card 4111 1111 1111 1111"
	}
	lr.Body().SetStr(body)
	a := lr.Attributes()
	a.EnsureCapacity(5)
	a.PutStr("http.method", method)
	a.PutInt("http.status_code", code)
	a.PutStr("http.route", routes[pick(13, len(routes))])
	a.PutStr("client.address", fmt.Sprintf("10.%d.%d.%d", pick(4, 8), pick(8, 16), pick(12, 250)))
	a.PutStr("user.id", fmt.Sprintf("u-%06d", pick(6, 400)))
}

func (m Mix) severity(percent int) (plog.SeverityNumber, string) {
	switch {
	case percent < m.Debug:
		return plog.SeverityNumberDebug, "DEBUG"
	case percent < m.Debug+m.Info:
		return plog.SeverityNumberInfo, "INFO"
	case percent < m.Debug+m.Info+m.Warn:
		return plog.SeverityNumberWarn, "WARN"
	default:
		return plog.SeverityNumberError, "ERROR"
	}
}

// Marshal returns the logs as OTLP bytes.
func Marshal(ld plog.Logs) ([]byte, error) {
	return plogotlp.NewExportRequestFromLogs(ld).MarshalProto()
}

// Unmarshal returns the logs as a receiver gets them: no two strings share memory.
func Unmarshal(b []byte) (plog.Logs, error) {
	request := plogotlp.NewExportRequest()
	err := request.UnmarshalProto(b)
	return request.Logs(), err
}
