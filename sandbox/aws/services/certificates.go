package services

import (
	"net/http"
	"slices"

	"github.com/google/uuid"

	"perch/sandbox/aws/wire"
)

const typeCertificate = "AWS::CertificateManager::Certificate"

var certificateKinds = map[string]kind{
	typeCertificate: {service: "Acm", prepare: prepareCertificate, settle: issueCertificate},
}

func prepareCertificate(s *Service, rec *record) error {
	if rec.Properties.text("DomainName") == "" {
		return invalidRequest("Acm", "Value null at 'domainName' failed to satisfy constraint: Member must not be null")
	}
	if rec.ID == "" {
		rec.ARN = s.arn("acm", "certificate/"+uuid.NewString())
		rec.ID, rec.Status = rec.ARN, "PENDING_VALIDATION"
	}
	return nil
}

func issueCertificate(_ *Service, rec *record) { rec.Status = "ISSUED" }

var certificateActions = map[string]jsonAction{
	"DescribeCertificate": describeCertificate,
	"ListCertificates":    listCertificates,
}

func certificateNames(rec *record) []string {
	domain := rec.Properties.text("DomainName")
	others := slices.DeleteFunc(
		rec.Properties.texts("SubjectAlternativeNames"), func(name string) bool { return name == domain },
	)
	return append([]string{domain}, others...)
}

func describeCertificate(s *Service, in properties) (any, error) {
	arn := in.text("CertificateArn")
	rec := s.findByID(typeCertificate, arn)
	if rec == nil {
		return nil, wire.Errorf(
			http.StatusBadRequest, "ResourceNotFoundException", "Could not find certificate %s.", arn,
		)
	}
	users := []string{}
	for _, listener := range s.recordsOf(typeListener) {
		if slices.ContainsFunc(
			listener.Properties.children("Certificates"),
			func(c properties) bool { return c.text("CertificateArn") == arn },
		) {
			users = append(users, listener.Scope)
		}
	}
	return map[string]any{"Certificate": map[string]any{
		"CertificateArn": rec.ARN, "DomainName": rec.Properties.text("DomainName"),
		"SubjectAlternativeNames": certificateNames(rec), "Status": rec.Status,
		"Type": "AMAZON_ISSUED", "KeyAlgorithm": "RSA-2048", "CreatedAt": epoch(rec.Created), "InUseBy": users,
	}}, nil
}

func listCertificates(s *Service, in properties) (any, error) {
	statuses := in.texts("CertificateStatuses")
	found := []map[string]any{}
	for _, rec := range s.recordsOf(typeCertificate) {
		if matchesFilter(statuses, rec.Status) {
			found = append(found, map[string]any{
				"CertificateArn": rec.ARN, "DomainName": rec.Properties.text("DomainName"),
				"SubjectAlternativeNameSummaries": certificateNames(rec), "Status": rec.Status, "Type": "AMAZON_ISSUED",
				"CreatedAt": epoch(rec.Created),
			})
		}
	}
	page, next := paged(found, in.text("NextToken"), in.text("MaxItems"), 1000)
	return withToken(map[string]any{"CertificateSummaryList": page}, "NextToken", next), nil
}
