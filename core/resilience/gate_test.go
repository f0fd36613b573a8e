package resilience

import (
	"strconv"
	"testing"
)

func TestGatesAreBounded(t *testing.T) {
	g := newGates(false)
	g.begin("busy", "k") // under way all the time
	for i := range 3 * maxGatedEntries {
		topic := strconv.Itoa(i % 7)
		g.begin(topic, strconv.Itoa(i))
		g.end(topic)
		if g.entries > maxGatedEntries+2 {
			t.Fatalf("%d entries", g.entries)
		}
	}
	if !g.unknown {
		t.Fatal("forgot keys and still claims to know")
	}
	if blocked, _ := g.blocked("never seen", ""); !blocked {
		t.Fatal("a topic passes though nobody knows what is stranded")
	}
	entries := 0
	for _, t := range g.topics {
		entries += 1 + len(t.keys)
	}
	if entries != g.entries {
		t.Fatalf("%d entries counted as %d", entries, g.entries)
	}
	g.end("busy")
	g.learn(nil)
	for topic := range g.topics {
		if !g.open(topic, g.look(topic)) {
			t.Fatalf("topic %q does not open", topic)
		}
	}
	if g.entries != 0 || g.shut.Load() {
		t.Fatalf("%d entries left, shut %v", g.entries, g.shut.Load())
	}
}

func TestGateStaysShutForAStrandingUnderWay(t *testing.T) {
	g := newGates(false)
	g.begin("t", "k")
	mark := g.look("t")
	if g.open("t", mark) {
		t.Fatal("opened while a stranding was under way")
	}
	idle := g.hold("t")
	select {
	case <-idle:
		t.Fatal("idle while a stranding was under way")
	default:
	}
	g.end("t")
	<-idle
	g.begin("t", "k2")
	g.end("t")
	if g.open("t", mark) {
		t.Fatal("opened though a stranding was begun since the look")
	}
	blocked, queue := g.blocked("t", "k")
	if !blocked || queue == nil {
		t.Fatal("senders are not held")
	}
	g.admit("t")
	g.admit("t") // one turn at a time
	<-queue.turn
	if !g.open("t", g.look("t")) {
		t.Fatal("does not open")
	}
	<-queue.over
}
