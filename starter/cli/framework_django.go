package cli

import (
	"path"
	"regexp"
	"strings"

	"perch"
	"perch/config"
)

var django = framework{
	name:       "Django",
	shown:      djangoFiles,
	manifests:  pythonPackages,
	postgreSQL: regexp.MustCompile(`(?i)\b(psycopg[a-z0-9]*|asyncpg)\b`),
	mySQL:      regexp.MustCompile(`(?i)\b(mysqlclient|pymysql)\b`),
	storage:    regexp.MustCompile(`(?i)\b(django-storages|boto3)\b`),
	sources:    regexp.MustCompile(`(^|/)urls\.py$`),
	health:     regexp.MustCompile(`path\(\s*r?["']\^?/?(healthz?/?|livez/?|up/?|ping/?)\$?["']`),
	complete:   completeDjango,
}

var pythonPackages = regexp.MustCompile(`^(requirements[^/]*\.txt|requirements/[^/]*\.txt|pyproject\.toml|Pipfile)$`)

// djangoPackage matches Django in a list of packages. It does not match packages whose name only
// begins with Django.
var djangoPackage = regexp.MustCompile(`(?im)(?:^|["'\s])(django)\s*(?:[\[<>=~!;,"'@]|$)`)

// djangoFiles returns the files of a Django app. It requires manage.py, and Django in that file or
// in a list of packages.
func djangoFiles(f appFolder) []string {
	script := f.text("manage.py")
	if script == "" {
		return nil
	}
	_, packages := f.find(djangoPackage, f.files(pythonPackages)...)
	switch {
	case packages != "":
		return []string{"manage.py", packages}
	case strings.Contains(script, "DJANGO_SETTINGS_MODULE"):
		return []string{"manage.py"}
	}
	return nil
}

var (
	serverFiles    = regexp.MustCompile(`(^|/)(wsgi|asgi)\.py$`)
	settingsModule = regexp.MustCompile(`DJANGO_SETTINGS_MODULE["']\s*,\s*["']([\w.]+)["']`)
	fixtureFiles   = regexp.MustCompile(`(^|/)fixtures/[^/]*(demo|sample|example|seed)[^/]*\.(json|ya?ml)$`)
)

// completeDjango uses the settings module that the server runs with, or else the one in manage.py,
// which in many projects is for development. It loads fixtures whose names say that they are for
// demonstration.
func completeDjango(f appFolder, s *survey) {
	s.needSecret("SECRET_KEY")
	if module, file := f.find(settingsModule, append(f.files(serverFiles), "manage.py")...); module != "" {
		s.variable("DJANGO_SETTINGS_MODULE", module, f, file)
	}
	load := func(fixture string) perch.SeedStep {
		return perch.SeedStep{Run: &perch.SeedRun{Command: []string{"python", "manage.py", "loaddata", fixture}}}
	}
	fixtures := f.files(fixtureFiles)
	if len(fixtures) == 0 {
		s.app.SeedExamples = append(s.app.SeedExamples, config.StartStep{Step: load("demo")})
		return
	}
	name := strings.TrimSuffix(path.Base(fixtures[0]), path.Ext(fixtures[0]))
	s.seedAfterMigration(f, load(name), fixtures[0])
}
