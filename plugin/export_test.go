package plugin

import "time"

// What tests call by themselves.
var (
	ParseRanges   = parseRanges
	ClientAddress = clientAddress
	Borrow        = borrow
)

// TakeAt counts one request of a client that has one in a minute, and gives how long it has to wait.
func TakeAt(name string, now time.Time) time.Duration {
	return meterOf(name).take("a", 1, time.Minute, now)
}

// SetBodyMemory says how much the bodies of all requests may take.
func SetBodyMemory(most int64) { bodyMemory.most = most }
