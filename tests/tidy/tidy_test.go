// Package tidy holds the sources of both languages to the house's rules: short lines and files, and
// for Go short functions and a page with a compiled example for each package. What needs Rust to be
// parsed is in the crate beside it.
package tidy

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	root           = "../.."
	maxColumns     = 100 // a tab counts as one: gofmt's indentation is not the writer's choice
	maxFileLines   = 500
	maxLinesOfFunc = 70
)

var update = flag.Bool("update", false, "write known.json from what is found")

// known.json holds, by rule and file, how much of it there still is: it only shrinks.
const knownFile = "known.json"

type count map[string]map[string]int // rule, file: findings

func TestSourcesKeepTheRules(t *testing.T) {
	found := count{"lines": {}, "files": {}, "functions": {}, "pages": {}}
	var findings []string
	note := func(rule, file string, these ...string) {
		if len(these) > 0 {
			found[rule][file] += len(these)
			findings = append(findings, these...)
		}
	}
	for _, file := range sources(t, "*.go", "*.rs") {
		note("lines", file.name, longLines(file)...)
		if n := bytes.Count(file.text, []byte("\n")); n > maxFileLines {
			note("files", file.name, fmt.Sprintf("%s: %d lines, at most %d make one concept: split it",
				file.name, n, maxFileLines))
		}
		if strings.HasSuffix(file.name, ".go") {
			note("functions", file.name, longFunctions(t, file)...)
		}
	}
	for dir, lacks := range pagesLacking(t) {
		note("pages", dir, lacks...)
	}
	if *update {
		text, err := json.MarshalIndent(found, "", "\t")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(knownFile, append(text, '\n'), 0o644))
	}
	text, err := os.ReadFile(knownFile)
	require.NoError(t, err)
	var known count
	require.NoError(t, json.Unmarshal(text, &known))
	assert.Equal(t, known, found, "more than is known: mend it; less: go test ./tidy -update\n%s",
		strings.Join(findings, "\n"))
}

// The rules find what they are for.
func TestTheRulesFindWhatBreaksThem(t *testing.T) {
	exact := strings.Repeat("ü", maxColumns)
	assert.Empty(t, longLines(source{text: []byte(exact + "\n")}))
	assert.Len(t, longLines(source{text: []byte("short\n" + exact + "x\n")}), 1)

	function := func(lines int) source {
		text := "package p\n\nfunc f() {\n" + strings.Repeat("\tg()\n", lines-2) + "}\n"
		return source{name: "p.go", text: []byte(text)}
	}
	assert.Empty(t, longFunctions(t, function(maxLinesOfFunc)))
	assert.Len(t, longFunctions(t, function(maxLinesOfFunc+1)), 1)
}

type source struct {
	name string // relative to the repository
	text []byte
}

// sources are the repository's own files that match, but for what a tool makes.
func sources(t *testing.T, patterns ...string) []source {
	t.Helper()
	cmd := exec.Command("git", append([]string{"ls-files", "-z"}, patterns...)...)
	cmd.Dir = root
	out, err := cmd.Output()
	require.NoError(t, err)
	var found []source
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		if !generated(text) {
			found = append(found, source{name: name, text: text})
		}
	}
	require.NotEmpty(t, found)
	return found
}

// generated says that a file bears the mark of one that a tool made, in its first lines.
func generated(text []byte) bool {
	head := text[:min(len(text), 512)]
	return bytes.Contains(head, []byte("DO NOT EDIT")) || bytes.Contains(head, []byte("@generated"))
}

func longLines(file source) []string {
	var found []string
	n := 0
	for line := range bytes.Lines(file.text) {
		n++
		if columns := utf8.RuneCount(bytes.TrimSuffix(line, []byte("\n"))); columns > maxColumns {
			found = append(
				found,
				fmt.Sprintf("%s:%d: %d columns, at most %d", file.name, n, columns, maxColumns),
			)
		}
	}
	return found
}

func longFunctions(t *testing.T, file source) []string {
	t.Helper()
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file.name, file.text, parser.SkipObjectResolution)
	require.NoError(t, err)
	var found []string
	for _, d := range parsed.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Body == nil {
			continue
		}
		first, last := set.Position(f.Type.Func).Line, set.Position(f.Body.Rbrace).Line
		if lines := last - first + 1; lines > maxLinesOfFunc {
			found = append(found, fmt.Sprintf("%s:%d: function %s has %d lines, at most %d are read at once",
				file.name, first, f.Name.Name, lines, maxLinesOfFunc))
		}
	}
	return found
}

// pagesLacking says what is missing of the packages that others can import: a page, and an example
// that `go test` compiles.
func pagesLacking(t *testing.T) map[string][]string {
	t.Helper()
	type page struct{ text, example bool }
	pages := map[string]*page{}
	for _, file := range sources(t, "go/*.go") {
		dir := filepath.Dir(file.name)
		if strings.Contains(dir, "internal") {
			continue
		}
		if pages[dir] == nil {
			pages[dir] = &page{}
		}
		parsed := parse(t, file)
		if !strings.HasSuffix(file.name, "_test.go") {
			pages[dir].text = pages[dir].text || parsed.Doc.Text() != ""
			continue
		}
		for _, d := range parsed.Decls {
			f, ok := d.(*ast.FuncDecl)
			pages[dir].example = pages[dir].example || ok && strings.HasPrefix(f.Name.Name, "Example")
		}
	}
	require.NotEmpty(t, pages)
	lacking := map[string][]string{}
	for dir, p := range pages {
		if !p.text {
			lacking[dir] = append(lacking[dir], dir+": no page: say what it is and guarantees")
		}
		if !p.example {
			lacking[dir] = append(lacking[dir], dir+": no example that is compiled")
		}
	}
	return lacking
}

func parse(t *testing.T, file source) *ast.File {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file.name, file.text, parser.ParseComments)
	require.NoError(t, err)
	return parsed
}
