package run

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/url"

	"perch/client"
	"perch/readapi"
	web "perch/web/server"
)

// localUser is the login of the person who is signed in at the dashboard.
const localUser = "you"

// serveDashboard runs the same dashboard as in production, in this process. It reads from the
// worker. Everyone who uses this machine is signed in, and their actions are written to logs.
func (s *Sandbox) serveDashboard(ctx context.Context, logs io.Writer) error {
	temporal, err := client.Dial(ctx, lookup(s.exports(), nothing))
	if err != nil {
		return err
	}
	s.closing(func() error { temporal.Close(); return nil })
	address, err := url.Parse(s.dashboardURL)
	if err != nil {
		return err
	}
	dashboard := web.NewDashboard(web.Settings{
		Project: s.name, PublicURL: address, Temporal: temporal, LocalUser: localUser,
		Logger: slog.New(slog.NewTextHandler(logs, nil)),
		Worker: &readapi.Client{
			Address: "http://" + s.read.Address, Token: s.read.Token, Project: s.name, HTTP: http.DefaultClient,
		},
	})
	s.serve(s.dashboard, dashboard)
	s.closing(func() error { dashboard.Close(); return nil })
	return nil
}
