package otap

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"testing"
)

// Plans that the Rust side made are read as it meant them, table by table.
func TestPlansOfTheOtherSide(t *testing.T) {
	raw, err := os.ReadFile("../../dataplane/engine/vectors/plans.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Plan    Plan
		Columns map[string][]int
	}
	if err := json.Unmarshal(raw, &vectors); err != nil || len(vectors) < 20 {
		t.Fatalf("%d plans, %v", len(vectors), err)
	}
	for i, v := range vectors {
		pr, err := NewProjection(v.Plan)
		if errors.Is(err, ErrNotProjectable) != !v.Plan.Projectable {
			t.Errorf("plan %d: %v", i, err)
		}
		if err != nil {
			continue
		}
		want := uint64(1<<logsID | 1<<logsResource)
		for _, number := range v.Columns["logs"] {
			want |= 1 << number
		}
		if !pr.ofResources.none() {
			want |= 1 << logsResourceID
		}
		if !pr.ofScopes.none() {
			want |= 1 << logsScopeID
		}
		if pr.want != want {
			t.Errorf("plan %d: columns %b of logs, expected %b", i, pr.want, want)
		}
		for name, found := range map[string]*attributesPlan{
			"log_attrs": &pr.ofItems, "resource_attrs": &pr.ofResources, "scope_attrs": &pr.ofScopes,
		} {
			p, numbers := v.Plan.Tables[name], v.Columns[name]
			if found.none() != (len(numbers) == 0) || found.all != p.All ||
				found.values != slices.Contains(numbers, attributesType) ||
				!slices.Equal(found.keys, p.Keys) {
				t.Errorf("plan %d, %s: found %+v of %+v, columns %v", i, name, found, p, numbers)
			}
		}
	}
}
