package boltkv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/breakwater-go/breakwater/ports"
)

func openFile(t *testing.T, path string) *bbolt.DB {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func mustNot(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestDataOutlivesTheDatabaseHandle(t *testing.T) {
	ctx, path := t.Context(), filepath.Join(t.TempDir(), "test.db")
	db := openFile(t, path)
	c := New(db).Client("a")
	mustNot(t, c.Set(ctx, "k", []byte("v"), ports.SetOptions{TTL: time.Hour}))
	if _, err := c.HSet(ctx, "h", map[string][]byte{"f": []byte("v")}, 0); err != nil {
		t.Fatal(err)
	}
	mustNot(t, db.Close())
	if err := second(c.Get(ctx, "k")); !errors.Is(err, ports.ErrUnavailable) {
		t.Errorf("get from a closed database: %v; want unavailable", err)
	}

	c = New(openFile(t, path)).Client("a")
	if v, err := c.Get(ctx, "k"); string(v) != "v" || err != nil {
		t.Errorf("get after reopening: %q, %v", v, err)
	}
	if left, err := c.TTL(ctx, "k"); left <= 59*time.Minute || left > time.Hour || err != nil {
		t.Errorf("ttl after reopening: %v, %v", left, err)
	}
	if v, err := c.HGet(ctx, "h", "f"); string(v) != "v" || err != nil {
		t.Errorf("hget after reopening: %q, %v", v, err)
	}
}

// TestExpiredKeysLeave: what nobody reads any more is deleted by later writes.
func TestExpiredKeysLeave(t *testing.T) {
	ctx := t.Context()
	db := openFile(t, filepath.Join(t.TempDir(), "test.db"))
	db.NoSync = true
	c := New(db).Client("a")
	for i := range 100 {
		mustNot(t, c.Set(ctx, fmt.Sprint("dead", i), []byte("v"), ports.SetOptions{TTL: time.Millisecond}))
	}
	mustNot(t, c.Set(ctx, "alive", []byte("v"), ports.SetOptions{}))
	deadline := time.Now().Add(10 * time.Second)
	for stored := 101; stored > 1; {
		mustNot(t, c.Set(ctx, "alive", []byte("v"), ports.SetOptions{}))
		mustNot(t, db.View(func(tx *bbolt.Tx) error {
			stored = tx.Bucket(c.namespace).Stats().KeyN
			return nil
		}))
		if time.Now().After(deadline) {
			t.Fatalf("%d keys are still stored; want 1", stored)
		}
	}
}

// TestCancelEndsTheWaitForAnotherWriter: within the 100 ms that package ports promises.
func TestCancelEndsTheWaitForAnotherWriter(t *testing.T) {
	store := New(openFile(t, filepath.Join(t.TempDir(), "test.db")))
	writing, finish, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- store.Client("a").run(t.Context(), "wait", true, func(*transaction) error {
			close(writing)
			<-finish
			return nil
		})
	}()
	<-writing
	ctx, cancel := context.WithCancel(t.Context())
	timer := time.AfterFunc(20*time.Millisecond, cancel)
	defer timer.Stop()
	began := time.Now()
	err := store.Client("b").Set(ctx, "k", []byte("v"), ports.SetOptions{})
	if took := time.Since(began); !errors.Is(err, ports.ErrCanceled) || took > 120*time.Millisecond {
		t.Errorf("set behind another writer: %v after %v; want canceled after 20 ms", err, took)
	}
	close(finish)
	mustNot(t, <-done)
}

func TestTooLargeKeyIsExhausted(t *testing.T) {
	c := New(openFile(t, filepath.Join(t.TempDir(), "test.db"))).Client("a")
	err := c.Set(t.Context(), strings.Repeat("k", bbolt.MaxKeySize+1), nil, ports.SetOptions{})
	if !errors.Is(err, ports.ErrExhausted) {
		t.Errorf("%v; want exhausted", err)
	}
}

func TestAsGivesTheDatabase(t *testing.T) {
	db := openFile(t, filepath.Join(t.TempDir(), "test.db"))
	var got *bbolt.DB
	if c := New(db).Client("a"); !c.As(&got) || got != db || c.As((**bbolt.DB)(nil)) {
		t.Error("As did not give the database, or took a nil pointer")
	}
}

// TestDriverIsShort holds the driver to 300 lines of code, blank lines and comments apart.
func TestDriverIsShort(t *testing.T) {
	const most = 300
	text, err := os.ReadFile("boltkv.go")
	mustNot(t, err)
	n := 0
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) > 0 && !bytes.HasPrefix(line, []byte("//")) {
			n++
		}
	}
	if n > most {
		t.Errorf("the driver has %d lines of code; want %d at most", n, most)
	}
}

func second[T any](_ T, err error) error { return err }
