// Typecheck checks that packages are correct Go for another operating system. It reads the types of
// all packages and their dependencies from source and generates no code: a build of the sandbox for
// another system takes many minutes on two cores, and this takes less than one.
//
//	go run ./checks/typecheck GOOS/GOARCH PACKAGES
package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/tools/go/packages"
)

// everything is what a package needs to get its types from source, and not from a build.
const everything = packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports |
	packages.NeedDeps | packages.NeedTypes | packages.NeedSyntax | packages.NeedModule

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run returns 0 if all packages are correct, 1 if not, and 2 for wrong arguments.
func run(args []string, stdout, stderr io.Writer) int {
	if len(args) < 2 || !strings.Contains(args[0], "/") {
		fmt.Fprintln(stderr, "usage: typecheck GOOS/GOARCH PACKAGES")
		return 2
	}
	system, architecture, _ := strings.Cut(args[0], "/")
	loaded, err := packages.Load(&packages.Config{
		Mode: everything,
		Env:  append(os.Environ(), "GOOS="+system, "GOARCH="+architecture, "CGO_ENABLED=0"),
	}, args[1:]...)
	if err != nil {
		fmt.Fprintf(stderr, "load packages for %s: %v\n", args[0], err)
		return 1
	}
	read, wrong := 0, 0
	packages.Visit(loaded, nil, func(p *packages.Package) {
		read++
		wrong += len(p.Errors)
		for _, problem := range p.Errors {
			fmt.Fprintf(stderr, "%s: %s: %v\n", args[0], p.PkgPath, problem)
		}
	})
	if wrong > 0 {
		return 1
	}
	fmt.Fprintf(stdout, "%s: %d packages\n", args[0], read)
	return 0
}
