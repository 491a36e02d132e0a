package cli

import (
	"io/fs"
	"regexp"
	"slices"
)

// framework is a framework of apps, and how its files show what an app needs.
type framework struct {
	name string
	// shown are the files of a folder that show that its app uses the framework; none if it does
	// not.
	shown func(f appFolder) []string
	// manifests list the packages of the app; postgreSQL, mySQL and storage are those of them that
	// are drivers of PostgreSQL and of MySQL, and clients of S3.
	manifests                  *regexp.Regexp
	postgreSQL, mySQL, storage *regexp.Regexp
	// sources are the files that name routes and ports.
	sources *regexp.Regexp
	// health is a route of a health check.
	health *regexp.Regexp
	// port is the port that the app listens on without PORT; nil if the framework reads PORT.
	port *regexp.Regexp
	// complete adds what this framework needs: variables, secrets and seed steps.
	complete func(f appFolder, s *survey)
}

// frameworks are those that `config init` recognises. The first one that matches a folder is taken.
// Node is the last one, because many apps have a package.json for their pages.
var frameworks = []framework{django, rails, golang, node}

// found is an app in a folder of the repository.
type found struct {
	folder    appFolder
	framework framework
	// files are those that show the framework.
	files []string
}

// findApps are the apps of a repository, the most likely one first: that of preferred, a path in
// it; that of the root; those of the folders in the root, and in folders of apps, in the order of
// frameworks.
func findApps(root appFolder, preferred string) []found {
	candidates := []appFolder{root}
	if inner, err := fs.Sub(root, preferred); err == nil && preferred != "." {
		candidates = append(candidates, appFolder{inner, preferred})
	}
	for _, folder := range root.subfolders() {
		candidates = append(candidates, folder)
		if slices.Contains([]string{"apps", "packages", "services"}, folder.path) {
			candidates = append(candidates, folder.subfolders()...)
		}
	}
	rank := func(a found) int {
		switch a.folder.path {
		case preferred:
			return -2
		case ".":
			return -1
		}
		return slices.IndexFunc(frameworks, func(f framework) bool { return f.name == a.framework.name })
	}
	var apps []found
	seen := map[string]bool{}
	for _, folder := range candidates {
		if app, ok := recognise(folder); ok && !seen[folder.path] {
			seen[folder.path] = true
			apps = append(apps, app)
		}
	}
	slices.SortStableFunc(apps, func(a, b found) int { return rank(a) - rank(b) })
	return apps
}

// recognise is the app in a folder.
func recognise(folder appFolder) (app found, ok bool) {
	for _, each := range frameworks {
		if files := each.shown(folder); len(files) > 0 {
			return found{folder, each, files}, true
		}
	}
	return found{}, false
}

// existing are the files that exist in f.
func existing(f appFolder, names ...string) []string {
	return slices.DeleteFunc(names, func(name string) bool { return f.text(name) == "" })
}

// webHealth is a route of a health check as programs in Go and JavaScript write it.
var webHealth = regexp.MustCompile("[\"'`](?:GET )?(/(?:api/)?(?:healthz?|livez|up|ping))[\"'`]")
