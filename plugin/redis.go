package plugin

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// redisPatience is how long the server may take to connect, and to answer.
const redisPatience = 2 * time.Second

// redis is a connection to a Redis server, by its own protocol (https://redis.io/docs/latest/develop/reference/protocol-spec/). It knows what a few commands answer.
type redis struct {
	connection net.Conn
	reader     *bufio.Reader
}

// dialRedis connects to the server of a URL: redis:// or, with TLS, rediss://, with a user if need be, host, port and the number of a database.
func dialRedis(text, password string) (*redis, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("the URL cannot be read")
	}
	address := u.Host
	if u.Port() == "" {
		address = net.JoinHostPort(u.Hostname(), "6379")
	}
	dialer := &net.Dialer{Timeout: redisPatience}
	connection, err := dialer.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	if u.Scheme == "rediss" {
		connection = tls.Client(connection, &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12})
	}
	c := &redis{connection: connection, reader: bufio.NewReader(connection)}
	var greeting [][]string
	switch {
	case u.User.Username() != "":
		greeting = append(greeting, []string{"AUTH", u.User.Username(), password})
	case password != "":
		greeting = append(greeting, []string{"AUTH", password})
	}
	if database := strings.Trim(u.Path, "/"); database != "" {
		greeting = append(greeting, []string{"SELECT", database})
	}
	greeting = append(greeting, []string{"PING"})
	if _, err := c.ask(greeting); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *redis) close() { _ = c.connection.Close() }

// ask sends commands in one go, and gives the number that each answers: 0 for one that has none.
func (c *redis) ask(commands [][]string) ([]int, error) {
	var text strings.Builder
	for _, command := range commands {
		fmt.Fprintf(&text, "*%d\r\n", len(command))
		for _, word := range command {
			fmt.Fprintf(&text, "$%d\r\n%s\r\n", len(word), word)
		}
	}
	if err := c.connection.SetDeadline(time.Now().Add(redisPatience)); err != nil {
		return nil, err
	}
	if _, err := io.WriteString(c.connection, text.String()); err != nil {
		return nil, err
	}
	numbers := make([]int, len(commands))
	for i := range commands {
		number, err := c.answer()
		if err != nil {
			return nil, err
		}
		numbers[i] = number
	}
	return numbers, nil
}

// maxWord is the longest text that is read. All that is asked for are numbers.
const maxWord = 64

// answer reads one answer.
func (c *redis) answer() (int, error) {
	line, err := c.reader.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	kind, rest := line[0], strings.TrimSpace(string(line[1:]))
	switch kind {
	case '+':
		return 0, nil
	case '-':
		return 0, errors.New("the server says " + shortened(rest))
	case ':':
		return strconv.Atoi(rest)
	case '$':
		length, err := strconv.Atoi(rest)
		if err != nil || length > maxWord {
			return 0, errors.New("the server does not speak Redis' protocol")
		}
		if length < 0 {
			return 0, nil
		}
		word := make([]byte, length+2)
		if _, err := io.ReadFull(c.reader, word); err != nil {
			return 0, err
		}
		return strconv.Atoi(string(word[:length]))
	}
	return 0, errors.New("the server does not speak Redis' protocol")
}
