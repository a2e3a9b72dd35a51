// Package load sends requests to an OpenAI-compatible URL while something else is changed, and notices every one that
// fails.
//
//	run := load.Start(ctx, load.Config{URL: service})
//	run.WaitFor(ctx, 50)     // traffic flows
//	...                      // change something
//	run.WaitFor(ctx, 50)     // traffic that began after the change has been answered
//	err := run.Stop().Err()  // nil only if load ran all the time and every request was answered
//
// # What counts as a failure
//
// Anything but an answer that Config.Accept takes: a connection that cannot be made, is reset or ends early, a time-out, a
// status other than 200, a body that does not parse. A request is sent once. Redirects are not followed. Go's client
// sends some requests again when a kept connection dies under them, which would hide exactly what is looked for here, so
// bodies cannot be read twice, and a request whose headers were written twice is reported as KindLost even where its
// second try went well.
//
// One repetition remains and is not a failure: where a kept connection is found closed before a request's first byte was
// written, a new one is opened. Nothing was lost then, and every client does so.
//
// A server may close a kept connection at the very moment at which a request is written on it (RFC 9112, section 9.3.1).
// That is reported, as KindEOF, KindReset or KindLost with Failure.Reused set; a test that has to live with it can tell it
// from a connection that failed fresh.
//
// # Bounds
//
// Rate, workers, number of requests, duration and the time of each request all have defaults and ceilings. A run that
// comes to its bounds before Stop says so in its report, since a change made after that was not under load.
package load
