// Package sensitivity tells how carefully data is to be handled, from the names of its fields and from what the
// application declares. A declaration only raises.
package sensitivity

import (
	"fmt"

	"github.com/breakwater-go/breakwater/ports"
)

// Level of care; the zero value is "not said", which counts as Low.
type Level uint8

// The levels, and the words of field names that stand for them.
const (
	// Low: everything else.
	Low Level = iota + 1
	// Medium: email, phone, user_name.
	Medium
	// High: password, payment, card, cvv, secret, ssn, token.
	High
	// Critical: passport, visa.
	Critical
)

var levelTexts = [...]string{"low", "low", "medium", "high", "critical"}

// String is the level in lower case; the zero value reads "low".
func (l Level) String() string {
	if int(l) >= len(levelTexts) {
		return fmt.Sprintf("Level(%d)", uint8(l))
	}
	return levelTexts[l]
}

// Parse finds a level by its name; the error lists the valid ones.
func Parse(name string) (Level, error) {
	for l := Low; l <= Critical; l++ {
		if l.String() == name {
			return l, nil
		}
	}
	return 0, ports.Errorf("sensitivity", "parse", ports.ErrInvalid, "level is %q; valid are low, medium, high, critical", name)
}

// levelOf is the level of a word of a field name, 0 for none. Words of two parts count when written as one too.
func levelOf(word string) Level {
	switch word {
	case "passport", "visa":
		return Critical
	case "password", "payment", "card", "cvv", "secret", "ssn", "token":
		return High
	case "email", "phone", "user_name", "username":
		return Medium
	}
	return 0
}

// Of is the level of a JSON document whose application declared it as declared (0 = not at all): the highest that any
// field name gives, at any depth. Names count by whole words: passport_no, cardNumber and userName do, discard does not;
// a plural counts as its singular. What is not JSON is as declared.
func Of(document []byte, declared Level) Level {
	level := max(declared, Low)
	for name := range fieldNames(document) {
		if level >= Critical {
			break
		}
		level = max(level, ofName(name))
	}
	return level
}

// OfName is the level that a single field name gives.
func OfName(name string) Level { return max(Low, ofName([]byte(name))) }
