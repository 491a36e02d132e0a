package config

import "fmt"

// suggestion is the known name that somebody may have meant by unknown.
func suggestion(unknown string, names []string) string {
	for _, name := range names {
		if len(unknown) < 40 && distance(unknown, name) <= min(2, len(name)/3) {
			return fmt.Sprintf(" (did you mean %q?)", name)
		}
	}
	return ""
}

// distance counts the letters to insert, remove or change between a and b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
