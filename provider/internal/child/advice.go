package child

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Engine is what children are told of the engine that makes them.
type Engine struct {
	// URN is the URN of the component that the program asked for.
	URN string
	// ErrorHooks says whether the engine takes hooks for failures. One that does not would fail the resource that a hook is
	// meant to help.
	ErrorHooks bool
	// Claims are what the components of this run have claimed for themselves.
	Claims *Claims
	// ProviderURN is the URN of the component's Kubernetes provider, if the program gave it one.
	ProviderURN string
}

// Claims are who has claimed what, in one run of a program. The zero value is ready for use.
type Claims struct {
	mutex   sync.Mutex
	holders map[string]holder
}

// holder is a component: its kind and Pulumi name, and the URN of the component that the program asked for.
type holder struct{ urn, name string }

// take claims all of keys for a holder, unless another one has claimed one of them.
func (c *Claims) take(claimant holder, keys []string) (other string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for _, key := range keys {
		if other, taken := c.holders[key]; taken && other != claimant {
			return other.name
		}
	}
	if c.holders == nil {
		c.holders = map[string]holder{}
	}
	for _, key := range keys {
		c.holders[key] = claimant
	}
	return ""
}

// Claim claims keys for the component. It gives the kind and name of another one that has claimed one of them in this run.
func (o Owner) Claim(keys []string) (other string) {
	if claims := o.engine().Claims; claims != nil {
		return claims.take(holder{o.engine().URN, o.kind + " " + o.name}, keys)
	}
	return ""
}

// Warn prints a warning beside the component.
func (o Owner) Warn(text string) {
	_ = o.ctx.Log.Warn(text, &pulumi.LogArgs{Resource: o.resource})
}

type engineKey struct{}

// WithEngine is a context in which components are made by an engine.
func WithEngine(ctx context.Context, engine Engine) context.Context {
	return context.WithValue(ctx, engineKey{}, engine)
}

func (o Owner) engine() Engine {
	engine, _ := o.ctx.Context().Value(engineKey{}).(Engine)
	return engine
}

// orOnCluster is advice, and where that knows nothing, what to do about a cluster that does not take the object.
func (o Owner) orOnCluster(advice func(string) string) func(string) string {
	return func(failure string) string {
		if advice != nil {
			if text := advice(failure); text != "" {
				return text
			}
		}
		return adviseOnCluster(o.cluster, failure)
	}
}

// adviseOnCluster says what to do about a cluster that does not answer, or that refuses the user of the kubeconfig.
func adviseOnCluster(cluster, failure string) string {
	switch {
	case strings.Contains(failure, "unreachable"):
		return fmt.Sprintf("The cluster %s does not answer, or refuses its kubeconfig; the error says which. Once that is mended, pulumi up goes on "+
			"from here. If the cluster is lost for good, set drain and deleteUnreachable to true for it, and run pulumi up. Then take it out of the "+
			"program, and run pulumi refresh and pulumi up.", cluster)
	case strings.Contains(failure, "forbidden: User"):
		return fmt.Sprintf("The user of the kubeconfig for the cluster %s lacks the right that the error names. Once it is granted, pulumi up goes on "+
			"from here.", cluster)
	default:
		return ""
	}
}

// retryPause is what passes before a child is written again. The engine gives up after a hundred failures, which makes five minutes.
const retryPause = 3 * time.Second

// onError has the child written again after a failure that passes, and its advice printed beside any other. An engine that is too old for
// that prints the failure alone.
func (o Owner) onError(c Child) (pulumi.ResourceOption, error) {
	engine := o.engine()
	if !engine.ErrorHooks {
		return pulumi.ResourceHooks(nil), nil
	}
	// Hooks are the whole stack's, so the name carries all that tells this child from others. The SDK takes a second hook of one name
	// for a resource that was registered, and leaves it without a URN.
	name := strings.Join([]string{engine.URN, o.kind, o.name, o.childName(c), c.Key}, " ")
	hook, err := o.ctx.RegisterErrorHook(name, func(args *pulumi.ErrorHookArgs) (retry bool, err error) {
		if len(args.Errors) == 0 {
			return false, nil
		}
		if text := c.retries(args.Errors[0]); text != "" {
			if len(args.Errors) == 1 {
				_ = o.ctx.Log.Info(text, &pulumi.LogArgs{Resource: o.resource})
			}
			return true, sleep(o.ctx.Context(), retryPause)
		}
		if text := c.advises(args.Errors[0]); text != "" {
			return false, o.ctx.Log.Error(text, &pulumi.LogArgs{Resource: o.resource})
		}
		return false, nil
	})
	if err != nil {
		return nil, err
	}
	return pulumi.ResourceHooks(&pulumi.ResourceHookBinding{OnError: []*pulumi.ErrorHook{hook}}), nil
}

func (c Child) retries(failure string) string {
	if c.Retry == nil {
		return ""
	}
	return c.Retry(failure)
}

func (c Child) advises(failure string) string {
	if c.Advice == nil {
		return ""
	}
	return c.Advice(failure)
}
