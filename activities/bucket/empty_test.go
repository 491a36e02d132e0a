package bucket

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/pulse"
	storageservice "perch/sandbox/aws/s3"
)

// targetRequests is the most requests that n versions and markers may cost.
func targetRequests(n int) int { return 2*((n+999)/1000) + 10 }

func TestS35VersionsMarkersAndNullVersionsAreDeletedInFullRequests(t *testing.T) {
	s := newStorage(t, storageservice.Config{}, "")
	for i := range 300 {
		s.put(fmt.Sprintf("before/%d", i))
	}
	s.version("Enabled")
	s.fill(2600)
	s.version("Suspended")
	for i := range 300 {
		s.put(fmt.Sprintf("after/%d", i))
	}
	s.wantEmptied(3200)
	if lists, deletes := s.count("ListObjectVersions"), s.count("DeleteObjects"); lists != 4+1 || deletes != 4 {
		t.Errorf("%d listings and %d deletions, want 4 and 1 to prove it, and 4", lists, deletes)
	}
}

func TestRequestsStayWithinTheTarget(t *testing.T) {
	for _, n := range []int{0, 1, 999, 1000, 1001, 21000} {
		s := newStorage(t, storageservice.Config{}, "Enabled")
		s.fill(n)
		s.wantEmptied(n)
		if got := s.requests(); got > targetRequests(n) {
			t.Errorf("%d versions took %d requests, more than %d: %v", n, got, targetRequests(n), s.calls)
		}
	}
}

func TestS36OnlyKeysThatFailedTemporarilyAreTriedAgain(t *testing.T) {
	var failures atomic.Int64
	s := newStorage(t, storageservice.Config{FailKey: func(_, key string) (string, string) {
		codes := map[byte]string{'3': "SlowDown", '6': "InternalError", '9': "RequestTimeout"}
		if code := codes[key[len(key)-1]]; code != "" && failures.Add(1) <= 400 {
			return code, "Please try again."
		}
		return "", ""
	}}, "Enabled")
	s.fill(3000)
	s.wantEmptied(3000)
	if s.doomed != 3400 {
		t.Errorf("%d keys were sent, want 3,000 and the 400 that failed", s.doomed)
	}
}

func TestS37KeysUnderALockAreNamedAndNotTriedAgain(t *testing.T) {
	s := newStorage(t, storageservice.Config{FailKey: func(_, key string) (string, string) {
		if strings.HasPrefix(key, "media/00001") {
			return "AccessDenied", "Access Denied because object protected by object lock."
		}
		return "", ""
	}}, "Enabled")
	s.fill(1500)
	a := s.empty(t.Context(), nil)
	activitytest.WantFinal(
		t, a.err, perch.ErrorDenied, bucketName, `"media/0000100" version`, "object protected by object lock",
		"and 295 more", "lift the lock", "perch down --force",
	)
	if calls := s.count("DeleteObjects"); calls > 2 {
		t.Errorf("%d requests to delete, want no second try", calls)
	}
	if a.beat.KeyMarker != "" {
		t.Errorf("the heartbeat says that everything before %q is deleted", a.beat.KeyMarker)
	}
}

func TestS37ADeniedCallNamesTheCall(t *testing.T) {
	for _, operation := range []string{
		"GetBucketTagging", "PutBucketPolicy", "ListMultipartUploads", "ListObjectVersions", "DeleteObjects",
	} {
		s := newStorage(t, storageservice.Config{}, "Enabled")
		s.fill(3)
		s.before = s.answer(operation, http.StatusForbidden, "AccessDenied", "User is not authorized to perform it")
		activitytest.WantFinal(
			t, s.empty(t.Context(), nil).err, perch.ErrorDenied, bucketName, "User is not authorized", "permission",
		)
		if s.count(operation) != 1 {
			t.Errorf("%s was tried %d times", operation, s.count(operation))
		}
	}
}

func TestS40ABucketThatIsDeletedMeanwhileIsEmptyAtEveryStep(t *testing.T) {
	for _, operation := range []string{
		"GetBucketTagging", "PutBucketPolicy", "ListMultipartUploads", "AbortMultipartUpload", "ListObjectVersions",
		"DeleteObjects",
	} {
		s := newStorage(t, storageservice.Config{}, "Enabled")
		s.fill(3)
		s.direct(http.MethodPost, address("upload")+"?uploads", "")
		s.before = s.answer(operation, http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist")
		if a := s.empty(t.Context(), nil); a.err != nil || s.count(operation) == 0 {
			t.Errorf("gone at %s: %v after %v", operation, a.err, s.calls)
		}
	}
}

func TestS41ABucketInAnotherRegionIsAskedThere(t *testing.T) {
	for status, code := range map[int]string{301: "PermanentRedirect", 400: "AuthorizationHeaderMalformed"} {
		s := newStorage(t, storageservice.Config{}, "Enabled")
		s.fill(1200)
		reject := s.answer("", status, code, "The bucket is in another region")
		s.before = func(operation string, w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("X-Amz-Bucket-Region", "eu-west-1")
			return !strings.Contains(r.Header.Get("Authorization"), "/eu-west-1/s3/") && reject("", w, r)
		}
		s.wantEmptied(1200)
		if s.count("GetBucketTagging") != 2 {
			t.Errorf(
				"%s: %d calls to find the region, want the one that failed and the one that did not", code,
				s.count("GetBucketTagging"),
			)
		}
	}
}

func TestS42ABucketThatIsNotTheStacksIsNeverTouched(t *testing.T) {
	const other = "arn:aws:cloudformation:eu-central-1:123456789012:stack/shop-main/" +
		"00000000-0000-11f0-8000-000000000000"
	const foreign = "elasticbeanstalk-eu-central-1-123456789012"
	for name, stack := range map[string]string{"another stack's": other, "without tags": ""} {
		t.Run(name, func(t *testing.T) {
			s := newStorage(t, storageservice.Config{}, "Enabled")
			s.create(foreign, stack, nil)
			s.direct(http.MethodPut, "/"+foreign+"/shop.zip", "x")
			s.before = describes(other)
			_, err := activitytest.Try(emptyAt(s.url), emptyInput{Bucket: foreign, StackID: bucketStack})
			activitytest.WantFinal(t, err, perch.ErrorInvalid, foreign, "not emptied")
			if s.requests()-s.count("") != 1 || s.count("GetBucketTagging") != 1 {
				t.Errorf("calls: %v", s.calls)
			}
			s.direct(http.MethodGet, "/"+foreign+"/shop.zip", "")
		})
	}
}

// describes answers CloudFormation's DescribeStacks with a stack that has this root.
func describes(root string) func(string, http.ResponseWriter, *http.Request) bool {
	return func(_ string, w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPost || r.URL.Path != "/" {
			return false
		}
		_, _ = fmt.Fprintf(w, `<DescribeStacksResponse `+
			`xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult><Stacks><member>`+
			`<StackName>shop-login-Media</StackName><StackStatus>CREATE_COMPLETE</StackStatus><RootId>%s</RootId></`+
			`member></Stacks></DescribeStacksResult></DescribeStacksResponse>`, root)
		return true
	}
}

func TestAnInvalidStackIDIsRejectedBeforeAnyCall(t *testing.T) {
	s := newStorage(t, storageservice.Config{}, "")
	_, err := activitytest.Try(emptyAt(s.url), emptyInput{Bucket: bucketName, StackID: "shop-login"})
	activitytest.WantFinal(t, err, perch.ErrorInvalid, "shop-login", "not an ARN")
	if s.requests() != 0 {
		t.Errorf("calls: %v", s.calls)
	}
}

func TestABucketOfANestedStackIsTheStacks(t *testing.T) {
	const child = "arn:aws:cloudformation:eu-central-1:123456789012:stack/shop-login-Media/" +
		"00000000-0000-11f0-8000-000000000000"
	for root, owned := range map[string]bool{bucketStack: true, child: false} {
		s := newStorage(t, storageservice.Config{}, "Enabled")
		s.create("nested", child, nil)
		s.before = describes(root)
		if _, err := activitytest.Try(
			emptyAt(s.url), emptyInput{Bucket: "nested", StackID: bucketStack},
		); (err == nil) != owned {
			t.Errorf("root %s: %v", root, err)
		}
	}
}

func TestS43KeysOfAnyKindAreDeleted(t *testing.T) {
	keys := []string{
		"line\nbreak", "return\rcarriage", "tab\t", "a&b<c>d\"e'f", "/leading", "double//slash", "trailing/",
		" space + plus%20percent", "?query#fragment",
		"control\x01\x1f\x7f", "\x02", "next\u0085line\u2028", "\ufffe", "é漢🦅", strings.Repeat("🦅", 256),
		strings.Repeat("k", 1024), "../up", "a/./b",
	}
	s := newStorage(t, storageservice.Config{}, "Enabled")
	for _, key := range keys {
		s.put(key)
		s.remove(key)
	}
	s.wantEmptied(2 * len(keys))
}

func TestS44UnfinishedUploadsAreAborted(t *testing.T) {
	s := newStorage(t, storageservice.Config{}, "Enabled")
	s.put("object")
	for i := range 1100 {
		s.direct(http.MethodPost, address(fmt.Sprintf("upload %d\n", i))+"?uploads", "")
	}
	s.wantEmptied(1)
	if aborted := s.count("AbortMultipartUpload"); aborted != 1100 {
		t.Errorf("%d aborted", aborted)
	}
}

func TestWritesAreDeniedBeforeAnythingIsDeleted(t *testing.T) {
	s := newStorage(t, storageservice.Config{}, "Enabled")
	s.put("a")
	denied := 0
	s.before = func(operation string, _ http.ResponseWriter, _ *http.Request) bool {
		if operation == "DeleteObjects" && s.calls["PutBucketPolicy"] == 1 {
			denied++
		}
		return false
	}
	s.wantEmptied(1)
	policy := s.direct(http.MethodGet, "/"+bucketName+"?policy", "").Body.String()
	if denied != 1 || !strings.Contains(policy, `"Deny"`) ||
		!strings.Contains(policy, "arn:aws:s3:::"+bucketName+"/*") {
		t.Errorf("policy %s", policy)
	}
}

func TestABucketThatIsFilledWhileItIsEmptiedIsEmptiedAgainOrNamed(t *testing.T) {
	for _, c := range []struct{ writes, want int }{{3, 4}, {1 << 30, 0}} {
		s := newStorage(t, storageservice.Config{}, "Enabled")
		s.put("log-0")
		writes := 0
		s.before = func(operation string, _ http.ResponseWriter, _ *http.Request) bool {
			if operation == "DeleteObjects" && writes < c.writes {
				writes++
				s.direct(http.MethodDelete, "/"+bucketName+"?policy", "")
				s.put(fmt.Sprintf("log-%d", writes))
			}
			return false
		}
		if c.want > 0 {
			s.wantEmptied(c.want)
			continue
		}
		activitytest.WantRetry(
			t, s.empty(t.Context(), nil).err, bucketName, "10 listings in a row were not empty", "log-9",
			"stop what writes",
		)
	}
}

func TestS39AnotherWorkerGoesOnWhereTheFirstDied(t *testing.T) {
	const n = 20000
	s := newStorage(t, storageservice.Config{}, "Enabled")
	s.fill(n)
	life, die := context.WithCancel(t.Context())
	s.before = func(operation string, _ http.ResponseWriter, _ *http.Request) bool {
		if operation == "DeleteObjects" && s.doomed >= n*6/10 {
			die()
		}
		return false
	}
	first := s.empty(life, nil)
	if first.err == nil || first.beat.Status != "EMPTYING" || first.beat.KeyMarker == "" || first.beat.Done < n/2 {
		t.Fatalf("the first worker left %+v and error %v", first.beat, first.err)
	}
	s.forget()
	second := s.empty(t.Context(), &first.beat)
	s.wantEmpty()
	if second.err != nil || second.Objects > n || second.Objects < n-mostRequests*deleteBatch {
		t.Errorf("second worker: %d removed in all, error %v", second.Objects, second.err)
	}
	if left := n - first.beat.Done; s.doomed > left || s.count("ListObjectVersions") > left/deleteBatch+2 {
		t.Errorf(
			"the second worker sent %d keys and listed %d times where %d were left", s.doomed,
			s.count("ListObjectVersions"), left,
		)
	}
}

func TestAWorkerThatStopsLeavesTheBucketToAnother(t *testing.T) {
	s := newStorage(t, storageservice.Config{}, "Enabled")
	s.fill(2000)
	stopping := make(chan struct{})
	s.before = func(operation string, _ http.ResponseWriter, r *http.Request) bool {
		if operation == "DeleteObjects" {
			close(stopping)
			s.before = nil
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		}
		return false
	}
	env := activitytest.NewEnvironment()
	env.SetWorkerStopChannel(stopping)
	_, err := activitytest.TryIn(env, emptyAt(s.url), emptyInput{Bucket: bucketName, StackID: bucketStack})
	activitytest.WantRetry(t, err, pulse.ErrStopping.Error())
}
