package lifecycle

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"perch"
)

func reject(format string, args ...any) error { return perch.Reject(format, args...) }

// Wanted is what perch.yaml at the requested commit configures for the branch.
type Wanted struct {
	Project  string
	Kind     perch.Kind
	Settings perch.Settings
	Seed     []perch.SeedStep
}

// Admission is a request together with everything that determines whether the policy allows it.
type Admission struct {
	Policy  *perch.Policy
	Request perch.Request
	// Wanted is the configuration at the commit. It is nil if the commit has no perch.yaml. It is
	// also nil for perch.GoalGone, because the commit may no longer exist.
	Wanted *Wanted
	// Kind is the kind of the existing environment, from its tags; empty if there is none.
	Kind perch.Kind
	// Environments counts the project's other environments. It is 0 if the environment already
	// exists, because that one is already counted against the limit.
	Environments int
}

// AdmitRequest returns nil if the policy allows the request, and a *perch.Rejection otherwise.
func AdmitRequest(a Admission) error {
	if err := a.Identity(); err != nil {
		return err
	}
	switch a.Request.Goal {
	case perch.GoalGone:
		return a.removal()
	case perch.GoalUp:
		return firstError(
			a.commitGiven, a.kind, a.keptKind, a.recreation, a.machines, a.sharedDatabase, a.snapshot, a.loadBalancer,
			a.secrets, a.seeds, a.expiry, a.room,
		)
	}
	return reject("the goal of a request is up or gone, not %q", a.Request.Goal)
}

func firstError(checks ...func() error) error {
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// Untriggered explains why the policy ignores an `up` that came through a trigger, such as webhook;
// empty if the policy does not ignore it. This is not a rejection, because the job that made the
// request did nothing wrong.
func Untriggered(policy *perch.Policy, request perch.Request) string {
	if request.Goal != perch.GoalUp || request.Trigger == "" || policy.Allows(request.Trigger) {
		return ""
	}
	return fmt.Sprintf("`triggers` in the policy does not name %s, so it starts no deployment", request.Trigger)
}

// Identity rejects a request for another project or repository, and a branch that cannot have an
// environment.
func (a Admission) Identity() error {
	r, p := a.Request, a.Policy
	if r.Project != p.Project {
		return reject("project %q was requested, and this worker's policy is for project %q only; check --project or "+
			"PERCH_PROJECT, or the worker that is running", r.Project, p.Project)
	}
	names := p.Identity("").Names
	if repository := perch.NormalizeRepository(r.Repository); repository != "" && !slices.Contains(names, repository) {
		return reject("the request comes from repository %s, and this worker's policy is for %s only; check "+
			"`repository` in the policy", repository, p.Repository)
	}
	if _, err := perch.NewEnvironment(r.Project, r.Branch); err != nil {
		return reject("%v", err)
	}
	return nil
}

func (a Admission) removal() error {
	branch := a.Request.Branch
	if branch == a.Policy.DefaultBranch {
		return reject("branch %q is the default branch, and its environment is never removed; `default_branch` in "+
			"the policy says so", branch)
	}
	if a.Kind == perch.KindProduction || a.Kind == perch.KindStaging {
		return reject(
			"the environment of branch %q is of kind %s, and only environments of kind branch are removed", branch,
			a.Kind,
		)
	}
	if pattern, ok := perch.MatchAny(a.Policy.Protected, branch); ok {
		return reject("branch %q is protected by the pattern %q; to remove its environment, remove the pattern from "+
			"`protected` in the policy", branch, pattern)
	}
	return nil
}

// recreation rejects a recreation if a removal would be rejected, because a recreation first
// deletes the environment.
func (a Admission) recreation() error {
	if !a.Request.Recreate {
		return nil
	}
	if a.Kind == "" {
		a.Kind = a.Wanted.Kind
	}
	if err := a.removal(); err != nil {
		return reject("--recreate would delete the environment first: %v; run `perch up` without --recreate", err)
	}
	return nil
}

func (a Admission) commitGiven() error {
	if a.Wanted == nil {
		return reject("branch %q has no %s at commit %s", a.Request.Branch, perch.FileName, a.Request.Commit)
	}
	if a.Wanted.Project != a.Policy.Project {
		return reject(
			"%s is for project %q, and this worker's policy is for project %q only; change `project` in one of them",
			perch.FileName, a.Wanted.Project, a.Policy.Project,
		)
	}
	return nil
}

// MayHaveKind reports whether the policy allows branch to have an environment of the kind.
func MayHaveKind(policy *perch.Policy, branch string, kind perch.Kind) bool {
	if policy.Kinds == nil {
		return kind == perch.KindBranch
	}
	_, ok := perch.MatchAny(policy.Kinds[kind], branch)
	return ok
}

func (a Admission) kind() error {
	kind := a.Wanted.Kind
	patterns := a.Policy.Kinds[kind]
	if MayHaveKind(a.Policy, a.Request.Branch, kind) {
		return nil
	}
	allowed := "no branch"
	if len(patterns) > 0 {
		allowed = "only " + strings.Join(patterns, ", ")
	}
	return reject("branch %q requests kind %s, and the policy lets %s have it; change `branches.kinds` in %s, or "+
		"`kinds.%s` in the policy",
		a.Request.Branch, kind, allowed, perch.FileName, kind)
}

// keptKind rejects a change of kind. The kind determines the protection and the Elastic Beanstalk
// application. The template of another kind would remove the protection of the database and
// buckets.
func (a Admission) keptKind() error {
	kind := a.Wanted.Kind
	if a.Kind == "" || a.Kind == kind {
		return nil
	}
	remove := "remove it with `perch down` first"
	if a.Kind != perch.KindBranch {
		remove = "let a person delete its stack first"
	}
	return reject("branch %q requests kind %s, and its environment was made as %s, which it keeps; change "+
		"`branches.kinds` in %s, or %s", a.Request.Branch, kind, a.Kind, perch.FileName, remove)
}

// machines checks the settings of Perch's template. It does not check custom templates, which
// specify their machines themselves.
func (a Admission) machines() error {
	s, p := a.Wanted.Settings, a.Policy
	if s.Template != "" {
		return nil
	}
	if err := allowedName("instance_type", s.InstanceType, "instance_types", p.InstanceTypes); err != nil {
		return err
	}
	if most := p.MaxInstances; most > 0 && s.Instances.Max > most {
		return reject("instances.max is %d, and the policy allows %d instances for an environment; "+
			"change instances.max in %s, or `max_instances` in the policy", s.Instances.Max, most, perch.FileName)
	}
	if s.Database == nil || s.Database.Mode == perch.DatabaseShared {
		return nil
	}
	return allowedName("database.class", s.Database.Class, "database_classes", p.DatabaseClasses)
}

func allowedName(key, value, policyKey string, patterns []string) error {
	if len(patterns) == 0 {
		return nil
	}
	if _, ok := perch.MatchAny(patterns, value); ok {
		return nil
	}
	return reject(
		"%s is %s, and the policy allows only %s; change %s in %s, or `%s` in the policy", key, value,
		strings.Join(patterns, ", "), key, perch.FileName, policyKey,
	)
}

func (a Admission) loadBalancer() error {
	if a.Wanted.Settings.Template != "" {
		return nil
	}
	if kind := a.Wanted.Settings.LoadBalancer; kind != "none" && a.Policy.Domain == "" {
		return reject("load_balancer is %s, and that needs a domain, which the policy does not have; set "+
			"load_balancer to none in %s, or `domain` and `hosted_zone` in the policy", kind, perch.FileName)
	}
	return nil
}

// sharedDatabase rejects a shared database if no instance is available: the instance is in the
// stack of the staging application.
func (a Admission) sharedDatabase() error {
	if db := a.Wanted.Settings.Database; db == nil || db.Mode != perch.DatabaseShared {
		return nil
	}
	if a.Policy.SharedDatabase == nil {
		return reject("database.mode is shared, and the policy has no shared_database; set database.mode to "+
			"dedicated in %s, or `shared_database` in the policy and run `perch application up`", perch.FileName)
	}
	if a.Wanted.Kind == perch.KindProduction {
		return reject("database.mode is shared, and an environment of kind production has a dedicated database; set "+
			"database.mode to dedicated for it in %s", perch.FileName)
	}
	return nil
}

// snapshot rejects a snapshot that the policy's prefixes do not allow. A prefix of snapshot ids
// does not allow an ARN, because an ARN that begins with it would belong to another account.
func (a Admission) snapshot() error {
	db := a.Wanted.Settings.Database
	if db == nil || db.Mode != perch.DatabaseSnapshot {
		return nil
	}
	named := strings.HasPrefix(db.Snapshot, "arn:")
	if named && arnRegion(db.Snapshot) != a.Policy.Region {
		return reject("database.snapshot is in region %q, and the policy is for %s only; copy the snapshot there "+
			"and name the copy in %s", arnRegion(db.Snapshot), a.Policy.Region, perch.FileName)
	}
	if !slices.ContainsFunc(a.Policy.Snapshots.From, func(prefix string) bool {
		return strings.HasPrefix(prefix, "arn:") == named && strings.HasPrefix(db.Snapshot, prefix)
	}) {
		return reject("database.snapshot is %s, and the policy allows %s; change database.snapshot in %s, or "+
			"`snapshots.from` in the policy", db.Snapshot, listPrefixes(a.Policy.Snapshots.From, "no snapshots"),
			perch.FileName)
	}
	return nil
}

func (a Admission) secrets() error {
	kind := a.Wanted.Kind
	from := a.Policy.Secrets.Allowed(kind)
	for _, name := range slices.Sorted(maps.Keys(a.Wanted.Settings.Secrets)) {
		arn := a.Wanted.Settings.Secrets[name]
		if region := arnRegion(arn); region != a.Policy.Region {
			return reject(
				"secret %s is in region %q, and the policy is for %s only; name a secret of that region in %s",
				name, region, a.Policy.Region, perch.FileName,
			)
		}
		if !slices.ContainsFunc(from, func(prefix string) bool { return strings.HasPrefix(arn, prefix) }) {
			return reject("secret %s is %s, and the policy allows environments of kind %s %s; "+
				"change `secrets` in %s, or `secrets` in the policy", name, arn, kind, listPrefixes(from, "no secrets"),
				perch.FileName)
		}
	}
	return nil
}

// arnRegion returns the region from arn:partition:service:region:account:resource.
func arnRegion(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return ""
	}
	return parts[3]
}

func (a Admission) seeds() error {
	for i, step := range a.Wanted.Seed {
		if step.S3 == nil {
			continue // What it may send is a secret of the settings.
		}
		if from := step.S3.From; strings.HasPrefix(from, "s3://") &&
			!slices.ContainsFunc(a.Policy.Seeds.From, func(prefix string) bool { return belowPrefix(prefix, from) }) {
			return reject(
				"seed[%d] reads %s, and the policy allows %s; change `seed` in %s, or `seeds.from` in the policy", i,
				from, listPrefixes(a.Policy.Seeds.From, "only folders of the repository"), perch.FileName,
			)
		}
	}
	return nil
}

// belowPrefix reports whether address equals prefix or is below it. For example, s3://data does not
// allow s3://data-of-others.
func belowPrefix(prefix, address string) bool {
	return strings.HasPrefix(strings.TrimSuffix(address, "/")+"/", strings.TrimSuffix(prefix, "/")+"/")
}

func listPrefixes(values []string, none string) string {
	if len(values) == 0 {
		return none
	}
	return "only what begins with " + strings.Join(values, ", ")
}

// expiry rejects settings that are longer than the policy allows, and warnings that are shorter. If
// perch.yaml leaves the warning out, the policy's holds.
func (a Admission) expiry() error {
	asked, bounds := a.Wanted.Settings.Expiry, a.Policy.Expiry
	if asked == nil || a.Wanted.Kind != perch.KindBranch {
		return nil
	}
	for _, each := range []struct {
		key          string
		asked, bound perch.Hours
	}{{"idle", asked.Idle, bounds.Idle}, {"max", asked.Max, bounds.Max}, {"extend", asked.Extend, bounds.Extend}} {
		if each.bound != 0 && each.asked > each.bound {
			return reject("expiry.%[1]s is %[2]s, and the policy allows %[3]s at most; change expiry.%[1]s in %[4]s, "+
				"or `expiry.%[1]s` in the policy",
				each.key, each.asked, each.bound, perch.FileName)
		}
		if each.key != "extend" && each.asked != 0 && each.asked <= bounds.Warn {
			return reject("expiry.%[1]s is %[2]s, and the policy warns people %[3]s before the end; choose more "+
				"for expiry.%[1]s in %[4]s, or less for `expiry.warn` in the policy",
				each.key, each.asked, bounds.Warn, perch.FileName)
		}
	}
	if asked.Warn != 0 && asked.Warn != usualWarn && asked.Warn < bounds.Warn {
		return reject("expiry.warn is %s, and the policy wants %s at least; change expiry.warn in %s, or "+
			"`expiry.warn` in the policy",
			asked.Warn, bounds.Warn, perch.FileName)
	}
	return nil
}

func (a Admission) room() error {
	if most := a.Policy.MaxEnvironments; a.Environments >= most {
		return reject("project %s has %d other environments, and the policy allows %d at a time; remove one with "+
			"`perch down BRANCH`, or raise `max_environments` in the policy",
			a.Policy.Project, a.Environments, most)
	}
	return nil
}
