package cli

import (
	"regexp"

	"perch"
	"perch/config"
)

var golang = framework{
	name:       "Go",
	shown:      func(f appFolder) []string { return existing(f, "go.mod") },
	manifests:  regexp.MustCompile(`^go\.mod$`),
	postgreSQL: regexp.MustCompile(`\b(github\.com/lib/pq|github\.com/jackc/pgx|gorm\.io/driver/postgres)\b`),
	mySQL:      regexp.MustCompile(`\b(github\.com/go-sql-driver/mysql|gorm\.io/driver/mysql)\b`),
	storage:    regexp.MustCompile(`\b(github\.com/aws/aws-sdk-go-v2/service/s3|github\.com/minio/minio-go)\b`),
	sources:    regexp.MustCompile(`\.go$`),
	health:     webHealth,
	port:       regexp.MustCompile(`(?:ListenAndServe(?:TLS)?\(|\bAddr:|net\.Listen\("tcp",)\s*"[^":]*:([0-9]{2,5})"`),
	complete:   completeGo,
}

// completeGo adds a request as an example of a seed step.
func completeGo(_ appFolder, s *survey) {
	s.app.SeedExamples = append(s.app.SeedExamples, config.StartStep{
		Step: perch.SeedStep{HTTP: &perch.SeedHTTP{Path: "/seed", Body: "fixtures/demo.json"}},
	})
}
