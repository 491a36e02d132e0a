package doctor

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/acm/types"
)

func TestCertificatesAreJudgedByStatusAndNames(t *testing.T) {
	for name, c := range map[string]struct {
		status types.CertificateStatus
		names  []string
		want   string
	}{
		"issued":   {types.CertificateStatusIssued, []string{"*.preview.example.com"}, ""},
		"for more": {types.CertificateStatusIssued, []string{"example.com", "*.Preview.Example.com"}, ""},
		"for one name": {
			types.CertificateStatusIssued, []string{"preview.example.com"},
			"is for preview.example.com and not for *.preview.example.com",
		},
		"for another domain": {
			types.CertificateStatusIssued, []string{"*.example.com"},
			"is for *.example.com and not for *.preview.example.com",
		},
		"waiting": {
			types.CertificateStatusPendingValidation, []string{"*.preview.example.com"},
			"is PENDING_VALIDATION: check that the domain's name servers are those of its hosted zone",
		},
		"expired": {
			types.CertificateStatusExpired, []string{"*.preview.example.com"}, "is EXPIRED: see why",
		},
		"one that never worked": {
			types.CertificateStatusFailed, []string{"*.preview.example.com"}, "is FAILED: see why",
		},
	} {
		_, err := explainCertificate(
			types.CertificateDetail{DomainName: &c.names[0], SubjectAlternativeNames: c.names[1:], Status: c.status},
			"*.preview.example.com",
		)
		if (err != nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
