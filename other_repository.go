package perch

import (
	"cmp"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// OtherRepository is a repository in the tags of the project's stacks that differs from the
// policy's. It is either a former name that the policy does not list or a different repository.
// Perch counts and names such stacks and does not change them.
type OtherRepository struct {
	// Repository is the repository's name in the tags.
	Repository string `json:"repository"`
	// RepositoryID is the repository's id in the tags; empty if the stacks have none.
	RepositoryID string `json:"repository_id,omitempty"`
	// Stacks are the names of the stacks, sorted.
	Stacks []string `json:"stacks"`
	// Advice says what to do: it gives the line to add to the policy, or explains why no line
	// helps.
	Advice string `json:"advice"`
}

// String gives the number and names of the stacks, and the advice.
func (o OtherRepository) String() string {
	stacks := "1 stack"
	if len(o.Stacks) > 1 {
		stacks = fmt.Sprintf("%d stacks", len(o.Stacks))
	}
	return fmt.Sprintf("Perch does not change %s of this project whose tags name the repository %s: %s; %s",
		stacks, o.name(), strings.Join(o.Stacks, ", "), o.Advice)
}

func (o OtherRepository) name() string {
	if o.RepositoryID == "" {
		return o.Repository
	}
	return fmt.Sprintf("%s (id %s)", o.Repository, o.RepositoryID)
}

// InOtherRepositories returns the project's stacks whose repository does not match identity,
// grouped by repository and sorted by it. stacks yields each stack's name and tags. The result is
// never nil.
func InOtherRepositories(identity Identity, stacks iter.Seq2[string, map[string]string]) []OtherRepository {
	found := []OtherRepository{}
	for name, tags := range stacks {
		other, ok := inOtherRepository(identity, name, tags)
		if !ok {
			continue
		}
		at := slices.IndexFunc(found, func(o OtherRepository) bool { return o.name() == other.name() })
		if at < 0 {
			found = append(found, other)
			continue
		}
		found[at].Stacks = append(found[at].Stacks, name)
	}
	for _, other := range found {
		slices.Sort(other.Stacks)
	}
	slices.SortFunc(found, func(a, b OtherRepository) int { return cmp.Compare(a.name(), b.name()) })
	return found
}

// inOtherRepository returns the other repository of one stack. The second result is false if the
// identity owns the stack, or if the stack is neither an environment's nor an application stack of
// the project.
func inOtherRepository(identity Identity, name string, tags map[string]string) (OtherRepository, bool) {
	if tags[TagProject] != identity.Project || identity.Owns(tags) {
		return OtherRepository{}, false
	}
	_, _, environment := tagged(identity.Project, name, tags)
	application := name == ApplicationStackName(identity.Project, Kind(tags[TagKind]))
	repository, ok := DecodeTag(tags[TagRepository])
	if !ok || repository == "" || !environment && !application {
		return OtherRepository{}, false
	}
	id, _ := DecodeTag(tags[TagRepositoryID])
	advice := identity.formerName(repository, id)
	if identity.contradicted(tags) {
		advice = identity.anotherRepository(id)
	}
	return OtherRepository{Repository: repository, RepositoryID: id, Stacks: []string{name}, Advice: advice}, true
}

// formerName returns the advice for a repository name that the policy does not list.
func (i Identity) formerName(name, id string) string {
	line := fmt.Sprintf(
		"write `repository: [%s]` in the policy", strings.Join(yamlTexts(append(slices.Clone(i.Names), name)), ", "),
	)
	if id != "" && id == i.ID {
		return fmt.Sprintf("it is a former name of %s, with the same id: %s", i.Name(), line)
	}
	return fmt.Sprintf("if that is a former name of %s, %s", i.Name(), line)
}

// anotherRepository returns the advice for the id of a different repository.
func (i Identity) anotherRepository(id string) string {
	return fmt.Sprintf("the id of %s is %s, so id %s is another repository: remove its stacks with a worker for it, "+
		"or delete them in the CloudFormation console", i.Name(), i.ID, id)
}

// plainText matches text that needs no quotes in a YAML list.
var plainText = regexp.MustCompile(`^[A-Za-z0-9_./][A-Za-z0-9_./~-]*$`)

func yamlTexts(values []string) []string {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = value
		if !plainText.MatchString(value) {
			texts[i] = strconv.Quote(value)
		}
	}
	return texts
}
