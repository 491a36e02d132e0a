package cfn

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"perch"
)

// bundlePrefix is the beginning of the keys of source bundles.
const bundlePrefix = "bundles/"

//go:embed database-url.sh
var databaseURLScript []byte

// bundleTime is the time of every file in a bundle: the earliest that a zip archive can hold.
var bundleTime = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

type bundleFile struct {
	name string
	mode fs.FileMode
	body []byte
}

// Bundle returns the source bundle, a zip archive that tells Elastic Beanstalk's Docker platform
// which image to run, and its key, `bundles/<sha256>.zip`. host is the environment's host name;
// empty if it has none. The same image and host give the same bundle. The bundle contains nothing
// secret.
func Bundle(settings perch.Settings, host string) (body []byte, key string, err error) {
	if settings.Image == "" {
		return nil, "", errors.New("settings have no image: say in perch.yaml which Docker image to run")
	}
	var proxy []byte
	if proxied(settings, host) {
		proxy = proxyConfig(settings, host)
	}
	compose, err := composeFile(settings, proxy)
	if err != nil {
		return nil, "", fmt.Errorf("make source bundle: %w", err)
	}
	var files []bundleFile
	if settings.Database != nil {
		files = append(files,
			bundleFile{".platform/confighooks/predeploy/10-database-url.sh", 0o755, databaseURLScript},
			bundleFile{".platform/hooks/predeploy/10-database-url.sh", 0o755, databaseURLScript},
			bundleFile{"database.env", 0o600, nil})
	}
	files = append(files, bundleFile{"docker-compose.yml", 0o644, compose})
	if proxy != nil {
		files = append(files, bundleFile{proxyFile, 0o644, proxy})
	}
	if body, err = archive(files); err != nil {
		return nil, "", fmt.Errorf("make source bundle: %w", err)
	}
	sum := sha256.Sum256(body)
	return body, bundlePrefix + hex.EncodeToString(sum[:]) + ".zip", nil
}

// composeFile returns the Compose file. It runs the image, and publishes the port of the container
// or of the proxy as the instance's port 80. Beanstalk writes the environment variables to .env,
// and the hook writes DATABASE_URL to database.env. database.env comes first, so that a
// DATABASE_URL that the app sets wins. The bundle has an empty database.env, because Compose fails
// if the file is missing. The label changes with the proxy's configuration, so that Compose then
// recreates the container. The file is JSON, which is also YAML. Dollar signs are doubled, because
// a single one begins a variable of Compose.
func composeFile(settings perch.Settings, proxy []byte) ([]byte, error) {
	type labels = map[string]string
	type service struct {
		DependsOn []string `json:"depends_on,omitempty"`
		EnvFile   []string `json:"env_file,omitempty"`
		Image     string   `json:"image"`
		Labels    labels   `json:"labels,omitempty"`
		Ports     []string `json:"ports,omitempty"`
		Restart   string   `json:"restart"`
		Volumes   []string `json:"volumes,omitempty"`
	}
	app := service{
		EnvFile: []string{".env"},
		Image:   strings.ReplaceAll(settings.Image, "$", "$$"),
		Ports:   []string{"80:" + containerPort(settings)},
		Restart: "always",
	}
	if settings.Database != nil {
		app.EnvFile = []string{"database.env", ".env"}
	}
	services := map[string]service{}
	if proxy != nil {
		app.Ports = nil
		sum := sha256.Sum256(proxy)
		services["proxy"] = service{
			DependsOn: []string{
				"app",
			}, Image: proxyImage, Labels: labels{"perch.configuration": hex.EncodeToString(sum[:])},
			Ports: []string{"80:80"}, Restart: "always",
			Volumes: []string{"./" + proxyFile + ":/etc/nginx/conf.d/default.conf:ro"},
		}
	}
	services["app"] = app
	compose, err := json.MarshalIndent(map[string]any{"services": services}, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(compose, '\n'), nil
}

// archive zips files in the given order. The same files always give the same bytes.
func archive(files []bundleFile) ([]byte, error) {
	var out bytes.Buffer
	writer := zip.NewWriter(&out)
	for _, file := range files {
		header := &zip.FileHeader{Name: file.name, Method: zip.Store, Modified: bundleTime}
		header.SetMode(file.mode)
		entry, err := writer.CreateHeader(header)
		if err != nil {
			return nil, err
		}
		if _, err := entry.Write(file.body); err != nil {
			return nil, err
		}
	}
	if err := writer.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
