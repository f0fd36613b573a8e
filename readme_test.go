package breakwater_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReadmeSnippets pastes the README's quickstart into a package of its own, runs it and tests it, as a newcomer would.
func TestReadmeSnippets(t *testing.T) {
	main, test := snippet(t, "run"), snippet(t, "test")
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	replace := map[string]string{}
	for name, text := range map[string]string{"main.go": main, "main_test.go": test} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		replace[filepath.Join(root, "readmesnippet", name)] = path
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	overlayFile := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlayFile, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	goTool := func(args ...string) string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), "go", args...).CombinedOutput()
		if err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	// A binary, not go run: the package exists in the overlay only.
	binary := filepath.Join(dir, "hello")
	goTool("build", "-overlay", overlayFile, "-o", binary, "./readmesnippet")
	out, err := exec.CommandContext(t.Context(), binary).CombinedOutput()
	if err != nil || string(out) != "room at Serengeti <nil>\n" {
		t.Errorf("the quickstart prints %q, %v", out, err)
	}
	testBinary := filepath.Join(dir, "hello.test")
	goTool("test", "-vet=off", "-overlay", overlayFile, "-c", "-o", testBinary, "./readmesnippet")
	if out, err := exec.CommandContext(t.Context(), testBinary).CombinedOutput(); err != nil {
		t.Errorf("the quickstart's test: %v\n%s", err, out)
	}
}

// snippet is the code block of the README that its marker names.
func snippet(t *testing.T, name string) string {
	t.Helper()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?s)<!-- snippet: " + name + " -->\n```go\n(.*?)```").FindSubmatch(readme)
	if m == nil {
		t.Fatalf("README.md has no snippet %q", name)
	}
	return string(m[1])
}
