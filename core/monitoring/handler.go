package monitoring

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

const plainText = "text/plain; charset=utf-8"

// Handler serves three pages, for GET and HEAD:
//
//   - /livez: 200 while the program runs; it asks nobody, so that a backend's outage never restarts the program.
//   - /readyz: 200 while every required backend is healthy, else 503 with a line of reason for each that is not. Only
//     required backends are asked.
//   - /status.json: [Status] as JSON, with 200 whatever it says.
//
// No answer is to be cached. What the pages show of a backend is the health and figures that its driver gives for
// everybody: no error's text but Health.Details.Reason. Under another path, use [http.StripPrefix].
func (g *Group) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, plainText, []byte("alive\n"))
	})
	mux.HandleFunc("GET /readyz", g.serveReady)
	mux.HandleFunc("GET /status.json", g.serveStatus)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		mux.ServeHTTP(w, r)
	})
}

func (g *Group) serveReady(w http.ResponseWriter, r *http.Request) {
	health := healthOf(r.Context(), g.required())
	var why strings.Builder
	for _, name := range slices.Sorted(maps.Keys(health)) {
		if h := health[name]; !h.Healthy {
			fmt.Fprintf(&why, "%s: %s\n", oneLine(name), oneLine(h.Details.Reason))
		}
	}
	if why.Len() > 0 {
		reply(w, http.StatusServiceUnavailable, plainText, []byte("not ready\n"+why.String()))
		return
	}
	reply(w, http.StatusOK, plainText, []byte("ready\n"))
}

func (g *Group) serveStatus(w http.ResponseWriter, r *http.Request) {
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(g.Status(r.Context())); err != nil {
		reply(w, http.StatusInternalServerError, plainText, []byte("a monitor gave what JSON cannot say\n"))
		return
	}
	reply(w, http.StatusOK, "application/json", body.Bytes())
}

func reply(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may have gone
}

// oneLine keeps each reason on its own line.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
