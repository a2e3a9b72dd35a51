// Package value holds values that preview may not know yet.
package value

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumix"

	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
)

// Value is a T of which some parts may be unknown in preview.
type Value[T any] struct {
	now      T
	complete bool
	later    pulumix.Output[T]
}

// Known is a value of which everything is known.
func Known[T any](t T) Value[T] {
	return Value[T]{now: t, complete: true, later: pulumix.Val(t)}
}

// Partly is a value that later resolves to. Now is what is known of it: a part that was given but is not known yet is
// present in it, and empty.
func Partly[T any](now T, later pulumix.Output[T]) Value[T] {
	return Value[T]{now: now, later: later}
}

// Wholly is a value that later resolves to and that is known to be now: later adds what it depends on, and whether it is
// secret.
func Wholly[T any](now T, later pulumix.Output[T]) Value[T] {
	return Value[T]{now: now, complete: true, later: later}
}

// Now is the value as far as it is known. It decides what must not wait: which children there are, and what they are called.
func (v Value[T]) Now() T { return v.now }

// Complete says whether all of the value is known now.
func (v Value[T]) Complete() bool { return v.complete }

// Output is the whole value, with what it depends on and whether it is secret.
func (v Value[T]) Output() pulumix.Output[T] { return v.later }

// Map is what f makes of a value. F is called once where everything is known; else it is called with what is known, too.
func Map[T, U any](v Value[T], f func(T) U) Value[U] {
	return Decide(v, func(t T) (U, fault.List) { return f(t), nil })
}

// Map2 is what f makes of two values.
func Map2[A, B, U any](a Value[A], b Value[B], f func(A, B) U) Value[U] {
	return Decide2(a, b, func(a A, b B) (U, fault.List) { return f(a, b), nil })
}

// Decide is what decide makes of a value. All faults are the output's error: a value that preview does not know reaches the
// rules there for the first time.
func Decide[T, U any](v Value[T], decide func(T) (U, fault.List)) Value[U] {
	now, faults := decide(v.now)
	return Value[U]{now: now, complete: v.complete, later: pulumix.ApplyErr(v.later, func(t T) (U, error) {
		if v.complete {
			return now, faults.Err()
		}
		decided, faults := decide(t)
		return decided, faults.Err()
	})}
}

// Check is the value, with an error of all that check finds once everything is known.
func Check[T any](v Value[T], check func(T) fault.List) Value[T] {
	v.later = pulumix.ApplyErr(v.later, func(t T) (T, error) { return t, check(t).Err() })
	return v
}

// Decide2 is [Decide] for what depends on two values.
func Decide2[A, B, U any](a Value[A], b Value[B], decide func(A, B) (U, fault.List)) Value[U] {
	return Decide(Join(a, b), func(p Pair[A, B]) (U, fault.List) { return decide(p.A, p.B) })
}

// Pair is two values in one.
type Pair[A, B any] struct {
	A A
	B B
}

// Join makes one value of two.
func Join[A, B any](a Value[A], b Value[B]) Value[Pair[A, B]] {
	return Value[Pair[A, B]]{
		now: Pair[A, B]{a.now, b.now}, complete: a.complete && b.complete,
		later: pulumix.Apply2(a.later, b.later, func(a A, b B) Pair[A, B] { return Pair[A, B]{a, b} }),
	}
}
