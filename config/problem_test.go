package config

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"perch/document"
)

// TestWhatIsWrongIsShown checks the exact messages, because users work with them.
func TestWhatIsWrongIsShown(t *testing.T) {
	const allowed = "image, image_wait, platform, instance_type, instances, load_balancer, health_path, database, " +
		"buckets, environment, secrets, expiry, template, parameters, url_output"
	for name, test := range map[string]struct{ source, want string }{
		"an unknown key": {minimal + "defaults:\n  instance_typ: t3.small\n", `
perch.yaml:4:3: unknown key "instance_typ" in defaults (did you mean "instance_type"?); allowed here: ` + allowed + `
  4 |   instance_typ: t3.small
    |   ^`},
		"a setting outside of the layers": {minimal + "expiry: 3d\n", `
perch.yaml:3:1: unknown key "expiry" in the file; allowed here: project, image, branches, defaults, kinds, overrides, reports, seed
  3 | expiry: 3d
    | ^`},
		"an unknown kind": {minimal + "branches:\n  kinds: {main: prod}\nkinds:\n  prod: {}\n", `
perch.yaml:4:17: branches.kinds.main must be one of production, staging, branch, not "prod"
  4 |   kinds: {main: prod}
    |                 ^
perch.yaml:6:3: unknown key "prod" in kinds; allowed here: production, staging, branch
  6 |   prod: {}
    |   ^`},
		"an empty file": {
			"# nothing yet\n", "\nperch.yaml: the file is empty; `perch config init` writes one to begin with",
		},
		"no project": {
			"image: example.com/shop:1\n",
			"\nperch.yaml: project is missing; it must have 2 to 15 characters, a-z first, then a-z and 0-9, no hyphen",
		},
		"another shape": {"- a\n", `
perch.yaml:1:1: the file must be a mapping, not a list
  1 | - a
    | ^`},
		"wrong names": {"project: my-shop\nimage: example.com/shop\n", `
perch.yaml:1:10: project must have 2 to 15 characters, a-z first, then a-z and 0-9, no hyphen, not "my-shop"
  1 | project: my-shop
    |          ^
perch.yaml:2:8: image must name a tag or a digest, such as registry.example.com/shop:{commit}, not "example.com/shop"
  2 | image: example.com/shop
    |        ^`},
		"another placeholder": {"project: shop\nimage: shop:{branch}\n", `
perch.yaml:2:8: image may have no other placeholder than {commit}, not "shop:{branch}"
  2 | image: shop:{branch}
    |        ^`},
		"a duplicate key": {minimal + "project: other\n", `
perch.yaml:3:1: key "project" is in this mapping twice; the first is on line 1
  3 | project: other
    | ^`},
		"a pattern without quotes": {minimal + "branches:\n  skip: [*-no-infra]\n", `
perch.yaml:4:10: YAML aliases (*name) are not read; put quotes around text that begins with *, and write a repeated value out
  4 |   skip: [*-no-infra]
    |          ^`},
		"an alias that grows": {"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", `
perch.yaml:1:4: YAML anchors (&name) are not read; put quotes around text that begins with &, and write a repeated value out
  1 | a: &a [x, x]
    |    ^`},
		"an alias of itself": {"a: &a [*a]\n", `
perch.yaml:1:4: YAML anchors (&name) are not read; put quotes around text that begins with &, and write a repeated value out
  1 | a: &a [*a]
    |    ^`},
		"several documents": {minimal + "---\nproject: b\n", `
perch.yaml:3:1: a second document begins here; put everything into one
  3 | ---
    | ^`},
		"a tag": {minimal + "a: !!binary x\n", `
perch.yaml:3:4: YAML tags (!name) are not read; put quotes around text that begins with !
  3 | a: !!binary x
    |    ^`},
		"no YAML": {minimal + "a: [1\n", `
perch.yaml:3:4: not valid YAML: sequence end token ']' not found
  3 | a: [1
    |    ^`},
		"a tab": {minimal + "a:\n\tb: 1\n", `
perch.yaml:4:1: this line is indented with a tab; YAML is indented with blanks
  4 |  b: 1
    | ^`},
		"no text": {minimal + "a: caf\xe9\n", `
perch.yaml:3:7: this is not UTF-8; save the file as UTF-8 text
  3 | a: caf�
    |       ^`},
		"text of another encoding": {"\xff\xfep\x00", `
perch.yaml:1:1: this is not UTF-8; save the file as UTF-8 text
  1 | �p 
    | ^`},
		"a NUL byte": {minimal + "a: \x00\n", `
perch.yaml:3:4: a NUL byte is not text; save the file as UTF-8 text
  3 | a:  
    |    ^`},
		"deep nesting": {strings.Repeat("[", 60), `
perch.yaml:1:33: this is nested too deeply; at most 32 levels and an indentation of 100 columns are read
  1 | ` + strings.Repeat("[", 60) + `
    |                                 ^`},
		"impossible values": {minimal + "defaults:\n  health_path: healthz\n  load_balancer: classic\n  platform: " +
			"tomcat\n  instance_type: large\n" +
			"  instances: {min: 0, max: two}\n  database: {engine: mysql, version: 16.2, class: t3.micro, storage_gb: 5}\n", `
perch.yaml:4:16: defaults.health_path must be a path that begins with a slash and has no braces, such as /healthz, not "healthz"
  4 |   health_path: healthz
    |                ^
perch.yaml:5:18: defaults.load_balancer must be one of shared, dedicated, none, not "classic"
  5 |   load_balancer: classic
    |                  ^
perch.yaml:6:13: defaults.platform must be docker, not "tomcat"
  6 |   platform: tomcat
    |             ^
perch.yaml:7:18: defaults.instance_type must be an EC2 instance type such as t3.small, not "large"
  7 |   instance_type: large
    |                  ^
perch.yaml:8:20: defaults.instances.min must be 1 to 100, not 0
  8 |   instances: {min: 0, max: two}
    |                    ^
perch.yaml:8:28: defaults.instances.max must be a whole number, not "two"
  8 |   instances: {min: 0, max: two}
    |                            ^
perch.yaml:9:22: defaults.database.engine must be postgres, not "mysql"
  9 |   database: {engine: mysql, version: 16.2, class: t3.micro, storage_gb: 5}
    |                      ^
perch.yaml:9:38: defaults.database.version must be a major version of PostgreSQL such as "16", not "16.2"
  9 |   database: {engine: mysql, version: 16.2, class: t3.micro, storage_gb: 5}
    |                                      ^
perch.yaml:9:51: defaults.database.class must be an RDS instance class such as db.t4g.micro, not "t3.micro"
  9 |   database: {engine: mysql, version: 16.2, class: t3.micro, storage_gb: 5}
    |                                                   ^
perch.yaml:9:73: defaults.database.storage_gb must be 20 to 65536, not 5
  9 |   database: {engine: mysql, version: 16.2, class: t3.micro, storage_gb: 5}
    |                                                                         ^`},
		"numbers and flags of another type": {minimal + "defaults:\n  instances: {max: \"2\"}\n  database: {multi_az: yes, backup_days: -1}\n", `
perch.yaml:4:20: defaults.instances.max must be a whole number, without quotes
  4 |   instances: {max: "2"}
    |                    ^
perch.yaml:5:24: defaults.database.multi_az must be true or false, not "yes"
  5 |   database: {multi_az: yes, backup_days: -1}
    |                        ^
perch.yaml:5:42: defaults.database.backup_days must be 0 to 35, not -1
  5 |   database: {multi_az: yes, backup_days: -1}
    |                                          ^`},
		"a minimum above the maximum": {minimal + "defaults:\n  instances: {max: 2}\nkinds:\n  staging:\n    instances: {min: 3}\n", `
perch.yaml:7:22: instances.min is 3 and instances.max is 2 (defaults, line 4); the minimum must not be above the maximum: set both in one layer
  7 |     instances: {min: 3}
    |                      ^`},
		"no snapshot to restore": {minimal + "defaults:\n  database: {mode: snapshot}\n", `
perch.yaml:4:20: database.mode is snapshot and database.snapshot is missing; name the id or the ARN of an RDS snapshot
  4 |   database: {mode: snapshot}
    |                    ^`},
		"a snapshot and no use for it": {minimal + "defaults:\n  database: {snapshot: shop-seed-1}\n", `
perch.yaml:4:24: database.snapshot is for database.mode snapshot, and the mode is dedicated (built-in); set the mode to snapshot, or the snapshot to null
  4 |   database: {snapshot: shop-seed-1}
    |                        ^`},
		"no snapshot at all": {minimal + "defaults:\n  database: {mode: snapshot, snapshot: \"not one\"}\n", `
perch.yaml:4:40: defaults.database.snapshot must be the id or the ARN of an RDS snapshot, not "not one"
  4 |   database: {mode: snapshot, snapshot: "not one"}
    |                                        ^`},
		"lives that cannot be": {minimal + "defaults:\n  expiry: {idle: 90m, max: 3d}\nkinds:\n  branch: {expiry: {idle: 0h, max: 8761h}}\n", `
perch.yaml:4:18: defaults.expiry.idle must be whole hours from 1h to 8760h, such as 168h, not "90m"
  4 |   expiry: {idle: 90m, max: 3d}
    |                  ^
perch.yaml:4:28: defaults.expiry.max must be whole hours from 1h to 8760h, such as 168h, not "3d"
  4 |   expiry: {idle: 90m, max: 3d}
    |                            ^
perch.yaml:6:27: kinds.branch.expiry.idle must be whole hours from 1h to 8760h, such as 168h, not "0h"
  6 |   branch: {expiry: {idle: 0h, max: 8761h}}
    |                           ^
perch.yaml:6:36: kinds.branch.expiry.max must be whole hours from 1h to 8760h, such as 168h, not "8761h"
  6 |   branch: {expiry: {idle: 0h, max: 8761h}}
    |                                    ^`},
		"a life shorter than without use": {minimal + "defaults:\n  expiry: {idle: 168h}\nkinds:\n  branch: {expiry: {max: 48h}}\n", `
perch.yaml:6:26: expiry.max is 48h and expiry.idle is 168h (defaults, line 4); expiry.max must not be shorter than expiry.idle
  6 |   branch: {expiry: {max: 48h}}
    |                          ^`},
		"a warning longer than the life": {minimal + "defaults:\n  expiry: {idle: 12h}\n", `
perch.yaml:4:12: expiry.warn is 24h (built-in), and environments live 12h only; set expiry.warn to less than that
  4 |   expiry: {idle: 12h}
    |            ^`},
		"a template outside the repository": {minimal + "defaults:\n  template: ../template.yaml\nkinds:\n  branch: {template: deploy/app.txt}\n", `
perch.yaml:4:13: defaults.template must be the path of a file in the repository that ends in .yaml, .yml, .json or .template, such as deploy/template.yaml, not "../template.yaml"
  4 |   template: ../template.yaml
    |             ^
perch.yaml:6:22: kinds.branch.template must be the path of a file in the repository that ends in .yaml, .yml, .json or .template, such as deploy/template.yaml, not "deploy/app.txt"
  6 |   branch: {template: deploy/app.txt}
    |                      ^`},
		"parameters that cannot be": {minimal + "defaults:\n  template: t.yaml\n  parameters:\n    a-b: x\n    Name: \"x-{slugg}\"\n    List: [a]\n    DBPassword: hunter2\n    Fine: \"{slug} ${Name} {{resolve:ssm:x}} {}\"\n", `
perch.yaml:6:5: a key of defaults.parameters must be a name of letters and digits, as the template has it, not "a-b"
  6 |     a-b: x
    |     ^
perch.yaml:7:11: defaults.parameters.Name has the placeholder {slugg} (did you mean "slug"?); allowed: {project}, {branch}, {slug}, {kind}, {commit}, {repository}, {image}, {host}, {url}, {domain}, {hosted_zone_id}, {vpc_id}, {subnets}, {subnet_1}, {subnet_2}, {database_subnets}, {database_subnet_1}, {database_subnet_2}, {health_path}, {instance_type}, {min_instances}, {max_instances}, {database_engine}, {database_version}, {database_class}, {database_storage}, {database_multi_az}, {database_backup_days}
  7 |     Name: "x-{slugg}"
    |           ^
perch.yaml:8:11: defaults.parameters.List must be a single value, not a list
  8 |     List: [a]
    |           ^
perch.yaml:9:5: defaults.parameters.DBPassword looks like a secret, and perch.yaml is read by everyone; keep it in Secrets Manager and write '{{resolve:secretsmanager:NAME:SecretString:KEY}}'
  9 |     DBPassword: ***
    |     ^`},
		"settings that say nothing beside a template": {minimal + "defaults:\n  buckets: {assets: {}}\n  environment: {A: b}\nkinds:\n  branch: {template: t.yaml, environment: null}\n", `
perch.yaml:4:13: buckets says what Perch's own template makes, and template t.yaml (kinds.branch, line 7) is used instead: put it there, and write ` + "`buckets: null`" + ` here
  4 |   buckets: {assets: {}}
    |             ^`},
		"a shared database beside a template": {minimal + "defaults:\n  template: t.yaml\n  database: {mode: shared}\n", `
perch.yaml:5:20: database.mode shared goes with Perch's own template, and template t.yaml (defaults, line 4) is used instead; leave mode out, and let the template take the database's parameters
  5 |   database: {mode: shared}
    |                    ^`},
		"settings that need a template": {minimal + "defaults:\n  parameters: {A: b}\n  url_output: Site\n", `
perch.yaml:4:16: parameters is for a custom template, and none is named here; add template, or take parameters out
  4 |   parameters: {A: b}
    |                ^
perch.yaml:5:15: url_output is for a custom template, and none is named here; add template, or take url_output out
  5 |   url_output: Site
    |               ^`},
		"several instances without a load balancer": {minimal + "defaults: {load_balancer: none, instances: {max: 2}}\n", `
perch.yaml:3:27: load_balancer none means a single instance, and instances.max is 2 (defaults, line 3); set it to 1
  3 | defaults: {load_balancer: none, instances: {max: 2}}
    |                           ^`},
		"buckets that cannot be": {minimal + "defaults:\n  buckets: {Assets: {}, a--b: {}, abcdefghijklmnopqrstuvwxyz-01234: {}, b: {version: true}}\n", `
perch.yaml:4:13: a key of defaults.buckets must have at most 31 characters a-z, 0-9 and single hyphens, and begin with a letter, not "Assets"
  4 |   buckets: {Assets: {}, a--b: {}, abcdefghijklmnopqrstuvwxyz-01234: {}, b: {version: true}}
    |             ^
perch.yaml:4:25: a key of defaults.buckets must have at most 31 characters a-z, 0-9 and single hyphens, and begin with a letter, not "a--b"
  4 |   buckets: {Assets: {}, a--b: {}, abcdefghijklmnopqrstuvwxyz-01234: {}, b: {version: true}}
    |                         ^
perch.yaml:4:35: a key of defaults.buckets must have at most 31 characters a-z, 0-9 and single hyphens, and begin with a letter, not "abcdefghijklmnopqrstuvwxyz-01234"
  4 |   buckets: {Assets: {}, a--b: {}, abcdefghijklmnopqrstuvwxyz-01234: {}, b: {version: true}}
    |                                   ^
perch.yaml:4:77: unknown key "version" in defaults.buckets.b (did you mean "versioned"?); allowed here: versioned
  4 |   buckets: {Assets: {}, a--b: {}, abcdefghijklmnopqrstuvwxyz-01234: {}, b: {version: true}}
    |                                                                             ^`},
		"buckets that look alike": {minimal + "defaults:\n  buckets: {a-1: {}, a1: {}}\n", `
perch.yaml:4:26: buckets a-1 and a1 differ in hyphens only; rename one
  4 |   buckets: {a-1: {}, a1: {}}
    |                          ^`},
		"values that were forgotten": {minimal + "defaults:\n  health_path:\n  buckets:\n    assets:\n  environment:\n    A:\n", `
perch.yaml:4:3: defaults.health_path has no value; give it one, or leave the key out
  4 |   health_path:
    |   ^
perch.yaml:6:5: defaults.buckets.assets has no value; write {}
  6 |     assets:
    |     ^
perch.yaml:8:5: defaults.environment.A has no value; write ""
  8 |     A:
    |     ^`},
		"a parameter that was forgotten": {minimal + "defaults:\n  template: t.yaml\n  parameters:\n    P:\n", `
perch.yaml:6:5: defaults.parameters.P has no value; write ""
  6 |     P:
    |     ^`},
		"variables that cannot be": {minimal + "defaults:\n  environment:\n    lower: x\n    PERCH_URL: x\n    DATABASE_URL: x\n    LIST: [a]\n", `
perch.yaml:5:5: a key of defaults.environment must be a name in A-Z, 0-9 and _ that does not begin with a digit, not "lower"
  5 |     lower: x
    |     ^
perch.yaml:6:5: a key of defaults.environment must begin with something other than PERCH_, DATABASE_, BUCKET_, which Perch sets, not "PERCH_URL"
  6 |     PERCH_URL: x
    |     ^
perch.yaml:7:5: a key of defaults.environment must begin with something other than PERCH_, DATABASE_, BUCKET_, which Perch sets, not "DATABASE_URL"
  7 |     DATABASE_URL: x
    |     ^
perch.yaml:8:11: defaults.environment.LIST must be a single value, not a list
  8 |     LIST: [a]
    |           ^`},
		"secrets in plain sight": {minimal + "defaults:\n  environment:\n    SMTP_PASSWORD: hunter2\n  secrets:\n    API_KEY: hunter2\n", `
perch.yaml:5:5: defaults.environment.SMTP_PASSWORD looks like a secret, and perch.yaml is read by everyone; keep it in Secrets Manager and name its ARN under secrets: SMTP_PASSWORD
  5 |     SMTP_PASSWORD: ***
    |     ^
perch.yaml:7:14: defaults.secrets.API_KEY must be the ARN of a secret in Secrets Manager or of a parameter in Parameter Store
  7 |     API_KEY: ***
    |              ^`},
		"secrets that CloudFormation would read": {minimal + "defaults:\n  health_path: /{{resolve:ssm:/prod/key}}\n  environment:\n    URL: postgres://app:{{resolve:secretsmanager:prod/db:SecretString:password}}@db\n    PAGE: \"{{ title }} resolve:\"\n", `
perch.yaml:4:16: defaults.health_path must be a path that begins with a slash and has no braces, such as /healthz, not "/{{resolve:ssm:/prod/key}}"
  4 |   health_path: /{{resolve:ssm:/prod/key}}
    |                ^
perch.yaml:6:10: defaults.environment.URL has a dynamic reference, which CloudFormation would resolve without a check by the policy; name the secret's ARN under secrets: URL
  6 |     URL: postgres://app:{{resolve:secretsmanager:***
    |          ^`},
		"a variable that is also a secret": {minimal + "defaults:\n  environment: {A: x}\n  secrets: {A: \"arn:aws:ssm:eu-central-1:123456789012:parameter/x\"}\n", `
perch.yaml:5:16: A is in both environment (defaults, line 4) and secrets; leave one of them out
  5 |   secrets: {A: "arn:aws:ssm:eu-central-1:123456789012:parameter/x"}
    |                ^`},
		"seed steps": {minimal + "seed:\n  - http: {method: POST}\n  - s3: {from: ../x, to: b_c}\n  - s3: {from: a}\n  - sql: x\n  - x\n  - {}\n", `
perch.yaml:4:12: seed[0].http.path is missing; it must be a path that begins with one slash, such as /internal/load-demo-data
  4 |   - http: {method: POST}
    |            ^
perch.yaml:5:16: seed[1].s3.from must be a folder of the repository such as fixtures/media, or s3://bucket/prefix/, not "../x"
  5 |   - s3: {from: ../x, to: b_c}
    |                ^
perch.yaml:5:26: seed[1].s3.to must be the name of one of the buckets, or the logical id of one in a custom template, with a prefix after a slash where one is wanted, not "b_c"
  5 |   - s3: {from: ../x, to: b_c}
    |                          ^
perch.yaml:6:10: seed[2].s3.to is missing; it must be the name of one of the buckets, or the logical id of one in a custom template, with a prefix after a slash where one is wanted
  6 |   - s3: {from: a}
    |          ^
perch.yaml:7:5: unknown key "sql" in seed[3]; allowed here: s3, http, run
  7 |   - sql: x
    |     ^
perch.yaml:8:5: seed[4] must be a mapping, not "x"
  8 |   - x
    |     ^
perch.yaml:9:5: seed[5] has 0 keys; it must have exactly one of s3, http, run
  9 |   - {}
    |     ^`},
		"requests that cannot be sent": {minimal + "seed:\n  - http: {method: HEAD, path: x}\n  - http: {path: " +
			"//evil.example.com/x, body: ../x}\n  - http: {path: /a, header: X-Token}\n" +
			"  - http: {path: /a, header: host, secret: a}\n  - http: {method: GET, path: /%zz, body: a.json}\n", `
perch.yaml:4:20: seed[0].http.method must be one of GET, POST, PUT, PATCH, DELETE, not "HEAD"
  4 |   - http: {method: HEAD, path: x}
    |                    ^
perch.yaml:4:32: seed[0].http.path must be a path that begins with one slash, such as /internal/load-demo-data, not "x"
  4 |   - http: {method: HEAD, path: x}
    |                                ^
perch.yaml:5:18: seed[1].http.path must be a path that begins with one slash, such as /internal/load-demo-data, not "//evil.example.com/x"
  5 |   - http: {path: //evil.example.com/x, body: ../x}
    |                  ^
perch.yaml:5:46: seed[1].http.body must be a file of the repository, such as fixtures/demo.json, not "../x"
  5 |   - http: {path: //evil.example.com/x, body: ../x}
    |                                              ^
perch.yaml:6:30: seed[2].http.header needs secret, which must be the name of one of the settings' secrets, such as DEMO_TOKEN; add it, or leave header out
  6 |   - http: {path: /a, header: X-Token}
    |                              ^
perch.yaml:7:30: seed[3].http.header must be a header of the app's, such as X-Seed-Token, not "host"
  7 |   - http: {path: /a, header: host, secret: ***
    |                              ^
perch.yaml:7:44: seed[3].http.secret must be the name of one of the settings' secrets, such as DEMO_TOKEN
  7 |   - http: {path: /a, header: host, secret: ***
    |                                            ^
perch.yaml:8:31: seed[4].http.path must be a path of an address, with %25 for a percent sign, not "/%zz"
  8 |   - http: {method: GET, path: /%zz, body: a.json}
    |                               ^
perch.yaml:8:43: seed[4].http.body needs another method: a GET request has no body
  8 |   - http: {method: GET, path: /%zz, body: a.json}
    |                                           ^`},
		"steps of another shape": {minimal + "seed:\n  - http: /a\n  - http: {path: /a, headers: {}}\n  - run: " +
			"{command: python manage.py}\n  - run: {command: []}\n" +
			"  - run: {command: [[]]}\n  - run: {timeout: 2h}\n  - run: {command: [a], timeout: 10}\n  - run: [a]\n", `
perch.yaml:4:11: seed[0].http must be a mapping, not "/a"
  4 |   - http: /a
    |           ^
perch.yaml:5:22: unknown key "headers" in seed[1].http (did you mean "header"?); allowed here: method, path, body, header, secret
  5 |   - http: {path: /a, headers: {}}
    |                      ^
perch.yaml:6:20: seed[2].run.command must be a list, not "python manage.py"
  6 |   - run: {command: python manage.py}
    |                    ^
perch.yaml:7:20: seed[3].run.command has 0 entries; it needs at least 1, the command
  7 |   - run: {command: []}
    |                    ^
perch.yaml:8:21: seed[4].run.command[0] must be a single value, not a list
  8 |   - run: {command: [[]]}
    |                     ^
perch.yaml:9:11: seed[5].run.command is missing; it must be a list of at least 1, the command
  9 |   - run: {timeout: 2h}
    |           ^
perch.yaml:9:20: seed[5].run.timeout must be a duration from 1s to 1h, such as 30m, not "2h"
  9 |   - run: {timeout: 2h}
    |                    ^
perch.yaml:10:34: seed[6].run.timeout must be a duration from 1s to 1h, such as 30m, not "10"
  10 |   - run: {command: [a], timeout: 10}
     |                                  ^
perch.yaml:11:10: seed[7].run must be a mapping, not a list
  11 |   - run: [a]
     |          ^`},
		"a duplicate step": {minimal + "seed:\n  - run: {command: [a]}\n  - run: {command: [a], timeout: 10m}\n", `
perch.yaml:5:5: seed[1] is the same as seed[0], and a step is carried out once for each environment; leave it out
  5 |   - run: {command: [a], timeout: 10m}
    |     ^`},
		"a command without a name": {minimal + "seed:\n  - run: {command: [\"\", a]}\n", `
perch.yaml:4:20: seed[0].run.command begins with an empty word; the first word is the command
  4 |   - run: {command: ["", a]}
    |                    ^`},
		"a request without its secret": {minimal + "seed: [{http: {path: /a, secret: DEMO_TOKEN}}]\n", `
perch.yaml:3:34: seed[0].http.secret names the secret DEMO_TOKEN, which no layer has; add it to defaults.secrets
  3 | seed: [{http: {path: /a, secret: ***
    |                                  ^`},
		"a seed without its bucket": {minimal + "seed: [{s3: {from: a, to: assets/x}}]\n", `
perch.yaml:3:27: seed[0].s3.to names the bucket assets, which no layer has; add it to defaults.buckets
  3 | seed: [{s3: {from: a, to: assets/x}}]
    |                           ^`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(FileName, []byte(test.source))
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(test.want, "\n"+err.Error()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAFileThatIsTooLargeIsNotRead(t *testing.T) {
	_, err := Read(FileName, []byte(minimal+strings.Repeat("#", MaxFile)))
	if want := "perch.yaml: the file is longer than 262144 bytes; at most that many are read"; err == nil ||
		err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestAMappingWithTooManyKeysIsRejected(t *testing.T) {
	var source strings.Builder
	for i := range limits.Keys + 1 {
		_, _ = fmt.Fprintf(&source, "k%d: 1\n", i)
	}
	_, err := Read(FileName, []byte(source.String()))
	if err == nil ||
		!strings.Contains(err.Error(), "perch.yaml:501:5: this mapping has too many keys; at most 500 are read") {
		t.Errorf("got %v", err)
	}
}

func TestAKeyThatIsTooLongIsRejected(t *testing.T) {
	_, err := Read(FileName, []byte(minimal+strings.Repeat("k", limits.Key+1)+": 1\n"))
	if err == nil ||
		!strings.HasPrefix(err.Error(), "perch.yaml:3:1: this key is 256 bytes long; at most 255 are read\n  3 | kkk") {
		t.Errorf("got %v", err)
	}
}

func TestALongPatternIsNotNesting(t *testing.T) {
	read(t, minimal+"overrides:\n  \""+strings.Repeat("feature/", 25)+"*\": {health_path: /x}\n")
}

// TestAFileOfManyKeysIsRejectedBeforeItIsParsed: the parser needs more than a minute for the first,
// and half a minute for the second.
func TestAFileOfManyKeysIsRejectedBeforeItIsParsed(t *testing.T) {
	for source, want := range map[string]string{
		strings.Repeat(
			"a:\n", 80_000,
		): "perch.yaml:501:2: this mapping has too many keys; at most 500 are read",
		minimal + "a: {" + strings.Repeat("b,", 100_000) + "}": "perch.yaml:3:",
		minimal + "a:\n" + strings.Repeat("- b\n", 50_000):     "perch.yaml:5000:",
	} {
		_, err := Read(FileName, []byte(source))
		if err == nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), "too many ") {
			t.Errorf("got %.200v, want %s", err, want)
		}
	}
}

func TestALongLineIsQuotedAroundTheProblem(t *testing.T) {
	_, err := Read(FileName, []byte(minimal+"defaults: {environment: {A: "+strings.Repeat("x", 300)+", b: y, C: "+
		strings.Repeat("z", 300)+"}}\n"))
	want := `perch.yaml:3:331: a key of defaults.environment must be a name in A-Z, 0-9 and _ that does not begin with a digit, not "b"
  3 | ` + strings.Repeat("x", 78) + ", b: y, C: " + strings.Repeat("z", 71) + `
    | ` + strings.Repeat(" ", 80) + "^"
	if err == nil {
		t.Fatal("no error")
	}
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestAnEnvironmentThatIsTooLargeIsRejected(t *testing.T) {
	source := minimal + "defaults:\n  environment:\n    A: " + strings.Repeat("x", maxEnvironment) + "\n"
	_, err := Read(FileName, []byte(source))
	if err == nil || !strings.HasPrefix(
		err.Error(),
		"perch.yaml:5:5: environment takes 3075 bytes; at most 3072 fit into an Elastic Beanstalk environment",
	) {
		t.Errorf("got %v", err)
	}
}

func TestOneBranchOnlyMayBeWrong(t *testing.T) {
	file := read(t, minimal+"defaults: {buckets: {assets: {}}}\noverrides:\n  \"bare/*\": {buckets: null, instances: "+
		"{min: 2}}\nseed:\n  - s3: {from: a, to: assets}\n")
	if _, _, err := file.Resolve("fine", commit); err != nil {
		t.Error(err)
	}
	_, _, err := file.Resolve("bare/x", commit)
	want := `
perch.yaml:5:46: instances.min is 2 and instances.max is 1 (built-in); the minimum must not be above the maximum: set both in one layer
  5 |   "bare/*": {buckets: null, instances: {min: 2}}
    |                                              ^
perch.yaml:7:23: seed[0].s3.to names the bucket assets, which branch "bare/x" (kind branch) does not have
  7 |   - s3: {from: a, to: assets}
    |                       ^`
	if err == nil {
		t.Fatal("no error")
	}
	if diff := cmp.Diff(want, "\n"+err.Error()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestASeedThatOnlyOneBranchCannotHave(t *testing.T) {
	file := read(t, minimal+"defaults: {secrets: {TOKEN: \"arn:aws:ssm:eu-central-1:123456789012:parameter/x\"}}\n"+
		"overrides:\n  \"bare/*\": {secrets: null}\nseed:\n  - http: {path: /a, secret: TOKEN}\n")
	if _, _, err := file.Resolve("fine", commit); err != nil {
		t.Error(err)
	}
	_, _, err := file.Resolve("bare/x", commit)
	if want := `perch.yaml:7:30: seed[0].http.secret names the secret TOKEN, which branch "bare/x" (kind branch) ` +
		`does not have`; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v", err)
	}
}

func TestSoManyStepsAndSoLongACommandAreRead(t *testing.T) {
	var source strings.Builder
	for i := range 50 + 1 {
		_, _ = fmt.Fprintf(&source, "  - run: {command: [load, \"%d\"]}\n", i)
	}
	_, err := Read(FileName, []byte(minimal+"seed:\n"+source.String()))
	if err == nil || !strings.HasPrefix(err.Error(), "perch.yaml:54:5: seed has 51 entries; at most 50 are read") {
		t.Errorf("got %v", err)
	}
	_, err = Read(FileName, []byte(minimal+"seed: [{run: {command: [load, "+strings.Repeat("x", maxCommand)+"]}}]\n"))
	if err == nil || !strings.Contains(
		err.Error(), "seed[0].run.command has more than 8000 bytes; keep a script in the image and call it",
	) {
		t.Errorf("got %v", err)
	}
}

func TestOnlySoManyProblemsAreShown(t *testing.T) {
	_, err := Read(
		FileName,
		[]byte(minimal+"x: 1\ndefaults: {a: 1, b: 1, c: 1, d: 1, e: 1, f: 1, g: 1, h: 1, i: 1, j: 1, k: 1}\n"),
	)
	var problems document.Problems
	if !errors.As(err, &problems) || len(problems) != 12 || !strings.HasSuffix(err.Error(), "\nand 2 more") {
		t.Errorf("got %d problems: %v", len(problems), err)
	}
}

// TestSecretsBelowTheirKeyAreHidden: YAML allows a value on the next lines.
func TestSecretsBelowTheirKeyAreHidden(t *testing.T) {
	for _, source := range []string{
		"defaults:\n  secrets:\n    API_KEY:\n      hunter2\n",
		"defaults:\n  secrets:\n    API_KEY: # old\n      hunter2\n",
		"defaults:\n  secrets:\n    API_KEY: |\n      hunter2\n",
		"defaults:\n  environment:\n    SMTP_PASSWORD:\n      - hunter2\n",
		"defaults:\n  environment:\n    SMTP_PASSWORD:\n    - hunter2\n",
		"defaults:\n  environment:\n    SMTP_PASSWORD:\n      x:\n        - hunter2\n",
		"defaults:\n  environment:\n    SMTP_PASSWORD: >-\n      &hunter2 x\n      hunter2\n",
		"defaults:\n  environment:\n    SMTP_PASSWORD:\n      *hunter2\n",
	} {
		_, err := Read(FileName, []byte(minimal+source))
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("of\n%swe say:\n%v", source, err)
		}
	}
	_, err := Read(FileName, []byte(minimal+"defaults:\n  secrets:\n    lower: arn:aws:x\n"))
	if err == nil || !strings.Contains(err.Error(), "lower: arn:aws:x") {
		t.Errorf("a value that is not a secret's address is hidden: %v", err)
	}
}
