package page

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"perch/sandbox/aws/services"
)

// seedPath is the path that accepts test data, as in an app that can load its own.
const seedPath = "/seed"

// longestSeed is the maximum size of test data in bytes.
const longestSeed = 64 << 10

var seedKey = regexp.MustCompile(`^[A-Za-z0-9-]{1,100}$`)

// seed handles POST /seed with a JSON document. It stores the document as an object in the
// environment's first bucket, and the page shows it. The Idempotency-Key names the object, so a
// repeated request changes nothing. If the environment has a secret SEED_TOKEN, the request needs
// it as a bearer token.
func (h handler) seed(w http.ResponseWriter, r *http.Request, e services.Environment) {
	key := r.Header.Get("Idempotency-Key")
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, longestSeed))
	bucket := firstBucket(e)
	switch {
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "use POST", http.StatusMethodNotAllowed)
	case !admits(r, e):
		http.Error(
			w, "the secret SEED_TOKEN is missing or wrong: send it as Authorization: Bearer", http.StatusUnauthorized,
		)
	case !seedKey.MatchString(key):
		http.Error(w, "send an Idempotency-Key of at most 100 letters, digits and hyphens", http.StatusBadRequest)
	case err != nil:
		http.Error(w, fmt.Sprintf("the body could not be read: %v", err), http.StatusRequestEntityTooLarge)
	case !json.Valid(body):
		http.Error(w, "the body is not JSON", http.StatusBadRequest)
	case bucket == "":
		http.Error(w, "this environment has no bucket to keep it in", http.StatusConflict)
	default:
		h.keep(r.Context(), w, bucket, "seed/"+key+".json", body)
	}
}

// keep answers with 201 if the object is new, and with 200 if it exists already.
func (h handler) keep(ctx context.Context, w http.ResponseWriter, bucket, key string, body []byte) {
	_, err := h.config.S3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &key})
	if err == nil {
		_, _ = fmt.Fprintln(w, "kept already")
		return
	}
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() == "NotFound" {
		_, err = h.config.S3.PutObject(ctx, &s3.PutObjectInput{
			Bucket: &bucket, Key: &key, Body: bytes.NewReader(body), ContentType: aws.String("application/json"),
		})
	}
	if err != nil {
		http.Error(w, "the bucket did not store it: "+err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusCreated)
	_, _ = fmt.Fprintln(w, "kept")
}

// admits reports whether the request carries the environment's token, or the environment has none.
func admits(r *http.Request, e services.Environment) bool {
	if !e.Guarded {
		return true
	}
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return ok && e.SeedToken != "" && subtle.ConstantTimeCompare([]byte(token), []byte(e.SeedToken)) == 1
}

// firstBucket returns the bucket whose variable comes first by name; empty if the environment has
// none.
func firstBucket(e services.Environment) string {
	var names []string
	for variable := range e.Options {
		if strings.HasPrefix(variable, "BUCKET_") {
			names = append(names, variable)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return e.Options[slices.Min(names)]
}
