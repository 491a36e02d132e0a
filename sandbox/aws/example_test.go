package aws_test

import (
	"context"
	"fmt"
	"log"
	"net/http/httptest"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"perch/sandbox/aws"
)

// Example points a client of AWS at the endpoint.
func Example() {
	endpoint, err := aws.New(aws.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = endpoint.Close() }()
	server := httptest.NewServer(endpoint)
	defer server.Close()

	client := sts.New(sts.Options{
		BaseEndpoint: sdk.String(server.URL), Region: "eu-central-1",
		Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
	})
	caller, err := client.GetCallerIdentity(context.Background(), &sts.GetCallerIdentityInput{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(*caller.Account)
	// Output: 123456789012
}
