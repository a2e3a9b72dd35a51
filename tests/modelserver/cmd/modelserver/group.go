package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// group is what a process is told of a replica of several: how many there are, which one it is, and where the first of them, the leader,
// is found. As those of an engine do, they come together before the leader serves, and end together.
type group struct {
	nodes, rank int
	leader      string
}

// leaderPort is where vLLM's processes meet by default.
const leaderPort = "29501"

// meet waits for the others, and gives the ranks that have come, this one's first. Lost tells the first of them that is gone.
func (g group) meet() (ranks []int, lost <-chan error, err error) {
	if g.nodes < 2 {
		return nil, nil, nil
	}
	if g.rank < 0 || g.rank >= g.nodes || g.leader == "" {
		return nil, nil, fmt.Errorf("rank %d of %d with the leader %q: write a rank from 0 to %d, and a leader", g.rank, g.nodes, g.leader, g.nodes-1)
	}
	address := g.leader
	if !strings.Contains(address, ":") {
		address = net.JoinHostPort(address, leaderPort)
	}
	if g.rank == 0 {
		return g.lead(address)
	}
	return g.follow(address)
}

// lead takes a connection of each worker, which says its rank.
func (g group) lead(address string) ([]int, <-chan error, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, nil, err
	}
	listener, err := net.Listen("tcp", ":"+port)
	if err != nil {
		return nil, nil, err
	}
	defer listener.Close()
	ranks, lost := []int{0}, make(chan error, g.nodes)
	for len(ranks) < g.nodes {
		connection, err := listener.Accept()
		if err != nil {
			return nil, nil, err
		}
		line, err := bufio.NewReader(connection).ReadString('\n')
		rank, notANumber := strconv.Atoi(strings.TrimSpace(line))
		if err != nil || notANumber != nil || slices.Contains(ranks, rank) {
			log.Printf("%s says that it is %q", connection.RemoteAddr(), line)
			connection.Close()
			continue
		}
		ranks = append(ranks, rank)
		go watch(connection, rank, lost)
	}
	slices.Sort(ranks)
	return ranks, lost, nil
}

// follow tells the leader this process's rank, as soon as there is a leader.
func (g group) follow(address string) ([]int, <-chan error, error) {
	lost := make(chan error, 1)
	for {
		connection, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			log.Printf("the leader is not there yet: %s", err)
			time.Sleep(200 * time.Millisecond)
			continue
		}
		if _, err := fmt.Fprintln(connection, g.rank); err != nil {
			connection.Close()
			continue
		}
		go watch(connection, 0, lost)
		return []int{g.rank}, lost, nil
	}
}

// watch waits for the end of a connection to another process.
func watch(connection net.Conn, rank int, lost chan<- error) {
	defer connection.Close()
	_, err := io.Copy(io.Discard, connection)
	lost <- errors.Join(fmt.Errorf("the process of rank %d is gone", rank), err)
}

// texts are ranks as a header has them.
func texts(ranks []int) string {
	all := make([]string, len(ranks))
	for i, rank := range ranks {
		all[i] = strconv.Itoa(rank)
	}
	return strings.Join(all, " ")
}
