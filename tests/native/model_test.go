package native

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"pgregory.net/rapid"

	"github.com/strait-data/strait/go/otap/otaptest"
)

// A model of the engine's attribute and filter nodes, by their documentation alone: it knows
// nothing of records. A step has a configuration and does its work on plain logs.

// step is one node of a chain.
type step interface {
	config() any
	apply(plog.Logs)
}

// action is one action of an attribute node.
type action struct {
	kind, key, to string
	value         any
}

type attributeStep struct {
	actions []action
	applyTo []string
}

func (s attributeStep) config() any {
	actions := make([]any, 0, len(s.actions))
	for _, a := range s.actions {
		m := map[string]any{"action": a.kind}
		if a.kind == "rename" {
			m["source_key"], m["destination_key"] = a.key, a.to
		} else {
			m["key"] = a.key
		}
		if a.value != nil {
			m["value"] = a.value
		}
		actions = append(actions, m)
	}
	c := map[string]any{"actions": actions}
	if s.applyTo != nil {
		c["apply_to"] = s.applyTo
	}
	return node("attribute", c)
}

func (s attributeStep) apply(d plog.Logs) {
	on := func(domain string, m pcommon.Map) {
		if slices.Contains(s.applyTo, domain) || (s.applyTo == nil && domain == "signal") {
			for _, a := range s.actions {
				a.apply(m)
			}
		}
	}
	for _, rl := range d.ResourceLogs().All() {
		on("resource", rl.Resource().Attributes())
		for _, sl := range rl.ScopeLogs().All() {
			on("scope", sl.Scope().Attributes())
			for _, lr := range sl.LogRecords().All() {
				on("signal", lr.Attributes())
			}
		}
	}
}

func (a action) apply(m pcommon.Map) {
	_, have := m.Get(a.key)
	switch a.kind {
	case "delete":
		remove(m, a.key)
	case "rename":
		if have {
			remove(m, a.to)
			rename(m, a.key, a.to)
		}
	case "insert":
		if !have {
			set(m.PutEmpty(a.key), a.value)
		}
	case "update", "upsert":
		if have || a.kind == "upsert" {
			v, _ := m.GetOrPutEmpty(a.key)
			set(v, a.value)
		}
	}
}

// remove keeps the others' order, which Map.Remove does not.
func remove(m pcommon.Map, key string) {
	m.RemoveIf(func(k string, _ pcommon.Value) bool { return k == key })
}

// rename keeps the attribute's place.
func rename(m pcommon.Map, from, to string) {
	out := pcommon.NewMap()
	for k, v := range m.All() {
		if k == from {
			k = to
		}
		v.CopyTo(out.PutEmpty(k))
	}
	out.CopyTo(m)
}

func set(v pcommon.Value, value any) {
	if err := v.FromRaw(value); err != nil {
		panic(err) // only text, numbers and booleans are drawn
	}
}

type pair struct {
	key   string
	value any
}

// match is one side of a filter.
type match struct {
	regex            bool
	resource, record []pair
	texts            []string
	bodies           []any
	severity         *int
	undefined        bool
}

type filterStep struct{ include, exclude *match }

func (s filterStep) config() any {
	logs := map[string]any{}
	if s.include != nil {
		logs["include"] = s.include.config()
	}
	if s.exclude != nil {
		logs["exclude"] = s.exclude.config()
	}
	return node("filter", map[string]any{"logs": logs})
}

func (m *match) config() any {
	pairs := func(ps []pair) []any {
		out := []any{}
		for _, p := range ps {
			out = append(out, map[string]any{"key": p.key, "value": p.value})
		}
		return out
	}
	c := map[string]any{
		"match_type": "strict", "resource_attributes": pairs(m.resource),
		"record_attributes": pairs(m.record),
		"severity_texts":    append([]string{}, m.texts...), "bodies": append([]any{}, m.bodies...),
	}
	if m.regex {
		c["match_type"] = "regexp"
	}
	if m.severity != nil {
		c["severity_number"] = map[string]any{"min": *m.severity, "match_undefined": m.undefined}
	}
	return c
}

func (s filterStep) apply(d plog.Logs) {
	for _, rl := range d.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			sl.LogRecords().RemoveIf(func(lr plog.LogRecord) bool {
				in := s.include == nil || !slices.Contains(s.include.groups(rl.Resource(), lr), false)
				out := s.exclude != nil && slices.Contains(s.exclude.groups(rl.Resource(), lr), true)
				return !in || out
			})
		}
	}
}

// groups says for each configured group whether it matches.
func (m *match) groups(r pcommon.Resource, lr plog.LogRecord) (out []bool) {
	has := func(attributes pcommon.Map) func(pair) bool {
		return func(p pair) bool {
			v, ok := attributes.Get(p.key)
			return ok && m.equal(v, p.value)
		}
	}
	if len(m.resource) > 0 {
		misses := func(p pair) bool { return !has(r.Attributes())(p) }
		out = append(out, !slices.ContainsFunc(m.resource, misses))
	}
	if len(m.record) > 0 {
		out = append(out, slices.ContainsFunc(m.record, has(lr.Attributes())))
	}
	if len(m.texts) > 0 || len(m.bodies) > 0 || m.severity != nil {
		n := int(lr.SeverityNumber())
		severity := m.severity == nil || n >= *m.severity || (m.undefined && n == 0)
		text := len(m.texts) == 0 ||
			slices.ContainsFunc(m.texts, func(p string) bool { return m.text(p, lr.SeverityText()) })
		body := len(m.bodies) == 0 ||
			slices.ContainsFunc(m.bodies, func(v any) bool { return m.equal(lr.Body(), v) })
		out = append(out, severity && text && body)
	}
	return out
}

func (m *match) text(pattern, text string) bool {
	if m.regex {
		return regexp.MustCompile(pattern).MatchString(text)
	}
	return pattern == text
}

// equal: a value matches only one of its own type.
func (m *match) equal(v pcommon.Value, want any) bool {
	switch want := want.(type) {
	case string:
		return v.Type() == pcommon.ValueTypeStr && m.text(want, v.Str())
	case int64:
		return v.Type() == pcommon.ValueTypeInt && v.Int() == want
	case float64:
		return v.Type() == pcommon.ValueTypeDouble &&
			math.Float64bits(v.Double()) == math.Float64bits(want)
	default:
		return v.Type() == pcommon.ValueTypeBool && v.Bool() == want
	}
}

var (
	texts   = []string{"", "v0", "v1", "über"}
	scalars = []any{
		"",
		"v0",
		"v1",
		"über",
		int64(0),
		int64(-5),
		int64(math.MinInt64),
		1.5,
		true,
		false,
	}
)

func drawChain(t *rapid.T) []step {
	steps := make([]step, rapid.IntRange(1, 4).Draw(t, "steps"))
	for i := range steps {
		if rapid.IntRange(0, 9).Draw(t, "node") < 4 {
			steps[i] = drawFilter(t)
		} else {
			steps[i] = drawAttribute(t)
		}
	}
	return steps
}

func drawAttribute(t *rapid.T) step {
	keys := rapid.Permutation(otaptest.Keys).Draw(t, "keys") // no key twice in one node
	var s attributeStep
	for range rapid.IntRange(1, 2).Draw(t, "actions") {
		a := action{
			kind: rapid.SampledFrom([]string{"rename", "delete", "insert", "upsert", "update"}).
				Draw(t, "action"),
			key: keys[0],
		}
		keys = keys[1:]
		switch a.kind {
		case "rename":
			a.to, keys = keys[0], keys[1:]
		case "delete":
		default:
			a.value = rapid.SampledFrom(scalars).Draw(t, "value")
		}
		s.actions = append(s.actions, a)
	}
	s.applyTo = rapid.SampledFrom([][]string{
		nil, nil, {"signal"}, {"resource"}, {"scope", "signal"}, {"signal", "resource", "scope"},
	}).Draw(t, "apply to")
	return s
}

func drawFilter(t *rapid.T) step {
	switch rapid.IntRange(0, 2).Draw(t, "sides") {
	case 0:
		return filterStep{include: drawMatch(t)}
	case 1:
		return filterStep{exclude: drawMatch(t)}
	default:
		return filterStep{include: drawMatch(t), exclude: drawMatch(t)}
	}
}

func drawMatch(t *rapid.T) *match {
	m := &match{regex: rapid.IntRange(0, 9).Draw(t, "regex") < 3}
	strings := texts
	if m.regex {
		strings = []string{"^v", "1$", ".*", "x", "^$"}
	}
	value := func() any {
		v := rapid.SampledFrom(scalars).Draw(t, "value")
		if _, text := v.(string); text {
			return rapid.SampledFrom(strings).Draw(t, "pattern")
		}
		return v
	}
	pairs := func() (out []pair) {
		for range rapid.IntRange(1, 2).Draw(t, "pairs") {
			out = append(out, pair{rapid.SampledFrom(otaptest.Keys).Draw(t, "key"), value()})
		}
		return out
	}
	for range rapid.IntRange(1, 2).Draw(t, "groups") {
		switch rapid.IntRange(0, 5).Draw(t, "group") {
		case 0:
			m.resource = pairs()
		case 1, 2:
			m.record = pairs()
		case 3:
			m.texts = []string{rapid.SampledFrom(strings).Draw(t, "text")}
		case 4:
			n := rapid.SampledFrom([]int{-5, 0, 1, 9, 14}).Draw(t, "severity")
			m.severity, m.undefined = &n, rapid.Bool().Draw(t, "undefined")
		default:
			m.bodies = []any{value()}
		}
	}
	return m
}

// season puts values that the steps look for into logs that were drawn from everything.
func season(t *rapid.T, d plog.Logs) {
	some := func(label string) bool { return rapid.Bool().Draw(t, label) }
	attributes := func(m pcommon.Map) {
		if some("season attributes") {
			v, _ := m.GetOrPutEmpty(rapid.SampledFrom(otaptest.Keys).Draw(t, "season key"))
			set(v, rapid.SampledFrom(scalars).Draw(t, "season value"))
		}
	}
	for _, rl := range d.ResourceLogs().All() {
		attributes(rl.Resource().Attributes())
		for _, sl := range rl.ScopeLogs().All() {
			attributes(sl.Scope().Attributes())
			for _, lr := range sl.LogRecords().All() {
				attributes(lr.Attributes())
				if some("season record") {
					lr.SetSeverityNumber(
						plog.SeverityNumber(
							rapid.SampledFrom([]int32{0, 1, 9, 13, 17, -3}).Draw(t, "season severity"),
						),
					)
					lr.SetSeverityText(rapid.SampledFrom(texts).Draw(t, "season text"))
					set(lr.Body(), rapid.SampledFrom(scalars).Draw(t, "season body"))
				}
			}
		}
	}
}

// The model of mask_cards with its default configuration: 13 to 19 digits that pass the Luhn check,
// in groups that one space or dash separates, of three digits or more but for the last; digits
// after a decimal point are none.

func maskLogs(d plog.Logs) {
	mask := func(v pcommon.Value) {
		if v.Type() == pcommon.ValueTypeStr {
			v.SetStr(maskText(v.Str()))
		}
	}
	for _, rl := range d.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, lr := range sl.LogRecords().All() {
				mask(lr.Body())
				for _, v := range lr.Attributes().All() {
					mask(v)
				}
			}
		}
	}
}

var digits = regexp.MustCompile(`[0-9]+`)

func maskText(s string) string {
	for {
		masked := maskOnce(s)
		if masked == s {
			return s
		}
		s = masked
	}
}

func maskOnce(s string) string {
	var groups [][]int
	for _, g := range digits.FindAllStringIndex(s, -1) {
		if g[0] < 2 || s[g[0]-1] != '.' || s[g[0]-2] < '0' || s[g[0]-2] > '9' {
			groups = append(groups, g)
		}
	}
	out := []byte(s)
	for i := 0; i < len(groups); {
		last := longestCard(s, groups[i:])
		if last < 0 {
			i++
			continue
		}
		hideAllButFour(out[groups[i][0]:groups[i+last][1]])
		i += last + 1
	}
	return string(out)
}

// longestCard is the index of the last group of the longest card that begins with the first group,
// or -1.
func longestCard(s string, groups [][]int) int {
	found, number := -1, ""
	for i, g := range groups {
		if i > 0 {
			before := groups[i-1]
			if between := s[before[1]:g[0]]; (between != " " && between != "-") || before[1]-before[0] < 3 {
				break
			}
		}
		number += s[g[0]:g[1]]
		if len(number) > 19 {
			break
		}
		if len(number) >= 13 && luhn(number) {
			found = i
		}
	}
	return found
}

func luhn(number string) bool {
	sum := 0
	for i := range number {
		d := int(number[len(number)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

func hideAllButFour(b []byte) {
	seen := 0
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] >= '0' && b[i] <= '9' {
			if seen++; seen > 4 {
				b[i] = '*'
			}
		}
	}
}

// cardText draws text that is full of what might be card numbers.
func cardText() *rapid.Generator[string] {
	number := rapid.Custom(func(t *rapid.T) string {
		n := rapid.SampledFrom([]string{
			"4111111111111111", "5500005555555559", "378282246310005", "4222222222222",
			"6011000990139424123", "1234567890123",
		}).Draw(t, "number")
		if rapid.Bool().Draw(t, "grouped") {
			var b strings.Builder
			for i := range n {
				if i > 0 && i%4 == 0 {
					b.WriteString(rapid.SampledFrom([]string{"", " ", "-", "--", ".", " 7 "}).Draw(t, "separator"))
				}
				b.WriteByte(n[i])
			}
			n = b.String()
		}
		return n
	})
	part := rapid.OneOf(
		number,
		rapid.SampledFrom([]string{" ", "-", ".", "0.", "card ", "é", "12", ""}),
		rapid.StringMatching(`[0-9]{1,20}`),
	)
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(part, 0, 6).Draw(t, "parts"), "")
	})
}

func describe(steps []step) string {
	var b strings.Builder
	for _, s := range steps {
		fmt.Fprintf(&b, "%v\n", s.config())
	}
	return b.String()
}
