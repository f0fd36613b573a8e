package messaging

import (
	"context"
	"maps"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/breakwater-go/breakwater/ports"
)

// DeadLetterSuffix makes a topic's dead-letter topic of its name.
const DeadLetterSuffix = "-dlq"

// Headers of a dead letter, beside those of the message. Its id, key and payload are the message's own.
const (
	// HeaderDeadReason is a [Reason].
	HeaderDeadReason = "breakwater-dead-reason"
	// HeaderDeadAttempts is how often it was tried, in decimal.
	HeaderDeadAttempts = "breakwater-dead-attempts"
	// HeaderDeadTopic and HeaderDeadID say which message it was.
	HeaderDeadTopic = "breakwater-dead-topic"
	HeaderDeadID    = "breakwater-dead-id"
	// HeaderDeadError is the last error's text, without the payload, at most 1024 bytes.
	HeaderDeadError = "breakwater-dead-error"
	// HeaderDeadGroup is the group whose handler gave up; absent after Client.DeadLetter.
	HeaderDeadGroup = "breakwater-dead-group"
	// HeaderDeadAt is when, RFC 3339 in UTC with milliseconds.
	HeaderDeadAt = "breakwater-dead-at"
)

// Reason why a message is on a dead-letter topic: one of these, or the application's own word.
type Reason string

// The reasons that a handler's message can have.
const (
	// ReasonFailed: the handler returned an error at every run.
	ReasonFailed Reason = "attempts spent"
	// ReasonUndecodable: the payload is not what the handler takes; it was never run.
	ReasonUndecodable Reason = "undecodable"
	// ReasonPanic and ReasonTimeout: as ReasonFailed, and the last run panicked or outlived its timeout.
	ReasonPanic   Reason = "panic"
	ReasonTimeout Reason = "timeout"
	// ReasonRefused: a stranded message that the primary broker calls invalid.
	ReasonRefused Reason = "refused"
)

// DeadLetter is what a dead letter's headers say.
type DeadLetter struct {
	Reason   Reason
	Attempts int
	Topic    string
	ID       string
	Err      string
	Group    string
	At       time.Time
}

// ParseDeadLetter reads the headers of a message on a dead-letter topic; false when it is not a dead letter.
func ParseDeadLetter(headers map[string]string) (DeadLetter, bool) {
	reason, ok := headers[HeaderDeadReason]
	if !ok {
		return DeadLetter{}, false
	}
	attempts, _ := strconv.Atoi(headers[HeaderDeadAttempts]) // who wrote no number made no attempts that we know of
	at, _ := time.Parse(time.RFC3339, headers[HeaderDeadAt])
	return DeadLetter{Reason: Reason(reason), Attempts: attempts, Topic: headers[HeaderDeadTopic], ID: headers[HeaderDeadID],
		Err: headers[HeaderDeadError], Group: headers[HeaderDeadGroup], At: at}, true
}

// DeadLetter puts payload on the dead-letter topic of topic, for what never became a message of it: a line that does not
// parse, a request that a process refuses. reason is one word or a few; cause, if not nil, is the error's text. It is sent
// as SmartSend sends, with the same options and promises. RS-047, RS-050.
func (c *Client) DeadLetter(ctx context.Context, topic string, payload any, reason Reason, cause error, options ...SendOption) (Receipt, error) {
	const verb = "dead letter "
	if reason == "" {
		return Receipt{}, invalid(verb+topic, "reason is empty; valid is any word")
	}
	o, err := newOutgoing(verb, topic, payload, "", options)
	if err != nil {
		return Receipt{}, err
	}
	if o.message.ID == "" {
		o.message.ID = uuid.NewString()
	}
	dead := deadLetter(&o.message, DeadLetter{Reason: reason}, cause)
	receipt, err := c.send(ctx, dead, o.declared)
	if err == nil {
		c.deadLettered.Add(1)
	}
	return receipt, err
}

// bury puts a received message on its dead-letter topic.
func (c *Client) bury(ctx context.Context, m *ports.Message, about DeadLetter, cause error) error {
	_, err := c.send(ctx, deadLetter(m, about, cause), 0)
	if err == nil {
		c.deadLettered.Add(1)
	}
	return err
}

// buryRefused takes a stranded message that the primary will never take.
func (c *Client) buryRefused(ctx context.Context, m *ports.Message, cause error) error {
	dead := deadLetter(m, DeadLetter{Reason: ReasonRefused, Attempts: 1}, cause)
	tctx, cancel := context.WithTimeout(ctx, c.c.SendTimeout)
	defer cancel()
	// Straight to the primary: to strand what leaves the store would only move it.
	_, err := c.c.Primary.Publish(tctx, dead)
	if err == nil {
		c.deadLettered.Add(1)
	}
	return err
}

// deadLetter is m as it stands on the dead-letter topic.
func deadLetter(m *ports.Message, about DeadLetter, cause error) *ports.Message {
	headers := maps.Clone(m.Headers)
	if headers == nil {
		headers = map[string]string{}
	}
	headers[HeaderDeadReason] = string(about.Reason)
	headers[HeaderDeadAttempts] = strconv.Itoa(about.Attempts)
	headers[HeaderDeadTopic] = m.Topic
	headers[HeaderDeadID] = m.ID
	headers[HeaderDeadAt] = time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
	if about.Group != "" {
		headers[HeaderDeadGroup] = about.Group
	}
	if cause != nil {
		headers[HeaderDeadError] = errorText(cause, m.Payload)
	}
	return &ports.Message{ID: m.ID, Topic: m.Topic + DeadLetterSuffix, Key: m.Key, Payload: m.Payload, Headers: headers}
}

// maxErrorText bounds what an error may add to a message.
const maxErrorText = 1024

// errorText is err's text for a header or a log: without the payload, should the application have quoted it, and bounded.
func errorText(err error, payload []byte) string {
	text := strings.ToValidUTF8(err.Error(), "\uFFFD")
	text = withoutPayload(text, string(payload))
	if len(text) > maxErrorText {
		text = strings.ToValidUTF8(text[:maxErrorText], "")
	}
	return text
}

// withoutPayload takes the payload out of a text, where it stands as words of its own: a payload of "1" leaves "10" alone.
func withoutPayload(text, payload string) string {
	if payload == "" {
		return text
	}
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, payload)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		if apart(before, payload) && apart(payload, after) {
			b.WriteString("[payload]")
		} else {
			b.WriteString(payload)
		}
		text = after
	}
}

// apart says whether no word runs from the end of before into after.
func apart(before, after string) bool {
	last, _ := utf8.DecodeLastRuneInString(before)
	first, _ := utf8.DecodeRuneInString(after)
	return !isWord(last) || !isWord(first)
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
