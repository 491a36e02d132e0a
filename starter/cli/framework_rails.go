package cli

import (
	"regexp"
	"strings"

	"perch"
	"perch/config"
)

var rails = framework{
	name:       "Rails",
	shown:      railsFiles,
	manifests:  regexp.MustCompile(`^Gemfile$`),
	postgreSQL: regexp.MustCompile(`(?m)^\s*gem\s+["'](pg)["']`),
	mySQL:      regexp.MustCompile(`(?m)^\s*gem\s+["'](mysql2|trilogy)["']`),
	storage:    regexp.MustCompile(`(?m)^\s*gem\s+["'](aws-sdk-s3|fog-aws)["']`),
	sources:    regexp.MustCompile(`^config/routes\.rb$`),
	health:     regexp.MustCompile(`["']/?([\w/-]+)["']\s*(?:=>|,\s*to:)\s*["']rails/health#show["']`),
	complete:   completeRails,
}

var railsGem = regexp.MustCompile(`(?m)^\s*gem\s+["'](rails)["']`)

// railsFiles returns the files of a Rails app. It requires the gem and the application.
func railsFiles(f appFolder) []string {
	files := existing(f, "Gemfile", "config/application.rb")
	if gem, _ := f.find(railsGem, "Gemfile"); gem == "" || len(files) < 2 {
		return nil
	}
	return files
}

// railsSecret returns the variable of the app's secret key: that of the credentials file, if the
// app has one.
func railsSecret(f appFolder) string {
	if f.text("config/credentials.yml.enc") != "" || f.text("config/credentials/production.yml.enc") != "" {
		return "RAILS_MASTER_KEY"
	}
	return "SECRET_KEY_BASE"
}

var (
	railsSettings = regexp.MustCompile(`^config/(application|environments/production)\.rb$`)
	seedingLine   = regexp.MustCompile(`(?m)^\s*([^#\s].*)$`)
)

// completeRails sets the Rails variables that the app reads, and loads db/seeds.rb. It does not
// load the seeds if the container calls db:prepare, which does that.
func completeRails(f appFolder, s *survey) {
	s.needSecret(railsSecret(f))
	s.variable("RAILS_ENV", "production", f, "config/application.rb")
	for _, read := range []struct{ name, value string }{
		{"RAILS_LOG_LEVEL", "info"}, {"RAILS_LOG_TO_STDOUT", "enabled"}, {"RAILS_SERVE_STATIC_FILES", "enabled"},
	} {
		for _, file := range f.files(railsSettings) {
			if strings.Contains(f.text(file), read.name) {
				s.variable(read.name, read.value, f, file)
				break
			}
		}
	}
	seed := perch.SeedStep{Run: &perch.SeedRun{Command: []string{"bundle", "exec", "rails", "db:seed"}}}
	_, seeds := f.find(seedingLine, "db/seeds.rb")
	switch word, file := f.migrates(); {
	case seeds == "":
		s.app.SeedExamples = append(s.app.SeedExamples, config.StartStep{Step: seed})
	case word == "db:prepare":
		s.app.SeedExamples = append(s.app.SeedExamples, config.StartStep{
			Step: seed, Comment: "db:prepare in " + f.named(file) + " seeds a new database already.",
		})
	default:
		s.seedAfterMigration(f, seed, seeds)
	}
}
