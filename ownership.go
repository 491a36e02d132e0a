package perch

// Identity is what a project's stacks are recognised by.
type Identity struct {
	// Project is the project's name.
	Project string
	// Names are the repository's names as NormalizeRepository writes them: the current name first,
	// then former names.
	Names []string
	// ID is the repository's id at its source; empty if the source has no ids, or does not answer.
	ID string
}

// Name is the repository's current name.
func (i Identity) Name() string {
	if len(i.Names) == 0 {
		return ""
	}
	return i.Names[0]
}

// Owns reports whether tags name the project and this repository. A former name counts only if it
// is listed. An id decides against any name: a repository that took the name of a renamed one has
// another id.
func (i Identity) Owns(tags map[string]string) bool {
	if tags[TagProject] != i.Project || i.contradicted(tags) {
		return false
	}
	for _, name := range i.Names {
		if tags[TagRepository] == EncodeTag(name) {
			return true
		}
	}
	return false
}

// contradicted reports whether the id in tags is another repository's.
func (i Identity) contradicted(tags map[string]string) bool {
	id := tags[TagRepositoryID]
	return id != "" && i.ID != "" && id != EncodeTag(i.ID)
}

// Tags are the tags that the project's new stacks of kind get.
func (i Identity) Tags(kind Kind) map[string]string {
	tags := map[string]string{TagProject: i.Project, TagRepository: EncodeTag(i.Name()), TagKind: string(kind)}
	if i.ID != "" {
		tags[TagRepositoryID] = EncodeTag(i.ID)
	}
	return tags
}

// Tags are the tags that the environment's stack of kind is created with; identity is its
// project's.
func (e Environment) Tags(identity Identity, kind Kind) map[string]string {
	tags := identity.Tags(kind)
	tags[TagBranch], tags[TagProject] = EncodeTag(e.Branch), e.Project
	return tags
}

// Owned reads whose environment the stack called name with these tags is. It is ours only if the
// identity owns the tags and name is the one that we derive from the branch: Elastic Beanstalk's
// `awseb-*` stacks inherit our tags and are never ours.
func Owned(identity Identity, name string, tags map[string]string) (Environment, Kind, bool) {
	if !identity.Owns(tags) {
		return Environment{}, "", false
	}
	return tagged(identity.Project, name, tags)
}

// tagged reads the environment that name and tags agree on, for any repository.
func tagged(project, name string, tags map[string]string) (Environment, Kind, bool) {
	branch, ok := DecodeTag(tags[TagBranch])
	if !ok || tags[TagProject] != project {
		return Environment{}, "", false
	}
	environment, err := NewEnvironment(project, branch)
	kind := Kind(tags[TagKind])
	if err != nil || environment.StackName() != name || !kind.Valid() {
		return Environment{}, "", false
	}
	return environment, kind, true
}
