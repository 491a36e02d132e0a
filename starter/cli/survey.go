package cli

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"perch"
	"perch/config"
)

// guess is a value of the first perch.yaml that no flag gave, and its source.
type guess struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	From  string `json:"from"`
}

// survey is what `config init` finds in the files of an app.
type survey struct {
	app config.StartApp
	// guesses begin with the app's framework.
	guesses []guess
	// notes are sentences about what a person still has to decide or add.
	notes []string
}

// surveyRepository examines the files of a repository for an app. If there is none, it returns an
// example of everything. preferred is the path of the folder that the user means; "." means none.
func surveyRepository(root appFolder, preferred string) *survey {
	apps := findApps(root, preferred)
	if len(apps) == 0 {
		s := &survey{app: config.AnyApp(), guesses: []guess{}, notes: []string{}}
		s.readPort(root, root, nil)
		return s
	}
	app, folder := apps[0], apps[0].folder
	s := &survey{app: config.StartApp{HealthPath: "/", Secret: "SECRET_KEY"}, guesses: []guess{}, notes: []string{}}
	s.guess("app", app.framework.name, folder, app.files...)
	s.noteFolders(apps)
	s.readPackages(app)
	s.readHealth(app)
	app.framework.complete(folder, s)
	s.readPort(root, folder, &app.framework)
	s.readMedia(folder)
	s.noteImage(root)
	return s
}

// guess records a value that was found in files of f.
func (s *survey) guess(key, value string, f appFolder, files ...string) {
	names := make([]string, len(files))
	for i, file := range files {
		names[i] = f.named(file)
	}
	s.guesses = append(s.guesses, guess{key, value, strings.Join(names, " and ")})
}

// note adds a sentence, without its period.
func (s *survey) note(format string, args ...any) {
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}

// variable sets an environment variable of the app that was found in a file of f.
func (s *survey) variable(name, value string, f appFolder, file string) {
	s.app.Variables = append(s.app.Variables, config.StartVariable{Name: name, Value: value})
	s.guess("environment."+name, value, f, file)
}

// noteFolders names the folder of the app, if it is not the root, and other folders with apps.
func (s *survey) noteFolders(apps []found) {
	folder := apps[0].folder.path
	if folder == "." {
		return
	}
	s.note("%s is in the repository's root, and its image is to be built from folder %s", config.FileName, folder)
	var others []string
	for _, other := range apps[1:] {
		others = append(others, fmt.Sprintf("%s (%s)", other.folder.path, other.framework.name))
	}
	if len(others) > 0 {
		s.note("an environment runs one image, so these folders are left out: %s; call `config init` in the one that "+
			"is meant", strings.Join(others, ", "))
	}
}

// readPackages finds the app's database and storage from its packages.
func (s *survey) readPackages(app found) {
	folder, manifests := app.folder, app.folder.files(app.framework.manifests)
	driver, file := folder.find(app.framework.postgreSQL, manifests...)
	other, otherFile := folder.find(app.framework.mySQL, manifests...)
	switch {
	case len(manifests) == 0:
		s.app.Database = true
		s.guess("database", perch.DatabaseDedicated, folder, app.files...)
	case driver != "":
		s.app.Database = true
		s.guesses = append(s.guesses, guess{"database", perch.DatabaseDedicated, driver + " in " + folder.named(file)})
		s.note("a dedicated database takes about ten minutes to create. If the worker's policy has shared_database, " +
			"`mode: shared` takes seconds and costs less")
	case other != "":
		s.note("%s in %s is for MySQL, and Perch creates PostgreSQL only; docs/custom-template.md says how to bring "+
			"another database", other, folder.named(otherFile))
	default:
		const from = "the packages, without a driver of PostgreSQL"
		s.guesses = append(s.guesses, guess{"database", perch.DatabaseNone, from})
	}
	if client, file := folder.find(app.framework.storage, manifests...); client != "" {
		s.app.Buckets = append(s.app.Buckets, "media: {}")
		s.guesses = append(s.guesses, guess{"buckets.media", "{}", client + " in " + folder.named(file)})
	}
}

// healthNames are names of health check routes, the most certain first.
var healthNames = []string{"healthz", "health", "livez", "up", "ping"}

// tests matches test files, whose routes and ports are not those of the app.
var tests = regexp.MustCompile(`(_test\.go|\.(test|spec)\.[cm]?[jt]s)$`)

// sourceFiles returns the app's files that name routes and ports.
func (a found) sourceFiles() []string {
	return slices.DeleteFunc(a.folder.files(a.framework.sources), tests.MatchString)
}

// readHealth finds the route of the health check.
func (s *survey) readHealth(app found) {
	best := len(healthNames)
	found, from := "", ""
	for _, file := range app.sourceFiles() {
		for _, route := range app.framework.health.FindAllStringSubmatch(app.folder.text(file), -1) {
			rank := slices.Index(healthNames, path.Base(route[1]))
			if rank < 0 {
				rank = len(healthNames) - 1 // A route that the framework has, such as that of Rails.
			}
			if rank < best {
				best, found, from = rank, "/"+strings.TrimPrefix(route[1], "/"), file
			}
		}
	}
	if found == "" {
		s.note("no route of a health check was found, so health_path is /")
		return
	}
	s.app.HealthPath = found
	s.guess("health_path", found, app.folder, from)
}

// needSecret records that the app needs a secret key, most likely in the variable of that name.
func (s *survey) needSecret(name string) {
	s.app.Secret = name
	s.note("the app needs a secret key, most likely as %s: keep it in Secrets Manager and name it under secrets", name)
}

// readMedia adds a seed step that copies a folder of files into a bucket.
func (s *survey) readMedia(f appFolder) {
	const folder = "fixtures/media"
	if len(f.files(regexp.MustCompile("^"+folder+"/"))) == 0 {
		return
	}
	if len(s.app.Buckets) == 0 {
		s.app.Buckets = []string{"media: {}"}
		s.guess("buckets.media", "{}", f, folder)
	}
	step := perch.SeedStep{S3: &perch.SeedS3{From: f.named(folder), To: "media"}}
	s.seed(step, f, folder)
}

// seed adds a seed step that was found in a file of f.
func (s *survey) seed(step perch.SeedStep, f appFolder, file string) {
	s.app.Seed = append(s.app.Seed, config.StartStep{Step: step})
	s.guess("seed", step.String(), f, file)
}

// seedAfterMigration adds a seed step that needs the tables of the database. If the container does
// not create the tables when it starts, it adds the step as a comment.
func (s *survey) seedAfterMigration(f appFolder, step perch.SeedStep, file string) {
	if word, _ := f.migrates(); word != "" && s.app.Database {
		s.seed(step, f, file)
		return
	}
	s.app.SeedExamples = append(s.app.SeedExamples, config.StartStep{
		Step: step, Comment: "For " + f.named(file) + ". The container must migrate its database when it starts.",
	})
}

// readPort sets the port that the app listens on: the port that its Dockerfile exposes, that
// another container file binds, or that its source names, in this order.
func (s *survey) readPort(root, f appFolder, app *framework) {
	const comment = "without this line the app is to listen on 8080."
	for _, folder := range []appFolder{f, root} {
		if port := exposedPort(folder.text("Dockerfile")); port != "" {
			s.setPort(port, "The port that the Dockerfile exposes; "+comment, folder, "Dockerfile")
			return
		}
	}
	if port, file := f.find(boundPort, f.files(containerFiles)...); port != "" {
		s.setPort(port, "The port that "+file+" binds; "+comment, f, file)
		return
	}
	if app == nil || app.port == nil {
		return
	}
	if port, file := f.find(app.port, found{folder: f, framework: *app}.sourceFiles()...); port != "" {
		s.setPort(port, "The port that "+file+" listens on; "+comment, f, file)
	}
}

var (
	expose    = regexp.MustCompile(`(?mi)^[ \t]*EXPOSE[ \t]+([0-9]{1,5})(?:/tcp)?(?:[ \t\r]|$)`)
	boundPort = regexp.MustCompile(`0\.0\.0\.0:([0-9]{2,5})\b`)
)

// exposedPort returns the first port of the last EXPOSE in a Dockerfile; empty if there is none.
func exposedPort(dockerfile string) string {
	found := expose.FindAllStringSubmatch(dockerfile, -1)
	if len(found) == 0 {
		return ""
	}
	return found[len(found)-1][1]
}

// setPort sets the variable PORT if port is a valid port. The variable's value is a string.
func (s *survey) setPort(port, comment string, f appFolder, file string) {
	if number, err := strconv.Atoi(port); err != nil || number < 1 || number > 65535 {
		return
	}
	s.app.Variables = append(s.app.Variables, config.StartVariable{Name: "PORT", Value: port, Comment: comment})
	s.guess("environment.PORT", port, f, file)
}

// dockerfiles matches the names of files that describe an image.
var dockerfiles = regexp.MustCompile(`(^|/)([^/]*\.)?Dockerfile[^/]*$`)

// noteImage adds a note if no file describes how to build the image.
func (s *survey) noteImage(root appFolder) {
	if len(root.files(dockerfiles)) == 0 {
		s.note("there is no Dockerfile: CI needs one to build the image of the app")
	}
}
