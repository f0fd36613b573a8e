package messaging

import (
	"strings"
	"testing"

	"github.com/breakwater-go/breakwater/ports"
)

func TestProcessIDsFitEveryOrchestrator(t *testing.T) {
	long := strings.Repeat("x", 2000)
	seen := map[string]ports.Message{}
	for _, m := range []ports.Message{
		{Topic: "orders", ID: "8848"}, {Topic: "größe", ID: "ä 1"}, {Topic: "gr%C3%B6%C3%9Fe", ID: "%C3%A4 1"},
		{Topic: "t", ID: "a\nb"}, {Topic: "t", ID: long}, {Topic: "t", ID: long + "y"},
	} {
		id := processID(m.Topic + "/" + m.ID)
		if len(id) > maxProcessID || strings.IndexFunc(id, func(r rune) bool { return r < ' ' || r > '~' }) >= 0 {
			t.Errorf("%q", id)
		}
		if other, ok := seen[id]; ok {
			t.Errorf("%+v and %+v share %q", m, other, id)
		}
		seen[id] = m
	}
	if got := processID("orders/8848"); got != "orders/8848" {
		t.Errorf("a plain id became %q", got)
	}
}
