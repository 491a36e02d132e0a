package admit

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"

	"perch/activities/awserr"
)

// registryLogin logs in to Amazon ECR in the worker's account and region. It gives its login to no
// other registry, because with it anyone could read the account's images.
type registryLogin struct {
	registry string
	cfg      aws.Config
}

// get returns the user and the password for a registry. Both are empty for any registry other than
// the worker's.
func (l *registryLogin) get(ctx context.Context, registry string) (user, password string, err error) {
	if registry != l.registry {
		return "", "", nil
	}
	out, err := ecr.NewFromConfig(l.cfg).GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{})
	if awserr.Denied(err) {
		return "", "", fmt.Errorf(
			"get a login: %s; the worker's role lacks %s",
			awserr.Sentence(err),
			awserr.Action(err),
		)
	}
	if err != nil {
		return "", "", fmt.Errorf("get a login: %s", awserr.Sentence(err))
	}
	for _, one := range out.AuthorizationData {
		text, err := base64.StdEncoding.DecodeString(aws.ToString(one.AuthorizationToken))
		user, password, found := strings.Cut(string(text), ":")
		if err == nil && found {
			return user, password, nil
		}
	}
	return "", "", errors.New("get a login: Amazon ECR gave none")
}
