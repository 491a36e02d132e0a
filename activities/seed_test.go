package activities

import (
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/activities/seed"
	"perch/sandbox/aws"
)

// seedWorld is a world with an environment of login at a commit with fixtures.
func seedWorld(t *testing.T, config string) (w *world, in seed.Deployed) {
	t.Helper()
	w = newWorld(t)
	w.policy.Seeds.From = []string{"s3://shop-seeds/public/"}
	w.apply()
	commit := w.repo.commit("login", map[string]string{
		"perch.yaml": config, "fixtures/media/a.txt": "a", "fixtures/media/photos/b.png": "b",
		"fixtures/other/c.txt": "c",
	})
	return w, seed.Deployed{SeedInput: contract.SeedInput{
		Environment: activitytest.Environment("shop", "login"), Commit: commit, StackID: w.up("login", commit),
	}}
}

// objects are the keys of the environment's bucket that perch.yaml calls name, and their contents.
func (w *world) objects(stackID, name string) map[string]string {
	w.t.Helper()
	bucket, err := of[*Seeds](w).environments.Bucket(w.t.Context(), stackID, name)
	if err != nil {
		w.t.Fatal(err)
	}
	list, err := w.s3().ListObjectsV2(w.t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
	if err != nil {
		w.t.Fatal(err)
	}
	contents := map[string]string{}
	for _, object := range list.Contents {
		out, err := w.s3().GetObject(w.t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: object.Key})
		if err != nil {
			w.t.Fatal(err)
		}
		body, err := io.ReadAll(out.Body)
		if err != nil {
			w.t.Fatal(err)
		}
		contents[*object.Key] = string(body)
	}
	return contents
}

func TestSeedDataCopiesAFolderOfTheCommitOnceForEachStack(t *testing.T) {
	w, in := seedWorld(t, testConfig)
	want := contract.SeedResult{
		Seeded: true, Objects: 2, Steps: []perch.SeedDone{{Step: "s3 fixtures/media", Objects: 2}},
	}
	if diff := cmp.Diff(want, must(w, of[*Seeds](w).environments.SeedDeployed, in)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got, want := w.objects(
		in.StackID, "private-assets",
	), map[string]string{"a.txt": "a", "photos/b.png": "b"}; !maps.Equal(got, want) {
		t.Errorf("the bucket holds %v", got)
	}
	puts := w.calls("s3", "PutObject")
	if out := must(w, of[*Seeds](w).environments.SeedDeployed, in); out.Seeded || out.Steps != nil {
		t.Errorf("seeded again: %+v", out)
	}
	in.Commit = w.repo.commit("login", map[string]string{"fixtures/media/later.txt": "later"})
	if out := must(w, of[*Seeds](w).environments.SeedDeployed, in); out.Seeded {
		t.Errorf("seeded again for another commit: %+v", out)
	}
	if w.calls("s3", "PutObject") != puts {
		t.Error("something was written again")
	}
	if seed.Mark("arn:x:stack/shop-login/1", nil, w.step()) == seed.Mark("arn:x:stack/shop-login/2", nil, w.step()) {
		t.Error("a recreated stack would not be seeded")
	}
}

func TestS70ASeedStepThatBreaksOffIsDoneAgainAndAFinishedOneIsNot(t *testing.T) {
	config := testConfig + "  - s3: {from: fixtures/other, to: assets/below}\n"
	w, in := seedWorld(t, config)
	w.fault(aws.Fault{
		Service: "s3", Action: "PutObject", Contains: "below/c.txt", Status: 503, Code: "SlowDown",
		Message: "Reduce your request rate.", Count: 1,
	})
	_, err := activitytest.Try(of[*Seeds](w).environments.SeedDeployed, in)
	activitytest.WantRetry(t, err, "write seed object below/c.txt", "SlowDown")
	if out := must(w, of[*Seeds](w).environments.SeedDeployed, in); !out.Seeded || out.Objects != 1 {
		t.Errorf("the second try did %+v", out)
	}
	if got := w.objects(in.StackID, "assets"); !maps.Equal(got, map[string]string{"below/c.txt": "c"}) {
		t.Errorf("the bucket holds %v", got)
	}
}

func TestS70ASeedStepThatCannotBeDoneSaysSo(t *testing.T) {
	for name, c := range map[string]struct {
		from, kind string
		words      []string
	}{
		"no such folder": {
			"fixtures/none", perch.ErrorSeedFailed,
			[]string{`seed step from "fixtures/none"`, "has no files there", "correct `from` in perch.yaml"},
		},
		"a file, no folder": {"fixtures/media/a.txt", perch.ErrorSeedFailed, []string{"has no files there"}},
		"no such bucket": {
			"s3://shop-seeds/public/", perch.ErrorSeedFailed,
			[]string{"s3://shop-seeds/public/", "there is no bucket shop-seeds"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, in := seedWorld(t, strings.Replace(testConfig, "fixtures/media", c.from, 1))
			_, err := activitytest.Try(of[*Seeds](w).environments.SeedDeployed, in)
			activitytest.WantFinal(t, err, c.kind, c.words...)
		})
	}
}

func TestSeedDataCopiesAnS3PrefixAndNothingThatOnlyBeginsLikeIt(t *testing.T) {
	w, in := seedWorld(t, strings.Replace(testConfig, "{from: fixtures/media,", `{from: "s3://shop-seeds/public",`, 1))
	w.makeBucket("shop-seeds")
	_, err := activitytest.Try(of[*Seeds](w).environments.SeedDeployed, in)
	activitytest.WantFinal(t, err, perch.ErrorSeedFailed, "there is no object under it")
	for _, key := range []string{"public/", "public/a b+c.txt", "public/é/d", "public-not/secret.txt", "other"} {
		if _, err := w.s3().PutObject(
			t.Context(), &s3.PutObjectInput{Bucket: sdk.String("shop-seeds"), Key: &key, Body: strings.NewReader(key)},
		); err != nil {
			t.Fatal(err)
		}
	}
	if out := must(w, of[*Seeds](w).environments.SeedDeployed, in); !out.Seeded || out.Objects != 2 {
		t.Errorf("got %+v", out)
	}
	if got := slices.Sorted(maps.Keys(w.objects(in.StackID, "private-assets"))); !slices.Equal(
		got, []string{"a b+c.txt", "é/d"},
	) {
		t.Errorf("the bucket holds %q", got)
	}
}

// step is the seed step of testConfig.
func (w *world) step() perch.SeedStep {
	return perch.SeedStep{S3: &perch.SeedS3{From: "fixtures/media", To: "private-assets"}}
}

const lfsPointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"

func TestS117ASeedFolderIsCheckedBeforeTheFirstObjectIsWritten(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(w *world)
		words   []string
	}{
		"a Git LFS pointer": {
			func(w *world) { w.repo.commit("login", map[string]string{"fixtures/media/z.png": lfsPointer}) },
			[]string{"fixtures/media/z.png", "Git LFS pointer"},
		},
		"a symbolic link": {
			func(w *world) { w.repo.link("fixtures/media/z.png", "a.txt") },
			[]string{"fixtures/media/z.png", "symbolic link"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.apply()
			w.repo.commit("login", map[string]string{"perch.yaml": testConfig, "fixtures/media/a.txt": "a"})
			c.prepare(w)
			commit := w.repo.commit("login", nil)
			id := w.up("login", commit)
			puts := w.calls("s3", "PutObject")
			_, err := activitytest.Try(
				of[*Seeds](w).SeedData,
				contract.SeedInput{Environment: activitytest.Environment("shop", "login"), Commit: commit, StackID: id},
			)
			activitytest.WantFinal(t, err, perch.ErrorSeedFailed, append(c.words, "nothing was copied")...)
			if w.calls("s3", "PutObject") != puts {
				t.Error("an object was written")
			}
		})
	}
}

func TestS118AFaultOfTheCommitRejectsAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(w *world)
		words   []string
	}{
		"a link": {
			func(w *world) { w.repo.link("perch.yaml", "other.yaml") }, []string{"perch.yaml", "symbolic link"},
		},
		"a folder": {
			func(w *world) { w.repo.commit("login", map[string]string{"perch.yaml/x": "1"}) },
			[]string{"perch.yaml", "folder"},
		},
		"a Git LFS pointer": {
			func(w *world) { w.repo.commit("login", map[string]string{"perch.yaml": lfsPointer}) },
			[]string{"perch.yaml", "Git LFS pointer"},
		},
		"too large": {
			func(w *world) { w.repo.commit("login", map[string]string{"perch.yaml": strings.Repeat("#", 17<<20)}) },
			[]string{"perch.yaml", "at most"},
		},
		"undecodable": {
			func(w *world) { w.repo.commit("login", map[string]string{"perch.yaml": "project: \xff\xfe"}) },
			[]string{"perch.yaml", "UTF-8"},
		},
		"a template that is a folder": {func(w *world) {
			w.repo.commit("login", map[string]string{"perch.yaml": customConfig, "deploy/template.yaml/x": "1"})
		}, []string{"deploy/template.yaml", "folder"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.apply()
			c.prepare(w)
			admitted := w.admit(w.request("login", w.repo.commit("login", nil)))
			if admitted.Rejection == nil {
				t.Errorf("admitted %+v", admitted)
			}
			activitytest.WantWords(t, said(admitted), c.words...)
		})
	}
}

func TestS118ABodyThatIsNotAFileFailsItsStepAtOnce(t *testing.T) {
	w, in := laterWorld(t, "  - http: {path: /seed, body: fixtures/media}\n")
	_, err := activitytest.Try(of[*Seeds](w).environments.SeedDeployed, in)
	activitytest.WantFinal(t, err, perch.ErrorSeedFailed, "fixtures/media", "is a folder and not a file")
}
