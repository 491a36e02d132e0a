package perch

// Identity identifies the stacks of a project: by project, repository name and repository id.
type Identity struct {
	// Project is the project's name.
	Project string
	// Names are the repository's names as NormalizeRepository returns them: the current name, then
	// former names.
	Names []string
	// ID is the repository's id at its source; empty if the source has no ids or could not be read.
	ID string
}

// Name returns the repository's current name.
func (i Identity) Name() string {
	if len(i.Names) == 0 {
		return ""
	}
	return i.Names[0]
}

// Owns reports whether tags name the project and this repository. A former name counts only if the
// policy lists it. A different repository id rules a stack out even if the name matches, because a
// repository can reuse the name of a renamed one.
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

// contradicted reports whether tags have the id of a different repository.
func (i Identity) contradicted(tags map[string]string) bool {
	id := tags[TagRepositoryID]
	return id != "" && i.ID != "" && id != EncodeTag(i.ID)
}

// Tags returns the tags of the project's new stacks of kind.
func (i Identity) Tags(kind Kind) map[string]string {
	tags := map[string]string{TagProject: i.Project, TagRepository: EncodeTag(i.Name()), TagKind: string(kind)}
	if i.ID != "" {
		tags[TagRepositoryID] = EncodeTag(i.ID)
	}
	return tags
}

// Tags returns the tags of a new stack of kind for the environment. identity is that of its
// project.
func (e Environment) Tags(identity Identity, kind Kind) map[string]string {
	tags := identity.Tags(kind)
	tags[TagBranch], tags[TagProject] = EncodeTag(e.Branch), e.Project
	return tags
}

// Owned returns the environment that a stack with this name and these tags belongs to. The result
// is true only if the identity owns the tags and name is the stack name of the branch in them. So
// Elastic Beanstalk's `awseb-*` stacks, which inherit the tags, are never owned.
func Owned(identity Identity, name string, tags map[string]string) (Environment, Kind, bool) {
	if !identity.Owns(tags) {
		return Environment{}, "", false
	}
	return tagged(identity.Project, name, tags)
}

// tagged returns the environment that the tags describe, for any repository, if its stack is called
// name.
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
