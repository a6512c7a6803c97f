// Command regen turns the IDL (dataplane/control/src/idl.rs) into
//
//	go/control/idl_gen.go             messages, encoders, interface hostCalls, exported callbacks
//	go/control/idl_gen.h              their C types, and the two function tables
//	dataplane/control/src/gen.rs      the same tables in Rust, and the binding that #[r2g] calls
//
// It runs rust2go-cli and rewrites its output where that does not work as it is: the C part moves
// to a header of its own, nothing is exported from the Go package, and the calls from Go to Rust
// are plain cgo with every message passed by value (cgo then checks its pointers and keeps them
// alive). All three files carry one hash of the IDL. With -check it writes nothing and fails when
// a file is stale. dataplane/control/regen.sh calls it with the pinned rust2go-cli.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	root := flag.String("root", "../../../..", "root of the repository")
	cli := flag.String("cli", "rust2go-cli", "path of "+wantCLI)
	check := flag.Bool("check", false, "write nothing, fail when a generated file is stale")
	flag.Parse()
	if err := run(*root, *cli, *check); err != nil {
		fmt.Fprintln(os.Stderr, "regen:", err)
		os.Exit(1)
	}
}

func run(root, cli string, check bool) error {
	idl := filepath.Join(root, "dataplane/control/src/idl.rs")
	raw, err := runCLI(cli, idl)
	if err != nil {
		return err
	}
	src, err := os.ReadFile(idl)
	if err != nil {
		return err
	}
	out, err := generate(src, raw)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		path string
		text []byte
	}{
		{"go/control/idl_gen.go", out.goFile},
		{"go/control/idl_gen.h", out.header},
		{"dataplane/control/src/gen.rs", out.rust},
	} {
		path := filepath.Join(root, f.path)
		if !check {
			if err := os.WriteFile(path, f.text, 0o644); err != nil {
				return err
			}
			continue
		}
		have, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if !bytes.Equal(have, f.text) {
			return fmt.Errorf("%s is not what dataplane/control/src/idl.rs generates: "+
				"run dataplane/control/regen.sh and commit the result", f.path)
		}
	}
	return nil
}
