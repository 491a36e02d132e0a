package cli

import (
	"io/fs"
	"regexp"
	"slices"
)

// framework describes a web framework, and how to recognise its apps and their needs.
type framework struct {
	name string
	// shown returns the files in a folder which show that the app uses the framework; none if it
	// does not.
	shown func(f appFolder) []string
	// manifests matches the files that list the app's packages. postgreSQL, mySQL and storage match
	// the packages that are drivers of PostgreSQL, drivers of MySQL and clients of S3.
	manifests                  *regexp.Regexp
	postgreSQL, mySQL, storage *regexp.Regexp
	// sources matches the files that name routes and ports.
	sources *regexp.Regexp
	// health matches a route of a health check.
	health *regexp.Regexp
	// port matches the port that the app listens on if PORT is not set; nil if the framework reads
	// PORT.
	port *regexp.Regexp
	// complete adds the variables, secrets and seed steps that are specific to the framework.
	complete func(f appFolder, s *survey)
}

// frameworks lists the frameworks that `config init` recognises. The first one that matches a
// folder is used. Node is last, because many apps have a package.json for their pages.
var frameworks = []framework{django, rails, golang, node}

// found is an app in a folder of the repository.
type found struct {
	folder    appFolder
	framework framework
	// files are the files that show the framework.
	files []string
}

// findApps returns the apps of a repository, the most likely one first:
//
//   - the app in preferred, a path in the repository
//   - the app in the root
//   - the apps in the root's folders and in folders of apps, in the order of frameworks
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

// recognise returns the app in a folder.
func recognise(folder appFolder) (app found, ok bool) {
	for _, each := range frameworks {
		if files := each.shown(folder); len(files) > 0 {
			return found{folder, each, files}, true
		}
	}
	return found{}, false
}

// existing returns the files that exist in f.
func existing(f appFolder, names ...string) []string {
	return slices.DeleteFunc(names, func(name string) bool { return f.text(name) == "" })
}

// webHealth matches a health check's route as programs in Go and JavaScript write it.
var webHealth = regexp.MustCompile("[\"'`](?:GET )?(/(?:api/)?(?:healthz?|livez|up|ping))[\"'`]")
