package temporal

import (
	"fmt"
	"io/fs"
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"github.com/temporalio/ui-server/v2/server/config"
	"github.com/temporalio/ui-server/v2/server/csrf"
	"github.com/temporalio/ui-server/v2/server/route"
	"github.com/temporalio/ui-server/v2/ui"
)

// UI returns Temporal's UI for the server at address. It is built from parts of the UI library,
// because the library's own server chooses its port itself, and ends the process if that port is
// taken.
func UI(address string) (http.Handler, error) {
	settings, err := config.NewConfigProviderWithRefresh(&config.Config{
		TemporalGRPCAddress: address, EnableUI: true, DefaultNamespace: Namespace, DisableNewsFetch: true,
		CORS: config.CORS{CookieInsecure: true},
	})
	if err != nil {
		return nil, fmt.Errorf("configure Temporal's UI: %w", err)
	}
	assets, err := ui.Assets()
	if err != nil {
		return nil, fmt.Errorf("find the pages of Temporal's UI: %w", err)
	}
	if assets, err = fs.Sub(assets, "local"); err != nil {
		return nil, fmt.Errorf("find the pages of Temporal's UI: %w", err)
	}
	e := echo.New()
	e.Use(
		middleware.Recover(), middleware.Gzip(), middleware.Secure(), csrf.EnsureTokenCookie(false),
		middleware.CSRFWithConfig(csrf.MiddlewareConfig(settings, false)),
	)
	if err := route.SetAPIRoutes(e, settings, nil); err != nil {
		return nil, fmt.Errorf("make the API of Temporal's UI: %w", err)
	}
	if err := route.SetUIRoutes(e, "", assets, settings); err != nil {
		return nil, fmt.Errorf("make the pages of Temporal's UI: %w", err)
	}
	route.SetRenderRoute(e, "/")
	return e, nil
}
