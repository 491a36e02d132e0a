package forecast

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTheCostPageHasThesePrices compares the tables of docs/aws-costs.md with the prices.
func TestTheCostPageHasThesePrices(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "aws-costs.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "looked up on "+PricesDate+":") {
		t.Errorf("the page does not say that prices were looked up on %s", PricesDate)
	}
	const months = 12.0 / 365 // in a day
	instance := func(kind string) func(regionPrices) float64 {
		return func(p regionPrices) float64 { return 24 * p.instances[kind] }
	}
	database := func(class string) func(regionPrices) float64 {
		return func(p regionPrices) float64 { return 24 * p.databases[class] }
	}
	address := func(regionPrices) float64 { return 24 * publicIPv4 }
	storage := func(p regionPrices) float64 { return 20 * months * p.databaseStorage }
	password := func(regionPrices) float64 { return months * secret }
	sum := func(parts ...func(regionPrices) float64) func(regionPrices) float64 {
		return func(p regionPrices) (total float64) {
			for _, part := range parts {
				total += part(p)
			}
			return total
		}
	}
	shared := sum(instance("t3.small"), address, password)
	for label, price := range map[string]func(regionPrices) float64{
		"one t3.small instance":                               instance("t3.small"),
		"one t3.medium instance":                              instance("t3.medium"),
		"the public IPv4 address of an instance":              address,
		"a dedicated database, db.t4g.micro":                  database("db.t4g.micro"),
		"a dedicated database, db.t4g.small":                  database("db.t4g.small"),
		"20 GiB of database storage, gp3":                     storage,
		"a secret":                                            password,
		"**t3.small with a dedicated db.t4g.micro**":          sum(shared, database("db.t4g.micro"), storage),
		"**t3.small with the shared database**":               shared,
		"the load balancer, without its addresses":            func(p regionPrices) float64 { return 24 * p.balancer },
		"its public IPv4 addresses in two availability zones": sum(address, address),
	} {
		row := "| " + label + " |"
		for _, region := range []string{"us-east-1", "eu-west-1", "eu-central-1"} {
			cell := fmt.Sprintf("%.2f", price(prices[region]))
			if strings.HasPrefix(label, "**") {
				cell = "**" + cell + "**"
			}
			row += " " + cell + " |"
		}
		if !strings.Contains(string(page), row+"\n") {
			t.Errorf("the page has no row %q", row)
		}
	}
}
