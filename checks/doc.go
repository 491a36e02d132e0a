// Package checks holds tests of the repository as a whole: what the documentation shows, which
// package may import which, what the IAM documents and docker-compose.yml contain. They run in the
// repository's root folder.
package checks
