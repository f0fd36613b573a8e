package main

import (
	"encoding/json"
	"fmt"
	"iter"
	"math/rand/v2"
	"time"
)

// The sample file is what the generator makes of these.
const (
	sampleSeed = 8848
	sampleSize = 240
)

// What the partners make of a request (see partners.go).
var (
	tours      = []string{"serengeti-migration", "ngorongoro-crater", "kilimanjaro-machame", "okavango-delta", "etosha-salt-pans", "bwindi-gorillas"}
	soldOut    = "victoria-falls-full-moon"
	firstNames = []string{"Amina", "Björn", "Chipo", "Dawa", "Elif", "Farah", "Gita", "Hiro", "Inés", "Jonas"}
	lastNames  = []string{"Achieng", "Bergström", "Chanda", "Dorji", "Evren", "Fofana", "Gurung", "Hayashi", "Ibáñez", "Jansen"}
)

const (
	cardDeclined = "card-declined-"
	cardFlaky    = "card-flaky-"
)

// kind of a generated line, with its share in a hundred.
var mix = []struct {
	kind  lineKind
	share int
}{
	{lineGood, 68}, {lineSoldOut, 8}, {lineDeclined, 7}, {lineFlaky, 4}, {lineRepeated, 5}, {lineBroken, 4}, {lineIncomplete, 4},
}

type lineKind int

const (
	lineGood       lineKind = iota
	lineSoldOut             // the tour is sold out: compensated
	lineDeclined            // the card is declined at every attempt: the fallback
	lineFlaky               // the payment fails once: retried
	lineRepeated            // a line that came before
	lineBroken              // no JSON, or JSON of another shape
	lineIncomplete          // fields are missing
)

// Generate makes n lines of the sample's mix; the same seed gives the same lines.
func Generate(seed uint64, n int) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		g := &generator{rng: rand.New(rand.NewPCG(seed, seed))}
		for i := range n {
			if !yield(g.line(i)) {
				return
			}
		}
	}
}

type generator struct {
	rng  *rand.Rand
	sent [][]byte // requests that a repeat can choose from, a few
}

// line makes the i-th; the first is always a good one.
func (g *generator) line(i int) []byte {
	kind := lineGood
	if i > 0 {
		kind = g.kind()
	}
	r := g.request(i)
	switch kind {
	case lineSoldOut:
		r.Tour = soldOut
	case lineDeclined:
		r.PaymentCardRef = cardDeclined + r.PaymentCardRef
	case lineFlaky:
		r.PaymentCardRef = cardFlaky + r.PaymentCardRef
	case lineRepeated:
		return g.sent[g.rng.IntN(len(g.sent))]
	case lineIncomplete:
		return g.incomplete(r)
	case lineBroken:
		return g.broken(encode(r))
	default: // a good one
	}
	return g.remember(encode(r))
}

func (g *generator) kind() lineKind {
	at := g.rng.IntN(100)
	for _, m := range mix {
		if at -= m.share; at < 0 {
			return m.kind
		}
	}
	return lineGood
}

func (g *generator) request(i int) Request {
	from := time.Date(2027, time.March, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, g.rng.IntN(200))
	travellers := make([]string, 1+g.rng.IntN(4))
	for t := range travellers {
		travellers[t] = pick(g.rng, firstNames) + " " + pick(g.rng, lastNames)
	}
	return Request{
		ID:             fmt.Sprintf("req-%06d", i+1),
		User:           fmt.Sprintf("user-%02d", g.rng.IntN(40)),
		Tour:           pick(g.rng, tours),
		Travellers:     travellers,
		AmountCents:    int64(len(travellers)) * (90_000 + int64(g.rng.IntN(300))*100),
		PaymentCardRef: fmt.Sprintf("tok-%08x", g.rng.Uint32()),
		Dates:          Dates{From: from.Format(time.DateOnly), To: from.AddDate(0, 0, 3+g.rng.IntN(10)).Format(time.DateOnly)},
	}
}

// remember keeps the newest requests for repeats.
func (g *generator) remember(line []byte) []byte {
	const few = 16
	if len(g.sent) == few {
		g.sent = g.sent[1:]
	}
	g.sent = append(g.sent, line)
	return line
}

// incomplete leaves one field out, in one case the request's own id.
func (g *generator) incomplete(r Request) []byte {
	names := []string{"request_id", "user", "tour", "travellers", "amount_cents", "payment_card_ref", "dates"}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(encode(r), &fields); err != nil {
		panic(err) // encode made it
	}
	delete(fields, pick(g.rng, names))
	line, err := json.Marshal(fields) // by name, so that a seed always gives the same bytes
	if err != nil {
		panic(err)
	}
	return line
}

// broken spoils a line in one of the ways that files are spoilt.
func (g *generator) broken(line []byte) []byte {
	switch g.rng.IntN(4) {
	case 0:
		return line[:len(line)/2] // cut off
	case 1:
		return append(line, line...) // two lines in one
	case 2:
		return []byte("#" + string(line)) // commented out
	default:
		return []byte(`{"request_id": 17, "user": ["of", "another", "shape"]}`)
	}
}

func pick(rng *rand.Rand, from []string) string { return from[rng.IntN(len(from))] }

// encode cannot fail: a request has nothing but text and numbers.
func encode(r Request) []byte {
	line, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	return line
}
