package config

import (
	"net/netip"
	"reflect"
	"regexp"
	"strings"
	"unicode"

	"perch"
	"perch/document"
)

// hostPlaceholder is where a policy's url has the host name of an environment.
const hostPlaceholder = "{host}"

var (
	httpAddress = regexp.MustCompile(`^https?://[^/\s]+(/\S*)?$`)
)

func validURL(value string) string {
	if !httpAddress.MatchString(value) || !strings.Contains(value, hostPlaceholder) {
		return "must be an http or https address with {host} in it, such as https://{host}"
	}
	return ""
}

func validText(value string) string {
	if strings.TrimSpace(value) == "" || strings.ContainsFunc(value, unicode.IsControl) {
		return "must be one line of text"
	}
	return ""
}

func validBranch(value string) string {
	if perch.ValidateBranch(value) != nil {
		return "must be the name of a branch"
	}
	return ""
}

// validNetwork accepts only one way to write a network. Otherwise, with bits beyond its length, or
// with IPv4 in IPv6, a network could be larger than the text suggests.
func validNetwork(value string) string {
	network, err := netip.ParsePrefix(value)
	if err != nil || network != network.Masked() || network.Addr().Is4In6() {
		return "must be a network such as 10.20.0.0/16 or fd12:3456:789a::/48, with no bit set beyond its length"
	}
	return ""
}

// ReadPolicy reads the worker's policy file and fills in what it leaves out. name is the file's
// name in messages. The error is document.Problems or a *document.Problem.
func ReadPolicy(name string, data []byte) (*perch.Policy, error) {
	root, source, err := document.Read(name, data, limits)
	if err != nil {
		return nil, err
	}
	if root.Shape == document.Null {
		return nil, &document.Problem{File: name, Message: "the policy is empty; it must say what the worker may do"}
	}
	d := newDecoder(source)
	p := &perch.Policy{}
	d.object("", root, reflect.ValueOf(p).Elem())
	if root.Shape == document.Mapping {
		d.wholePolicy(p, root)
	}
	if err := d.Err(); err != nil {
		return nil, err
	}
	return p, nil
}

// separateSecrets reports a secret that `secrets.kinds` gives to one kind, if another list lets a
// second kind read it, too.
func (d *decoder) separateSecrets(secrets perch.PolicySecrets, path string, n *document.Node) {
	for _, kind := range perch.Kinds() {
		for i, arn := range secrets.Kinds[kind] {
			if other, cover := alsoReads(secrets, kind, arn); cover != "" {
				d.Fail(n.At("kinds", string(kind)), "%s.kinds.%s[%d] is for environments of kind %s only, and %q "+
					"lets those of kind %s read it, too; narrow that one, or leave this one out",
					path, kind, i, kind, cover, other)
			}
		}
	}
}

// alsoReads returns another kind that may read arn, and the entry that allows it; both are empty if
// there is none.
func alsoReads(secrets perch.PolicySecrets, kind perch.Kind, arn string) (other perch.Kind, cover string) {
	for _, other := range perch.Kinds() {
		if cover := covering(secrets.Allowed(other), arn); other != kind && cover != "" {
			return other, cover
		}
	}
	return "", ""
}

// covering returns the first of prefixes with which arn begins; empty if there is none.
func covering(prefixes []string, arn string) string {
	for _, prefix := range prefixes {
		if strings.HasPrefix(arn, strings.TrimSuffix(prefix, "*")) {
			return prefix
		}
	}
	return ""
}

// wholePolicy checks what depends on several keys, and fills in values that follow from other keys.
func (d *decoder) wholePolicy(p *perch.Policy, root *document.Node) {
	if secrets := root.Get("secrets"); secrets != nil {
		d.separateSecrets(p.Secrets, "secrets", secrets)
	}
	if names := root.Get("repository"); names != nil && names.Shape == document.List {
		p.FormerNames = []string{}
		for _, former := range names.Items[min(1, len(names.Items)):] {
			p.FormerNames = append(p.FormerNames, former.Text)
		}
	}
	derive(p)
	if e := p.Expiry; e.Max != 0 && e.Idle > e.Max {
		d.Fail(
			root.At("expiry", "max"),
			"expiry.max is %s and expiry.idle is %s; expiry.max must not be shorter than expiry.idle",
			e.Max, e.Idle,
		)
	}
	for _, life := range []struct {
		key   string
		hours perch.Hours
	}{{"idle", p.Expiry.Idle}, {"max", p.Expiry.Max}} {
		if life.hours != 0 && p.Expiry.Warn >= life.hours {
			d.Fail(root.At("expiry", "warn"), "expiry.warn is %s and expiry.%s is %s; people must not be warned as "+
				"soon as an environment is deployed: set expiry.warn to less than that",
				p.Expiry.Warn, life.key, life.hours)
		}
	}
	if at := root.Get("reports"); at != nil && at.Get("github") != nil && p.Source.GitHub == nil {
		d.Fail(at.Get("github"), "reports.github needs `source.github`: without it no repository on GitHub is known")
	}
	if at := root.Get("on_pr_close"); at != nil && p.OnPRClose == perch.OnPRCloseRemove {
		switch {
		case p.Source.GitHub == nil:
			d.Fail(at, "on_pr_close is remove, and that needs `source.github`: only GitHub has pull requests")
		case !p.Allows(perch.TriggerWebhook):
			d.Fail(at, "on_pr_close is remove, and that needs webhook in `triggers`, such as [ci, webhook]")
		}
	}
}

// derive fills in values that the policy leaves out and that follow from other keys.
func derive(p *perch.Policy) {
	if p.Repository == "" {
		p.Repository = p.Source.Git
		if p.Source.GitHub != nil {
			p.Repository = p.Source.GitHub.Address()
		}
	}
	p.Repository = perch.NormalizeRepository(p.Repository)
	for i, name := range p.FormerNames {
		p.FormerNames[i] = perch.NormalizeRepository(name)
	}
	if p.Network.DatabaseSubnets == nil {
		p.Network.DatabaseSubnets = p.Network.Subnets
	}
	if p.Images.Registries == nil {
		p.Images.Registries = p.DefaultRegistries()
	}
	if p.Triggers == nil {
		p.Triggers = []perch.Trigger{perch.TriggerCI}
	}
	if p.Kinds == nil {
		p.Kinds = map[perch.Kind][]string{perch.KindBranch: {"*"}}
	}
}
