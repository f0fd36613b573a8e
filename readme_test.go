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
	if out := paste(t, map[string]string{"main.go": snippet(t, "run"), "main_test.go": snippet(t, "test")}); out != "room at Serengeti <nil>\n" {
		t.Errorf("the quickstart prints %q", out)
	}
	if out := paste(t, map[string]string{"main.go": snippet(t, "fx")}); out != "<nil> <nil>\n" {
		t.Errorf("the fx example prints %q", out)
	}
}

// paste builds and runs a package of these files, and its tests if it has any; it returns what the program prints.
func paste(t *testing.T, files map[string]string) string {
	t.Helper()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	replace := map[string]string{}
	for name, text := range files {
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
	out, err := exec.CommandContext(t.Context(), binary).Output()
	if err != nil {
		t.Errorf("the program ends with %v", err)
	}
	if files["main_test.go"] != "" {
		testBinary := filepath.Join(dir, "hello.test")
		goTool("test", "-vet=off", "-overlay", overlayFile, "-c", "-o", testBinary, "./readmesnippet")
		if out, err := exec.CommandContext(t.Context(), testBinary).CombinedOutput(); err != nil {
			t.Errorf("its tests: %v\n%s", err, out)
		}
	}
	return string(out)
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
