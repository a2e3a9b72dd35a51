package child

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumix"

	"github.com/modelplane/pulumi-modelplane/provider/internal/kube"
	"github.com/modelplane/pulumi-modelplane/provider/internal/value"
)

// Field is one field of an object: a value of an API type that is written from decided values.
type Field struct {
	now   func(Siblings) any
	later func(siblings) pulumix.Output[any]
}

// siblings are the children that come first: what they are called, and all that the cluster says of them.
type siblings struct {
	names pulumix.Output[Names]
	all   pulumix.Output[Siblings]
}

// From is what write makes of a value. Write returns a value of the field's API type.
func From[T, F any](v value.Value[T], write func(T) F) Field {
	return Field{
		now: func(Siblings) any { return write(v.Now()) },
		later: func(siblings) pulumix.Output[any] {
			return pulumix.ApplyErr(v.Output(), func(t T) (any, error) { return kube.Plain(write(t)) })
		},
	}
}

// FromNames is what write makes of a value and of the siblings' names, which preview knows.
func FromNames[T, F any](v value.Value[T], write func(T, Names) F) Field {
	return Field{
		now: func(all Siblings) any { return write(v.Now(), all.names()) },
		later: func(s siblings) pulumix.Output[any] {
			return pulumix.Apply2Err(v.Output(), s.names, func(t T, names Names) (any, error) { return kube.Plain(write(t, names)) })
		},
	}
}

// FromSiblings is what write makes of a value and of siblings that are in the cluster.
func FromSiblings[T, F any](v value.Value[T], write func(T, Siblings) F) Field {
	return Field{
		now: func(all Siblings) any { return write(v.Now(), all) },
		later: func(s siblings) pulumix.Output[any] {
			return pulumix.Apply2Err(v.Output(), s.all, func(t T, all Siblings) (any, error) { return kube.Plain(write(t, all)) })
		},
	}
}

// Fixed is a field that is the same for all.
func Fixed[F any](f F) Field {
	return From(value.Known(f), func(f F) F { return f })
}

// Open is the field, never secret: for what a program holds in one object with a secret.
func Open(f Field) Field {
	return Field{now: f.now, later: func(s siblings) pulumix.Output[any] {
		return pulumix.MustConvertTyped[any](pulumi.Unsecret(f.later(s)))
	}}
}

// after is the field once later is known.
func (f Field) after(later pulumix.Output[string]) Field {
	return Field{now: f.now, later: func(s siblings) pulumix.Output[any] {
		return pulumix.Apply2(f.later(s), later, func(field any, _ string) any { return field })
	}}
}

// after are the fields once later is known.
func (f Fields) after(later pulumix.Output[string]) Fields {
	all := make(Fields, len(f))
	for name, field := range f {
		all[name] = field.after(later)
	}
	return all
}

func (f Field) isSet() bool { return f.now != nil }
