package run

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
)

// asked has the DNS servers that this process has tried to ask.
var asked struct {
	sync.Mutex
	servers []string
}

// denyDNS makes this process resolve names only by its hosts file, and records what it would have
// asked DNS.
func denyDNS() {
	net.DefaultResolver = &net.Resolver{
		PreferGo: true,
		Dial: func(_ context.Context, _, address string) (net.Conn, error) {
			asked.Lock()
			defer asked.Unlock()
			asked.servers = append(asked.servers, address)
			return nil, errors.New("the sandbox resolves no names")
		},
	}
}

// checkDNS fails if this process has looked a name up in DNS.
func checkDNS() error {
	asked.Lock()
	defer asked.Unlock()
	if len(asked.servers) > 0 {
		return fmt.Errorf(
			"S135: %d look-ups in DNS, at %s: nothing may leave the machine", len(asked.servers), asked.servers[0],
		)
	}
	return nil
}

// loopbackHost reports whether a host is this machine, without DNS.
func loopbackHost(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil &&
		slices.ContainsFunc(loopback, func(network netip.Prefix) bool { return network.Contains(address) })
}

// hostName matches a text that is exactly an IP address or a name of AWS.
var hostName = regexp.MustCompile(`^(\d+\.\d+\.\d+\.\d+|[-a-z0-9.]+\.(amazonaws\.com|elasticbeanstalk\.com))$`)

// hostIn returns the host to which a text leads; empty if the text is not an address.
func hostIn(text string) string {
	if u, err := url.Parse(text); err == nil && u.Host != "" {
		return u.Hostname()
	}
	if hostName.MatchString(text) {
		return text
	}
	return ""
}

func TestS135AnEnvironmentWithoutALoadBalancerBecomesReadyOnThisMachine(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	for _, branch := range []string{"solo", "solo-too"} {
		config := strings.Replace(bare(
			"shop", "  database: {mode: dedicated, class: db.t4g.micro, storage_gb: 20}", "  buckets: {media: {}}",
		),
			"load_balancer: shared", "load_balancer: none", 1)
		b.repo.commit(t, branch, map[string]string{"perch.yaml": config})
		equal(
			t, b.must(t, "up", branch),
			document{"outcome": "ready", "url": "http://" + branch + ".localhost:" + b.pagesPort},
		)
		status, page := b.page(t, branch)
		if status != 200 {
			t.Errorf("the page of %s answers %d", branch, status)
		}
		contains(t, page, "<code>shop-"+branch+"</code>")
	}
	b.checkAddresses(t, "shop-solo", "shop-solo-too")
	equal(t, b.must(t, "down", "solo"), document{"outcome": "gone"})
	if status, _ := b.page(t, "solo-too"); status != 200 {
		t.Errorf("after down of the other branch the page answers %d", status)
	}
}

// checkAddresses verifies that every address in the outputs of the stacks is one of this machine.
func (b *bench) checkAddresses(t *testing.T, stacks ...string) {
	t.Helper()
	for _, name := range stacks {
		out, err := b.formation().DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: &name})
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, output := range out.Stacks[0].Outputs {
			host := hostIn(*output.OutputValue)
			if host == "" {
				continue
			}
			if found++; !loopbackHost(host) {
				t.Errorf("output %s of %s leads to %s", *output.OutputKey, name, host)
			}
		}
		if found == 0 {
			t.Errorf("stack %s has no output with an address", name)
		}
	}
}

// TestS135EveryAddressThatTheSandboxGivesIsOfThisMachine checks every resource that has an address
// as an attribute.
func TestS135EveryAddressThatTheSandboxGivesIsOfThisMachine(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	const body = `
Resources:
  Queue: {Type: AWS::SQS::Queue}
  Bucket: {Type: AWS::S3::Bucket}
  Database: {Type: AWS::RDS::DBInstance, DeletionPolicy: Delete, Properties: {Engine: postgres, DBInstanceClass: db.t4g.micro, AllocatedStorage: "20", MasterUsername: shop, ManageMasterUserPassword: true}}
  Balancer: {Type: AWS::ElasticLoadBalancingV2::LoadBalancer, Properties: {Subnets: [subnet-0a1111111111111aa, subnet-0b2222222222222bb]}}
  Classic: {Type: AWS::ElasticLoadBalancing::LoadBalancer, Properties: {Subnets: [subnet-0a1111111111111aa], Listeners: [{LoadBalancerPort: "80", InstancePort: "80", Protocol: HTTP}]}}
Outputs:
  Queue: {Value: !Ref Queue}
  QueueUrl: {Value: !GetAtt Queue.QueueUrl}
  DomainName: {Value: !Sub "https://${Bucket.DomainName}"}
  DualStackDomainName: {Value: !Sub "https://${Bucket.DualStackDomainName}"}
  RegionalDomainName: {Value: !Sub "https://${Bucket.RegionalDomainName}"}
  WebsiteURL: {Value: !GetAtt Bucket.WebsiteURL}
  Database: {Value: !GetAtt Database.Endpoint.Address}
  Balancer: {Value: !Sub "http://${Balancer.DNSName}"}
  Classic: {Value: !Sub "http://${Classic.DNSName}"}
`
	name, template := "addresses", body
	if _, err := b.formation().CreateStack(
		t.Context(), &cloudformation.CreateStackInput{StackName: &name, TemplateBody: &template},
	); err != nil {
		t.Fatal(err)
	}
	b.awaitStack(t, name, "CREATE_COMPLETE")
	b.checkAddresses(t, name)
}
