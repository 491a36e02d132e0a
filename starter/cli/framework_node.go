package cli

import (
	"encoding/json"
	"regexp"

	"perch"
	"perch/config"
)

var node = framework{
	name:       "Node",
	shown:      nodeFiles,
	manifests:  regexp.MustCompile(`^package\.json$`),
	postgreSQL: regexp.MustCompile(`"(pg|pg-promise|postgres|@prisma/client)"\s*:`),
	mySQL:      regexp.MustCompile(`"(mysql2?)"\s*:`),
	storage:    regexp.MustCompile(`"(@aws-sdk/client-s3|aws-sdk)"\s*:`),
	sources:    regexp.MustCompile(`\.[cm]?[jt]s$`),
	health:     webHealth,
	port:       regexp.MustCompile(`\.listen\(\s*(?:\{\s*port:\s*)?([0-9]{2,5})\b`),
	complete:   completeNode,
}

// nodePackage has the fields that are read from package.json.
type nodePackage struct {
	Main         string            `json:"main"`
	Scripts      map[string]string `json:"scripts"`
	Dependencies map[string]string `json:"dependencies"`
}

func readPackage(f appFolder) (p nodePackage) {
	_ = json.Unmarshal([]byte(f.text("package.json")), &p) // An unreadable file counts as empty.
	return p
}

// nodeFiles returns the package.json of a program. It rejects those of tools and workspaces, which
// neither start a program nor have dependencies.
func nodeFiles(f appFolder) []string {
	p := readPackage(f)
	if p.Scripts["start"] == "" && p.Main == "" && len(p.Dependencies) == 0 {
		return nil
	}
	return []string{"package.json"}
}

// completeNode runs the script in package.json that fills the database, if there is one.
func completeNode(f appFolder, s *survey) {
	s.variable("NODE_ENV", "production", f, "package.json")
	p := readPackage(f)
	for _, script := range []string{"db:seed", "seed", "seed:demo"} {
		if p.Scripts[script] == "" {
			continue
		}
		step := perch.SeedStep{Run: &perch.SeedRun{Command: []string{"npm", "run", script}}}
		s.seedAfterMigration(f, step, "package.json")
		return
	}
	s.app.SeedExamples = append(s.app.SeedExamples, config.StartStep{
		Step: perch.SeedStep{Run: &perch.SeedRun{Command: []string{"npm", "run", "seed"}}},
	})
}
