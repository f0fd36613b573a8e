package redis

// What the tests of servers see of the inside.
var ToError = toError

// Connections is how many the client has open.
func (c *Client) Connections() int { return c.keys.dialer.connections() }
