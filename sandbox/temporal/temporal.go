// Package temporal runs a Temporal server on SQLite, and Temporal's UI, in this process. The
// sandbox and the tests use it.
package temporal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/membership/static"
	sqliteplugin "go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/common/testing/freeport"
	"go.temporal.io/server/schema/sqlite"
	"go.temporal.io/server/temporal"

	"perch"
)

const (
	// Namespace is the server's only namespace.
	Namespace = "default"

	host        = "127.0.0.1"
	clusterName = "active"
	// pollsPerSecond is high enough for a chain of short runs to continue without a delay. The
	// server's default is 20, which suits clusters.
	pollsPerSecond = 1000
)

// Config says where the server listens and where it stores its data.
type Config struct {
	// Port is the frontend's gRPC port; 0 chooses a free port.
	Port int
	// Dir is the folder of the database; empty keeps it in memory.
	Dir string
}

// Server is a running Temporal server.
type Server struct {
	server  temporal.Server
	address string
}

// Start starts the server. All of its services listen on 127.0.0.1.
func Start(cfg Config) (*Server, error) {
	if cfg.Port == 0 {
		cfg.Port = freeport.MustGetFreePort()
	}
	database, err := prepare(cfg.Dir)
	if err != nil {
		return nil, err
	}
	settings := serverConfig(cfg.Port, database)
	server, err := temporal.NewServer(
		temporal.WithConfig(settings), temporal.WithStaticHosts(hosts(settings)),
		temporal.ForServices(temporal.DefaultServices), temporal.WithLogger(log.NewNoopLogger()),
		temporal.WithAuthorizer(authorization.NewNoopAuthorizer()),
		temporal.WithDynamicConfigClient(dynamicconfig.StaticClient{
			dynamicconfig.TransferProcessorMaxPollRPS.Key(): pollsPerSecond,
			// Without this, the server would report itself to version-info.temporal.io.
			dynamicconfig.EnableServerVersionCheck.Key(): false,
		}),
	)
	if err != nil {
		return nil, fmt.Errorf("make Temporal server: %w", err)
	}
	if err := server.Start(); err != nil {
		return nil, fmt.Errorf("start Temporal server: %w", err)
	}
	return &Server{server: server, address: net.JoinHostPort(host, strconv.Itoa(cfg.Port))}, nil
}

// Address returns the frontend's host and port.
func (s *Server) Address() string { return s.address }

// Stop stops the server. Open runs continue when a server is started again on the same folder.
func (s *Server) Stop() error {
	return s.server.Stop()
}

// prepare creates the database with its schema and namespace.
func prepare(dir string) (*config.SQL, error) {
	database := &config.SQL{
		PluginName: sqliteplugin.PluginName, ConnectAttributes: map[string]string{"mode": "memory", "cache": "shared"},
	}
	database.DatabaseName = strconv.FormatUint(rand.Uint64(), 36)
	if dir != "" {
		database.DatabaseName = filepath.Join(dir, "temporal.db")
		database.ConnectAttributes = map[string]string{"mode": "rwc", "_journal_mode": "wal", "_synchronous": "normal"}
		if _, err := os.Stat(database.DatabaseName); errors.Is(err, os.ErrNotExist) {
			if err := sqlite.SetupSchema(database); err != nil {
				return nil, fmt.Errorf("set up Temporal's database: %w", err)
			}
		}
	}
	namespace, err := sqlite.NewNamespaceConfig(clusterName, Namespace, false, keywords())
	if err != nil {
		return nil, fmt.Errorf("describe Temporal's namespace: %w", err)
	}
	if err := sqlite.CreateNamespaces(database, namespace); err != nil {
		return nil, fmt.Errorf("create Temporal's namespace: %w", err)
	}
	return database, nil
}

func serverConfig(port int, database *config.SQL) *config.Config {
	frontend := net.JoinHostPort(host, strconv.Itoa(port))
	return &config.Config{
		Global: config.Global{Membership: config.Membership{MaxJoinDuration: 30 * time.Second, BroadcastAddress: host}},
		Persistence: config.Persistence{
			DefaultStore: sqliteplugin.PluginName, VisibilityStore: sqliteplugin.PluginName, NumHistoryShards: 1,
			DataStores: map[string]config.DataStore{sqliteplugin.PluginName: {SQL: database}},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10, MasterClusterName: clusterName, CurrentClusterName: clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{
				clusterName: {Enabled: true, InitialFailoverVersion: 1, RPCAddress: frontend},
			},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		Services: map[string]config.Service{
			string(primitives.FrontendService): service(port),
			string(primitives.HistoryService):  service(freeport.MustGetFreePort()),
			string(primitives.MatchingService): service(freeport.MustGetFreePort()),
			string(primitives.WorkerService):   service(freeport.MustGetFreePort()),
		},
		Archival: config.Archival{
			History:    config.HistoryArchival{State: "disabled"},
			Visibility: config.VisibilityArchival{State: "disabled"},
		},
		NamespaceDefaults: config.NamespaceDefaults{Archival: config.ArchivalNamespaceDefaults{
			History:    config.HistoryArchivalNamespaceDefaults{State: "disabled"},
			Visibility: config.VisibilityArchivalNamespaceDefaults{State: "disabled"},
		}},
		PublicClient: config.PublicClient{HostPort: frontend},
	}
}

// hosts returns the addresses of the services. They are configured because a server that finds them
// through its database waits, after a restart, for the ports of its predecessor.
func hosts(settings *config.Config) map[primitives.ServiceName]static.Hosts {
	all := map[primitives.ServiceName]static.Hosts{}
	for name, service := range settings.Services {
		all[primitives.ServiceName(name)] = static.SingleLocalHost(net.JoinHostPort(
			host, strconv.Itoa(service.RPC.GRPCPort),
		))
	}
	return all
}

func service(port int) config.Service {
	return config.Service{
		RPC: config.RPC{GRPCPort: port, MembershipPort: freeport.MustGetFreePort(), BindOnLocalHost: true},
	}
}

// keywords returns Perch's search attributes. The namespace is created with them, because
// attributes that are added later only work once the server's caches expire.
func keywords() map[string]enums.IndexedValueType {
	all := map[string]enums.IndexedValueType{}
	for _, name := range perch.SearchAttributes() {
		all[name] = enums.INDEXED_VALUE_TYPE_KEYWORD
	}
	return all
}
