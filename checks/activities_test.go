package checks

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// beginning are the functions of package workflow that begin an activity or choose its queue and
// its limits.
var beginning = []string{
	"ExecuteActivity", "ExecuteLocalActivity", "WithActivityOptions", "WithLocalActivityOptions", "WithTaskQueue",
}

// TestWorkflowsBeginActivitiesInOnePlace keeps a workflow from choosing the task queue of an
// activity: only beginActivity begins one, on the queue that the contract says.
func TestWorkflowsBeginActivitiesInOnePlace(t *testing.T) {
	paths, err := filepath.Glob("workflows/*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range file.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			inPlace := ok && function.Name.Name == "beginActivity"
			ast.Inspect(declaration, func(n ast.Node) bool {
				used, ok := n.(*ast.SelectorExpr)
				if !ok || !slices.Contains(beginning, used.Sel.Name) {
					return true
				}
				if on, ok := used.X.(*ast.Ident); !ok || on.Name != "workflow" {
					return true
				}
				if found++; !inPlace {
					t.Errorf(
						"%s uses workflow.%s: begin activities by their row, with beginActivity",
						files.Position(used.Pos()), used.Sel.Name,
					)
				}
				return true
			})
		}
	}
	if found != 2 {
		t.Errorf("beginActivity uses %d of %v, want 2", found, beginning)
	}
}
