package activities

import (
	"strings"
	"testing"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/sandbox/aws"
)

// single is a perch.yaml whose environments have no load balancer.
var single = strings.Replace(testConfig, "load_balancer: shared", "load_balancer: none", 1)

func TestS193TheQuotaOfElasticIPAddressesIsAskedFirst(t *testing.T) {
	w := newWorldOf(t, aws.Config{Speed: 1e6, Addresses: 1})
	w.apply()
	files := map[string]string{"perch.yaml": single, "fixtures/media/a.txt": "a"}
	w.repo.commit("main", files)
	detail := w.examine()[perch.CheckAddresses]
	activitytest.WantWords(
		t,
		detail.Detail,
		"0 of 1 Elastic IP addresses are taken; each environment with `load_balancer: none` needs one",
	)
	first := w.repo.commit("login", files)
	w.up("login", first)
	if again := w.admit(w.request("login", first)); again.Outcome != "" {
		t.Errorf("the environment that has the address is rejected: %+v", again)
	}
	broken := w.examine()[perch.CheckAddresses]
	if activitytest.WantWords(
		t, broken.Detail, "1 of 1 Elastic IP addresses are taken", "higher quota", "EC2-VPC Elastic IPs",
	); broken.OK {
		t.Error("the check is in order")
	}
	creations := w.calls("cloudformation", "CreateStack")
	_, err := activitytest.Try(
		of[*Requests](w).Admit, contract.AdmitInput{Request: w.request("topic", w.repo.commit("topic", files))},
	)
	activitytest.WantFinal(
		t,
		err,
		perch.ErrorInvalid,
		"needs an Elastic IP address, and all 1 of region eu-central-1 are taken",
		"higher quota",
	)
	if made := w.calls("cloudformation", "CreateStack"); made != creations {
		t.Errorf("%d stacks were made", made-creations)
	}
}

func TestS193AFullQuotaIsNotAFaultIfNothingNeedsAnAddress(t *testing.T) {
	w := newWorldOf(t, aws.Config{Speed: 1e6, Addresses: 1})
	w.apply()
	files := map[string]string{"perch.yaml": testConfig, "fixtures/media/a.txt": "a"}
	shared := w.repo.commit("main", files)
	w.up("login", w.repo.commit("login", map[string]string{"perch.yaml": single, "fixtures/media/a.txt": "a"}))
	w.repo.point("main", shared)
	check := w.examine()[perch.CheckAddresses]
	if activitytest.WantWords(
		t, check.Detail, "1 of 1", "only environments with `load_balancer: none` need one",
	); !check.OK {
		t.Error("the check is not in order")
	}
	w.fault(
		aws.Fault{
			Service: "ec2", Action: "DescribeAddresses", Status: 403, Code: "UnauthorizedOperation", Message: "no",
		},
	)
	other := w.repo.commit("topic", map[string]string{"perch.yaml": single, "fixtures/media/a.txt": "a"})
	if admitted := w.admit(w.request("topic", other)); admitted.Prepared == nil {
		t.Errorf("without an answer: %+v", admitted)
	}
}
