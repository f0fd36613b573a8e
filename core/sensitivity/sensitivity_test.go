package sensitivity

import (
	"testing"

	"github.com/breakwater-go/breakwater/ports"
)

func TestOfNameCountsWholeWords(t *testing.T) {
	for name, want := range map[string]Level{
		"passport": Critical, "passport_no": Critical, "PassportNo": Critical, "visaType": Critical, "passports": Critical,
		"cardNumber": High, "card_number": High, "CVV": High, "cvv2": High, "SSNNumber": High, "userSSN": High,
		"access-token": High, "accessTokens": High, "payment.method": High, "PASSWORD": High, "clientSecret": High,
		"email": Medium, "e_mail": Low, "userName": Medium, "user_name": Medium, "username": Medium, "user-names": Medium,
		"UserName": Medium, "contact_phone": Medium, "name_user": Low, "user": Low,
		"discard": Low, "cardinal": Low, "postcard": Low, "emailed": Low, "tokenizer": Low, "visage": Low, "": Low,
		"größe": Low, "Straße_card": High, "userID_name": Low, "x123card456": High,
		"averyveryveryveryverylongword_card": High,
	} {
		if got := OfName(name); got != want {
			t.Errorf("OfName(%q) = %v; want %v", name, got, want)
		}
	}
}

func TestOfLooksAtAnyDepth(t *testing.T) {
	for document, want := range map[string]Level{
		`{"a":[{"b":{"passport":"x"}}]}`: Critical,
		`{"a":"passport"}`:               Low, // a value is no name
		`{"a":"\"passport\":1"}`:         Low,
		`{"p\u0061ssport" : 1}`:          Critical,
		`["card"]`:                       Low,
		`{"card":null}`:                  High,
		`{"email":1,"token":2}`:          High,
		`{"email":1`:                     Medium, // broken, and still told apart
		`plain text`:                     Low,
		``:                               Low,
		`"unterminated`:                  Low,
	} {
		if got := Of([]byte(document), 0); got != want {
			t.Errorf("Of(%s) = %v; want %v", document, got, want)
		}
	}
}

func TestADeclarationOnlyRaises(t *testing.T) {
	if got := Of([]byte(`{"passport":1}`), Low); got != Critical {
		t.Errorf("declared low, has a passport: %v", got)
	}
	if got := Of([]byte(`{"a":1}`), High); got != High {
		t.Errorf("declared high: %v", got)
	}
}

func TestParse(t *testing.T) {
	for _, l := range []Level{Low, Medium, High, Critical} {
		if got, err := Parse(l.String()); got != l || err != nil {
			t.Errorf("Parse(%v) = %v, %v", l, got, err)
		}
	}
	if _, err := Parse("top"); ports.KindOf(err) != ports.ErrInvalid {
		t.Errorf("Parse(top): %v", err)
	}
}

func FuzzOf(f *testing.F) {
	for _, s := range []string{`{"passport":1}`, `{"a":"\\"}`, `"x`, `{"cardNumber":{"B":[{"c":1}]}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		level := Of(document, 0)
		if level < Low || level > Critical {
			t.Fatalf("level %d", level)
		}
		if again := Of(document, level); again != level {
			t.Fatalf("declaring the level found changes it: %v, %v", level, again)
		}
	})
}

func BenchmarkOf(b *testing.B) {
	document := []byte(`{"id":"8848","tour":{"name":"Serengeti","days":4},"travellers":[{"name":"A"},{"name":"B"}],"amount":1200.5}`)
	b.ReportAllocs()
	for b.Loop() {
		Of(document, 0)
	}
}
