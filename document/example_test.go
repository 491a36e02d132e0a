package document_test

import (
	"fmt"

	"perch/document"
)

func Example() {
	data := []byte("name: shop\nsize: large\ncolour: red\n")
	limits := document.Limits{Bytes: 1000, Depth: 8, Column: 80, Keys: 100, Quote: true}
	root, source, err := document.Read("shop.yaml", data, limits)
	if err != nil {
		fmt.Println(err)
		return
	}
	report := document.NewReport(source)
	for _, e := range root.Entries {
		if e.Key.Text != "name" {
			report.Fail(e.Key, "unknown key %q; allowed here: name", e.Key.Text)
		}
	}
	fmt.Println(report.Err())
	// Output:
	// shop.yaml:2:1: unknown key "size"; allowed here: name
	//   2 | size: large
	//     | ^
	// shop.yaml:3:1: unknown key "colour"; allowed here: name
	//   3 | colour: red
	//     | ^
}
