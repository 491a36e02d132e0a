package run

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"perch"
)

// TestExamplesGetAnEnvironment commits each folder of examples to a repository, and provisions a
// branch of it with all its seed steps. It does the same with the file that `config init` writes
// for an app.
func TestExamplesGetAnEnvironment(t *testing.T) {
	t.Parallel()
	b := newSandbox(t, func(o *options) { o.run = skipUnknown })
	for folder, c := range map[string]struct {
		project string
		// seeds are the seed steps. types are some resource types of the stack.
		seeds, types []string
	}{
		"django": {"djangoexample", []string{"run python manage.py loaddata demo"}, []string{"AWS::RDS::DBInstance"}},
		"rails":  {"railsexample", []string{"run bundle exec rails db:seed"}, []string{"AWS::RDS::DBInstance"}},
		"node": {"nodeexample", []string{"s3 fixtures/media", "http POST /seed"},
			[]string{"AWS::RDS::DBInstance", "AWS::S3::Bucket"}},
		"custom-template": {"customexample", []string{"s3 fixtures/media"},
			[]string{"AWS::ElasticBeanstalk::Environment", "AWS::Route53::RecordSet", "AWS::S3::Bucket"}},
	} {
		t.Run(folder, func(t *testing.T) {
			t.Parallel()
			files := folderFiles(t, filepath.Join("..", "..", "examples", folder))
			p := b.newProject(t, c.project, files, func(*perch.Policy) {})
			branch := folder // The projects share a domain, so their branches differ.
			p.repo.commit(t, branch, map[string]string{"a.txt": "1"})
			up := p.must(t, "up", branch)
			equal(t, up, document{"outcome": "ready", "created": true})
			steps := strings.Join(seeded(up), "\n")
			contains(t, steps, c.seeds...)
			made := strings.Join(p.resourceTypes(t, c.project+"-"+branch), "\n")
			contains(t, made, c.types...)
			equal(t, p.must(t, "down", branch), document{"outcome": "gone", "error": ""})
		})
	}
	provisionWhatInitWrites(t, b)
}

// provisionWhatInitWrites makes `config init` write a perch.yaml for an app of each framework,
// commits it, and provisions a branch of it.
func provisionWhatInitWrites(t *testing.T, b *bench) {
	t.Helper()
	p := b.newProject(t, "anyapp", map[string]string{"README.md": "An app."}, func(*perch.Policy) {})
	for name, c := range map[string]struct {
		files  map[string]string
		health string
		seeds  []string
	}{
		"init-django": {exampleFiles(t, "django"), "/healthz", []string{"run python manage.py loaddata demo"}},
		"init-rails":  {exampleFiles(t, "rails"), "/up", []string{"run bundle exec rails db:seed"}},
		"init-node":   {exampleFiles(t, "node"), "/healthz", []string{"s3 fixtures/media"}},
		"init-go": {map[string]string{
			"api/go.mod":  "module example.org/api\n",
			"api/main.go": "package main\n\nvar routes = []string{\"GET /livez\"}\n",
		}, "/livez", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for file, text := range c.files {
				path := filepath.Join(dir, filepath.FromSlash(file))
				fatal(t, os.MkdirAll(filepath.Dir(path), 0o755))
				fatal(t, os.WriteFile(path, []byte(text), 0o600))
			}
			p.must(t, "config", "init", "--repo", dir)
			written, err := os.ReadFile(filepath.Join(dir, "perch.yaml"))
			fatal(t, err)
			contains(t, string(written), "\n  health_path: "+c.health+"\n")
			c.files["perch.yaml"] = string(written)
			p.repo.commit(t, name, c.files)
			up := p.must(t, "up", name)
			equal(t, up, document{"outcome": "ready", "created": true})
			equal(t, document{"seeds": strings.Join(seeded(up), "\n")}, document{"seeds": strings.Join(c.seeds, "\n")})
		})
	}
}

// exampleFiles returns the files of an example, without its perch.yaml.
func exampleFiles(t *testing.T, name string) map[string]string {
	t.Helper()
	files := folderFiles(t, filepath.Join("..", "..", "examples", name))
	delete(files, "perch.yaml")
	return files
}

// TestEveryExampleIsInTheTable compares the folders of examples with the table of its README.
func TestEveryExampleIsInTheTable(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "..", "examples", "README.md"))
	fatal(t, err)
	entries, err := os.ReadDir(filepath.Join("..", "..", "examples"))
	fatal(t, err)
	for _, entry := range entries {
		if entry.IsDir() {
			contains(t, string(page), "| ["+entry.Name()+"]("+entry.Name()+") |")
		}
	}
}

// folderFiles returns the files below a folder, by their path in it.
func folderFiles(t *testing.T, folder string) map[string]string {
	t.Helper()
	files := map[string]string{}
	fatal(t, filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(folder, path)
		files[filepath.ToSlash(name)] = string(data)
		return err
	}))
	return files
}

// resourceTypes returns the types of a stack's resources.
func (b *bench) resourceTypes(t *testing.T, stack string) (types []string) {
	t.Helper()
	out, err := b.formation().ListStackResources(
		t.Context(), &cloudformation.ListStackResourcesInput{StackName: &stack},
	)
	fatal(t, err)
	for _, resource := range out.StackResourceSummaries {
		types = append(types, awssdk.ToString(resource.ResourceType))
	}
	return types
}
