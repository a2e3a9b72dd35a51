package child

import (
	"context"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumix"
)

// settleTime is how long all replicas of a gateway have to see a write. It is well above the time that a busy Traefik takes.
const settleTime = 2 * time.Second

// recent is the age below which a write counts as one of this update. It leaves room for clocks that disagree, and is short
// enough that an update which changes nothing hardly ever waits.
const recent = 10 * time.Second

// Settled is known once all of the gateway's replicas have had time to see these objects. Each replica reads objects of
// different kinds in any order, so no order of writes is enough by itself. It waits only after a recent write.
func (o Owner) Settled(objects ...*Object) pulumix.Output[bool] {
	written := pulumix.Val(time.Time{})
	for _, object := range objects {
		if object != nil {
			written = pulumix.Apply2(written, Map(object.Metadata), func(last time.Time, metadata map[string]any) time.Time {
				if at := lastWrite(metadata); at.After(last) {
					return at
				}
				return last
			})
		}
	}
	return pulumix.ApplyErr(written, func(last time.Time) (bool, error) {
		if o.ctx.DryRun() || !isRecent(last, time.Now()) {
			return true, nil
		}
		return true, sleep(o.ctx.Context(), settleTime)
	})
}

// isRecent says whether a write may be one of this update. One in the future is: its clock is ahead.
func isRecent(written, now time.Time) bool { return now.Sub(written) <= recent }

// lastWrite is when the object's content was last written, by the API server's clock. Its status does not count.
func lastWrite(metadata map[string]any) time.Time {
	var last time.Time
	managers, _ := metadata["managedFields"].([]any)
	for _, entry := range managers {
		manager, _ := entry.(map[string]any)
		text, _ := manager["time"].(string)
		at, err := time.Parse(time.RFC3339, text)
		if err == nil && manager["subresource"] == nil && at.After(last) {
			last = at
		}
	}
	return last
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
