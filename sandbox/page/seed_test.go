package page

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"perch/sandbox/aws/services"
)

// post sends a seed to the page of e and returns the answer.
func post(
	t *testing.T, h http.Handler, e services.Environment, method, body string, headers map[string]string,
) (int, string) {
	t.Helper()
	r := httptest.NewRequest(method, "/seed", strings.NewReader(body))
	r.Host = e.Host
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestASeedIsKeptOnceAndShown(t *testing.T) {
	client := storage(t)
	fill(t, client, "shop-login-assets")
	h := New(Config{Environments: func() []services.Environment { return []services.Environment{login()} }, S3: client})
	key := map[string]string{"Idempotency-Key": "stack-1-abc"}
	for _, want := range []struct {
		code int
		body string
	}{{http.StatusCreated, `{"users": ["jane"]}`}, {http.StatusOK, `{"users": ["sam"]}`}} {
		if code, answer := post(t, h, login(), http.MethodPost, want.body, key); code != want.code {
			t.Errorf("%s: %d %s", want.body, code, answer)
		}
	}
	_, body := get(t, client, "login.localhost", "/", login())
	contains(t, body, "seed/stack-1-abc.json", "jane")
	if strings.Contains(body, "sam") {
		t.Error("a repeat has changed what was kept")
	}
}

func TestASeedWantsTheEnvironmentsToken(t *testing.T) {
	client := storage(t)
	fill(t, client, "shop-login-assets")
	guarded := login()
	guarded.Guarded, guarded.SeedToken = true, "t0ken"
	unreadable := guarded
	unreadable.SeedToken = ""
	for name, test := range map[string]struct {
		e             services.Environment
		authorization string
		want          int
	}{
		"the token":             {guarded, "Bearer t0ken", http.StatusCreated},
		"another token":         {guarded, "Bearer t0ke", http.StatusUnauthorized},
		"no token":              {guarded, "", http.StatusUnauthorized},
		"a secret that is gone": {unreadable, "Bearer ", http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			h := New(Config{
				Environments: func() []services.Environment { return []services.Environment{test.e} }, S3: client,
			})
			code, answer := post(
				t, h, test.e, http.MethodPost, "{}",
				map[string]string{"Idempotency-Key": "k", "Authorization": test.authorization},
			)
			if code != test.want || strings.Contains(answer, "t0ken") {
				t.Errorf("%d %s, want %d", code, answer, test.want)
			}
			if _, body := get(t, client, test.e.Host, "/", test.e); strings.Contains(body, "t0ken") {
				t.Error("the page shows the token")
			}
		})
	}
}

func TestWhatIsNotASeedIsRejected(t *testing.T) {
	client := storage(t)
	fill(t, client, "shop-login-assets")
	bare := login()
	delete(bare.Options, "BUCKET_PRIVATE_ASSETS")
	key := map[string]string{"Idempotency-Key": "k"}
	for name, test := range map[string]struct {
		e            services.Environment
		method, body string
		headers      map[string]string
		want         int
	}{
		"another method": {login(), http.MethodGet, "", key, http.StatusMethodNotAllowed},
		"no key":         {login(), http.MethodPost, "{}", nil, http.StatusBadRequest},
		"a path as key": {
			login(), http.MethodPost, "{}", map[string]string{"Idempotency-Key": "../x"}, http.StatusBadRequest,
		},
		"no JSON": {login(), http.MethodPost, "<x>", key, http.StatusBadRequest},
		"too much": {login(), http.MethodPost, `"` + strings.Repeat("x", longestSeed) +
			`"`, key, http.StatusRequestEntityTooLarge},
		"no bucket at all": {bare, http.MethodPost, "{}", key, http.StatusConflict},
	} {
		t.Run(name, func(t *testing.T) {
			h := New(Config{
				Environments: func() []services.Environment { return []services.Environment{test.e} }, S3: client,
			})
			if code, answer := post(t, h, test.e, test.method, test.body, test.headers); code != test.want {
				t.Errorf("%d %s, want %d", code, answer, test.want)
			}
		})
	}
}

func TestASeedIsAnsweredWith503WhileTheBucketRejectsWrites(t *testing.T) {
	h := New(Config{
		Environments: func() []services.Environment { return []services.Environment{login()} }, S3: storage(t),
	})
	code, answer := post(t, h, login(), http.MethodPost, "{}", map[string]string{"Idempotency-Key": "k"})
	if code != http.StatusServiceUnavailable {
		t.Errorf("%d %s", code, answer)
	}
}
