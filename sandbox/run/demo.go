package run

import (
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// demoFiles has the demo repository: the files in `main`, and those that each branch changes.
//
//go:embed all:demo
var demoFiles embed.FS

// demoBranches are created from main in this order; the last one stays checked out.
var demoBranches = []struct{ name, folder, message string }{
	{"fix/typo", "fix-typo", "Correct a typo in the catalogue"},
	{"docs-no-infra", "docs", "Describe the catalogue"},
	{"feature/login", "feature-login", "Let people log in"},
}

// makeDemo creates the demo repository in dir, unless it exists.
func makeDemo(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, ".git")); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	repository, err := git.PlainInitWithOptions(
		dir, &git.PlainInitOptions{InitOptions: git.InitOptions{DefaultBranch: plumbing.Main}},
	)
	if err != nil {
		return fmt.Errorf("make demo repository: %w", err)
	}
	tree, err := repository.Worktree()
	if err != nil {
		return fmt.Errorf("make demo repository: %w", err)
	}
	if err := commit(tree, dir, "main", "A small shop"); err != nil {
		return err
	}
	for _, branch := range demoBranches {
		if err := tree.Checkout(&git.CheckoutOptions{Branch: plumbing.Main}); err != nil {
			return fmt.Errorf("check out main of the demo repository: %w", err)
		}
		if err := tree.Checkout(&git.CheckoutOptions{
			Branch: plumbing.NewBranchReferenceName(branch.name), Create: true,
		}); err != nil {
			return fmt.Errorf("make branch %s of the demo repository: %w", branch.name, err)
		}
		if err := commit(tree, dir, branch.folder, branch.message); err != nil {
			return err
		}
	}
	return nil
}

// demoImage is the image in the demo's perch.yaml, without the commit.
const demoImage = "registry.example.com/shop:"

// demoImages returns the images of the head commits of all branches.
func demoImages(dir string) ([]string, error) {
	repository, err := git.PlainOpen(dir)
	if err != nil {
		return nil, fmt.Errorf("open the demo repository: %w", err)
	}
	branches, err := repository.Branches()
	if err != nil {
		return nil, fmt.Errorf("list branches of the demo repository: %w", err)
	}
	var images []string
	err = branches.ForEach(func(branch *plumbing.Reference) error {
		images = append(images, demoImage+branch.Hash().String())
		return nil
	})
	return images, err
}

// demoSecret is the secret in the demo's perch.yaml. A request with test data carries it.
const demoSecret = "shop/seed-token"

// makeDemoSecret creates the secret, unless it exists.
func makeDemoSecret(ctx context.Context, cfg aws.Config) error {
	in := &secretsmanager.CreateSecretInput{Name: aws.String(demoSecret), SecretString: aws.String(rand.Text())}
	_, err := secretsmanager.NewFromConfig(cfg).CreateSecret(ctx, in)
	var there *types.ResourceExistsException
	if errors.As(err, &there) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("make secret %s of the demo: %w", demoSecret, err)
	}
	return nil
}

// commit copies the files of a folder of demoFiles over the work tree and commits them.
func commit(tree *git.Worktree, dir, folder, message string) error {
	root := path.Join("demo", folder)
	err := fs.WalkDir(demoFiles, root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := demoFiles.ReadFile(name)
		if err != nil {
			return err
		}
		file := filepath.FromSlash(name[len(root)+1:])
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(file)), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, file), data, 0o644); err != nil {
			return err
		}
		_, err = tree.Add(filepath.ToSlash(file))
		return err
	})
	if err == nil {
		_, err = tree.Commit(
			message,
			&git.CommitOptions{Author: &object.Signature{Name: "Perch", Email: "perch@example.com", When: time.Now()}},
		)
	}
	if err != nil {
		return fmt.Errorf("commit %q to the demo repository: %w", message, err)
	}
	return nil
}
