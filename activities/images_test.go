package activities

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/admit"
	"perch/activities/contract"
	"perch/activities/probe"
	"perch/sandbox/aws"
)

const loginImage = "registry.example.com/shop:1"

// imageConfig is testConfig with an image that has no commit in it.
var imageConfig = strings.Replace(testConfig, "registry.example.com/shop:{commit}", loginImage, 1)

// newImageWorld is a world with its application stack, and a commit of login with the
// configuration.
func newImageWorld(t *testing.T, config string) (w *world, commit string) {
	t.Helper()
	w = newWorld(t)
	w.apply()
	return w, w.repo.commit("login", map[string]string{"perch.yaml": config, "fixtures/media/logo.svg": "<svg/>"})
}

func TestS200AdmitPreparesNothingWhileTheImageIsMissing(t *testing.T) {
	w, commit := newImageWorld(t, imageConfig)
	missing := w.fault(
		aws.Fault{Service: "registry", Contains: loginImage, Status: http.StatusNotFound, Code: "MANIFEST_UNKNOWN"},
	)
	before := len(w.mutations())
	admitted := w.admit(w.request("login", commit))
	if admitted.MissingImage != loginImage || admitted.ImageWaitSeconds != 900 || admitted.Prepared != nil ||
		admitted.Outcome != "" {
		t.Errorf("%+v", admitted)
	}
	if made := w.mutations()[before:]; len(made) != 0 {
		t.Errorf("calls that change: %v", made)
	}
	w.aws.DeleteFault(missing)
	if out := must(
		w, of[*Images](w).AwaitImage, contract.ImageInput{Image: loginImage, PatienceSeconds: 900},
	); !out.Found {
		t.Errorf("%+v", out)
	}
}

func TestS201TheWaitForAnImageEnds(t *testing.T) {
	w, _ := newImageWorld(t, imageConfig)
	w.fault(aws.Fault{Service: "registry", Contains: loginImage, Status: http.StatusNotFound, Code: "MANIFEST_UNKNOWN"})
	_, err := activitytest.Try(
		of[*Images](w).AwaitImage, contract.ImageInput{Branch: "login", Commit: "abc", Image: loginImage},
	)
	activitytest.WantFinal(
		t,
		err,
		perch.ErrorImageMissing,
		"image "+loginImage+" is not in its registry",
		"build of commit abc",
		"`perch up login`",
	)
}

func TestS204TheDigestIsDeployed(t *testing.T) {
	w, commit := newImageWorld(t, imageConfig)
	digest, err := w.registry.PutVersion(loginImage, "1", "amd64")
	if err != nil {
		t.Fatal(err)
	}
	first := w.render("login", commit)
	allowed, _ := w.admission("login")
	if want := "registry.example.com/shop@" + digest; allowed.Pinned != want || allowed.Image != loginImage {
		t.Errorf("%+v, want %s", allowed, want)
	}
	if again := w.render("login", commit); again.Hash != first.Hash {
		t.Error("the same image makes another template")
	}
	outage := w.fault(
		aws.Fault{Service: "registry", Contains: loginImage, Status: http.StatusBadGateway, Code: "UNAVAILABLE"},
	)
	if again := w.render("login", commit); again.Hash != first.Hash {
		t.Error("an outage of the registry makes another template")
	}
	w.aws.DeleteFault(outage)
	if _, err := w.registry.PutVersion(loginImage, "2", "amd64"); err != nil {
		t.Fatal(err)
	}
	if again := w.render("login", commit); again.Hash == first.Hash {
		t.Error("a request after the tag has moved does not deploy the new image")
	}
}

func TestS205AnImageForAnotherProcessorIsRejected(t *testing.T) {
	w, commit := newImageWorld(t, strings.Replace(imageConfig, "t3.small", "m7g.large", 1))
	if _, err := w.registry.Put(loginImage, "amd64"); err != nil {
		t.Fatal(err)
	}
	admitted := w.admit(w.request("login", commit))
	if admitted.Rejection == nil {
		t.Fatalf("%+v", admitted)
	}
	activitytest.WantWords(
		t, said(admitted), "image "+loginImage+" is for linux/amd64, and instance_type m7g.large needs linux/arm64",
	)
	if _, err := w.registry.Put(loginImage, "amd64", "arm64"); err != nil {
		t.Fatal(err)
	}
	w.render("login", commit)
}

func TestS206ARegistryThatIsNotAskedIsAWarning(t *testing.T) {
	w, commit := newImageWorld(t, strings.Replace(imageConfig, "registry.example.com", "quay.io", 1))
	admitted := w.admit(w.request("login", commit))
	if admitted.Prepared == nil || len(admitted.Warnings) != 1 {
		t.Fatalf("%+v", admitted)
	}
	activitytest.WantWords(
		t, admitted.Warnings[0], "quay.io is not in `images.registries`", "it is deployed as it is written",
	)
	if allowed, _ := w.admission("login"); allowed.Pinned != "quay.io/shop:1" {
		t.Errorf("%+v", allowed)
	}
	if asked := w.calls("registry", "GetManifest"); asked != 0 {
		t.Errorf("the registry was asked %d times", asked)
	}
}

func TestTheLoginForECRIsForTheWorkersOwnRegistry(t *testing.T) {
	const (
		own   = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
		other = "210987654321.dkr.ecr.eu-central-1.amazonaws.com"
	)
	w, commit := newImageWorld(t, strings.Replace(imageConfig, "registry.example.com", own, 1))
	if admitted := w.admit(w.request("login", commit)); len(admitted.Warnings) != 0 ||
		w.calls("ecr", "GetAuthorizationToken") != 1 {
		t.Errorf("%+v, %d logins", admitted, w.calls("ecr", "GetAuthorizationToken"))
	}
	w.policy.Images.Registries = append(w.policy.Images.Registries, other)
	images := admit.NewImages(w.config, w.policy, 0)
	if _, err := images.Look(t.Context(), other+"/shop:1"); err == nil ||
		!strings.Contains(err.Error(), "it denies access (401)") {
		t.Errorf("error = %v", err)
	}
	if got := w.calls("ecr", "GetAuthorizationToken"); got != 1 {
		t.Errorf("%d logins, want only the first", got)
	}
	w.fault(
		aws.Fault{
			Service: "ecr",
			Action:  "GetAuthorizationToken",
			Status:  http.StatusBadRequest,
			Code:    "AccessDeniedException",
			Message: "no",
		},
	)
	admitted := w.admit(w.request("login", commit))
	if len(admitted.Warnings) != 1 {
		t.Fatalf("%+v", admitted)
	}
	activitytest.WantWords(
		t,
		admitted.Warnings[0],
		"the worker's role lacks ecr:GetAuthorizationToken",
		"the digest that was found last is deployed",
	)
}

func TestACustomTemplatesImageIsLookedUpOnlyIfItTakesIt(t *testing.T) {
	missing := aws.Fault{
		Service:  "registry",
		Contains: "registry.example.com/shop",
		Status:   http.StatusNotFound,
		Code:     "MANIFEST_UNKNOWN",
	}
	for name, test := range map[string]struct {
		parameter, given string
		taken            bool
	}{
		"no parameter takes it":           {"Other: {Type: String, Default: x}", "", false},
		"a parameter of the name":         {"Image: {Type: String}", "", true},
		"a placeholder":                   {"Container: {Type: String}", `, Container: "{image}"`, true},
		"the name means something else":   {"Image: {Type: String}", ", Image: ami-1", false},
		"a placeholder of something else": {"Container: {Type: String}", `, Container: "{commit}"`, false},
	} {
		t.Run(name, func(t *testing.T) {
			w, commit := newCustomWorld(t, map[string]string{
				"deploy/template.yaml": strings.Replace(customTemplate, "  Size:", "  "+test.parameter+"\n  Size:", 1),
				"perch.yaml": strings.Replace(
					customConfig, `.example.com"}`, `.example.com"`+test.given+"}", 1,
				),
			})
			id := w.fault(missing)
			if admitted := w.admit(w.request("login", commit)); (admitted.MissingImage != "") != test.taken {
				t.Errorf("%+v", admitted)
			}
			w.aws.DeleteFault(id)
			w.render("login", commit)
			allowed, address := w.admission("login")
			if pinned := strings.Contains(allowed.Pinned, "@sha256:"); pinned != test.taken {
				t.Errorf("%+v", allowed)
			}
			parameters := w.stored(strings.Replace(address, ".json", ".parameters.json", 1))
			if filled := strings.Contains(parameters, allowed.Pinned); filled != test.taken {
				t.Errorf("the parameters are %s", parameters)
			}
		})
	}
}

func TestRegistriesAreAtPublicAddressesUnlessThePolicySaysOtherwise(t *testing.T) {
	private := []netip.Prefix{netip.MustParsePrefix("10.20.0.0/16"), netip.MustParsePrefix("169.254.0.0/16")}
	for address, want := range map[string]struct{ public, within, endpoint bool }{
		"3.120.0.1":              {true, true, true},
		"2001:4860:4860::8888":   {true, true, true},
		"10.20.0.1":              {false, true, true},
		"::ffff:10.20.0.1":       {false, true, true},
		"10.21.0.1":              {false, false, true},
		"127.0.0.1":              {false, false, true},
		"::1":                    {false, false, true},
		"100.64.0.1":             {false, false, true},
		"169.254.169.254":        {false, false, false},
		"::ffff:169.254.169.254": {false, false, false},
		"fe80::1":                {false, false, false},
		"fd00:ec2::254":          {false, false, false},
	} {
		at := netip.MustParseAddr(address)
		for _, one := range []struct {
			admits   func(netip.Addr) error
			admitted bool
		}{
			{probe.Reach{}.Registry(false), want.public}, {probe.Reach{Private: private}.Registry(false), want.within},
			{probe.Reach{}.Registry(true), want.endpoint},
		} {
			if err := one.admits(at); (err == nil) != one.admitted {
				t.Errorf("%s: %v", address, err)
			}
		}
	}
}
