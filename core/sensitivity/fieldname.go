package sensitivity

import (
	"bytes"
	"encoding/json"
	"iter"
	"unicode"
	"unicode/utf8"
)

// fieldNames finds the names of all objects in a document, at any depth: the strings that a colon follows. It reads what
// it can of a document that is broken, since a broken one may hold a secret too.
func fieldNames(document []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for rest := document; ; {
			start := bytes.IndexByte(rest, '"')
			if start < 0 {
				return
			}
			text := rest[start+1:]
			end, escaped := closingQuote(text)
			if end < 0 {
				return
			}
			rest = text[end+1:]
			if !followedByColon(rest) {
				continue
			}
			name := text[:end]
			if escaped {
				name = unquote(name)
			}
			if !yield(name) {
				return
			}
		}
	}
}

func closingQuote(text []byte) (end int, escaped bool) {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			escaped = true
			i++
		case '"':
			return i, escaped
		}
	}
	return -1, escaped
}

func followedByColon(rest []byte) bool {
	rest = bytes.TrimLeft(rest, " \t\r\n")
	return len(rest) > 0 && rest[0] == ':'
}

func unquote(name []byte) []byte {
	var text string
	quoted := append(append([]byte{'"'}, name...), '"')
	if json.Unmarshal(quoted, &text) != nil {
		return name
	}
	return []byte(text)
}

// longestWord bounds the buffers below: no listed word is longer, plural included.
const longestWord = 16

// ofName is the highest level of the name's words, and of each two neighbours written together; 0 for none.
func ofName(name []byte) Level {
	var level Level
	var before, pair [2*longestWord + 1]byte
	beforeLen := 0
	for rest := name; ; {
		word, tail := nextWord(rest)
		if word == nil {
			return level
		}
		rest = tail
		if len(word) > longestWord {
			beforeLen = 0
			continue
		}
		var lower [longestWord]byte
		n := copy(lower[:], word)
		for i := range n {
			lower[i] = asciiLower(lower[i])
		}
		level = max(level, lookUp(lower[:n]))
		if beforeLen > 0 {
			m := copy(pair[:], before[:beforeLen])
			pair[m] = '_'
			m += 1 + copy(pair[m+1:], lower[:n])
			level = max(level, lookUp(pair[:m]))
		}
		beforeLen = copy(before[:], lower[:n])
	}
}

// lookUp finds a word or the singular of its plural.
func lookUp(word []byte) Level {
	return max(levelOf(string(word)), levelOf(string(bytes.TrimSuffix(word, []byte("s")))))
}

func asciiLower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}

// nextWord cuts the first word off a name: letters up to a change from lower to upper case (cardNumber), to the last
// capital of a run before a small letter (SSNNumber), or to anything that is no letter (card_2). Nil at the end.
func nextWord(name []byte) (word, rest []byte) {
	for len(name) > 0 {
		r, size := utf8.DecodeRune(name)
		if unicode.IsLetter(r) {
			break
		}
		name = name[size:]
	}
	if len(name) == 0 {
		return nil, nil
	}
	var previous, beforePrevious rune
	previousAt := 0
	for i := 0; i < len(name); {
		r, size := utf8.DecodeRune(name[i:])
		switch {
		case !unicode.IsLetter(r), unicode.IsLower(previous) && unicode.IsUpper(r):
			return name[:i], name[i:]
		case unicode.IsUpper(beforePrevious) && unicode.IsUpper(previous) && unicode.IsLower(r):
			return name[:previousAt], name[previousAt:]
		}
		beforePrevious, previous, previousAt = previous, r, i
		i += size
	}
	return name, nil
}
