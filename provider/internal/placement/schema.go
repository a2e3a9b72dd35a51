package placement

import "github.com/pulumi/pulumi-go-provider/infer"

// Annotate describes the type for the schema.
func (c *Cluster) Annotate(at infer.Annotator) {
	at.SetToken("index", "ClusterFacts")
	at.Describe(c, "What is known of a cluster that may run models. Nothing of it is read from the cluster itself.")
	at.Describe(&c.Name, "The cluster's name: up to 63 lower-case letters, digits and hyphens. What runs where is remembered by it.")
	at.Describe(&c.Labels, "What placements choose by, such as `region` and `tier`.")
	at.Describe(&c.Taints, "What keeps models away that do not tolerate it.")
	at.Describe(&c.Pools, "The groups of nodes that the cluster has. Without any, only models without devices run there.")
	at.Describe(&c.LeaderWorkerSet, "Whether the cluster has LeaderWorkerSet, without which no replica spans nodes. Default: false.")
	at.Describe(&c.Drain, "Whether all replicas leave the cluster. Default: false.")
}

// Annotate describes the type for the schema.
func (p *Pool) Annotate(at infer.Annotator) {
	at.SetToken("index", "ClusterPool")
	at.Describe(p, "A group of nodes that have the same devices.")
	at.Describe(&p.Name, "The pool's name, unique in the cluster, with the syntax of a label's value.")
	at.Describe(&p.Labels, "The labels of the pool's nodes.")
	at.Describe(&p.Taints, "The taints of the pool's nodes. They work as the cluster's do, for the pool's share of the replicas.")
	at.Describe(&p.Nodes, "How many nodes the pool has, or may have at most where it is scaled automatically: 0 to 1,000,000.")
	at.Describe(&p.Devices, "What each of the nodes has.")
}

// Annotate describes the type for the schema.
func (d *Device) Annotate(at infer.Annotator) {
	at.SetToken("index", "ClusterDevice")
	at.Describe(d, "A kind of device that each node of a pool has.")
	at.Describe(&d.Resource, "The extended resource that counts the devices, such as `nvidia.com/gpu`. Give either `resource` or `deviceClass`.")
	at.Describe(&d.DeviceClass, "The DeviceClass that the devices are of (dynamic resource allocation).")
	at.Describe(&d.Count, "How many devices each node has: 1 to 1,000,000.")
	at.Describe(&d.Memory, "What each device has of its own, as a quantity such as `80Gi`. Default: not known, so that a model that asks for "+
		"`minMemory` does not use the pool.")
	at.Describe(&d.Type, "The devices' model, such as `H100`. Default: not known, so that a model that asks for a `type` does not use the pool.")
}

// Annotate describes the type for the schema.
func (d *DeviceRequest) Annotate(at infer.Annotator) {
	at.SetToken("index", "DeploymentDevice")
	at.Describe(d, "Devices that a replica needs on each of its nodes.")
	at.Describe(&d.Resource, "An extended resource, such as `nvidia.com/gpu`. Give either `resource` or `deviceClass`.")
	at.Describe(&d.DeviceClass, "A DeviceClass (dynamic resource allocation).")
	at.Describe(&d.Count, "How many devices are needed on each node: 1 to 1,000,000.")
	at.Describe(&d.MinMemory, "What each device must have of its own at least, as a quantity such as `80Gi`. Default: any.")
	at.Describe(&d.Type, "The model that the devices must be, such as `H100`, written as the pools write it. Default: any.")
	at.Describe(&d.Selectors, "CEL expressions for devices of the class. They are passed on to Kubernetes, and placement does not evaluate them.")
}

// Annotate describes the type for the schema.
func (t *Taint) Annotate(at infer.Annotator) {
	at.SetToken("index", "ClusterTaint")
	at.Describe(t, "What keeps models away that do not tolerate it, as a node's taint does in Kubernetes.")
	at.Describe(&t.Key, "The taint's key, with the syntax of a label's key.")
	at.Describe(&t.Value, "The taint's value, with the syntax of a label's value. Default: empty.")
	at.Describe(&t.Effect, "`NoSchedule`, which leaves what is there and lets nothing new in, or `NoExecute`, which also moves what is there.")
}

// Annotate describes the type for the schema.
func (t *Toleration) Annotate(at infer.Annotator) {
	at.SetToken("index", "PlacementToleration")
	at.Describe(t, "Lets replicas run in spite of taints, as a Pod's toleration does in Kubernetes.")
	at.Describe(&t.Key, "The key of the taints that are tolerated. Default: every key, which needs the operator `Exists`.")
	at.Describe(&t.Operator, "`Equal`, where the taint's value must be the value here, or `Exists`, where any value will do. Default: `Equal`.")
	at.Describe(&t.Value, "What `Equal` compares with. Default: empty.")
	at.Describe(&t.Effect, "The effect of the taints that are tolerated: `NoSchedule` or `NoExecute`. Default: both.")
}

// Annotate describes the type for the schema.
func (l *LabelRequirement) Annotate(at infer.Annotator) {
	at.SetToken("index", "PlacementLabelRequirement")
	at.Describe(l, "A condition for a cluster's label, as in a LabelSelector of Kubernetes.")
	at.Describe(&l.Key, "The label's key.")
	at.Describe(&l.Operator, "`In`, `NotIn`, `Exists` or `DoesNotExist`.")
	at.Describe(&l.Values, "What `In` and `NotIn` compare with: one or more. The other operators take none.")
}

// Annotate describes the type for the schema.
func (r *Rules) Annotate(at infer.Annotator) {
	at.SetToken("index", "PlacementRules")
	at.Describe(r, "Which clusters may run a model, and how much of it.")
	at.Describe(&r.MatchLabels, "Labels that a cluster must have, with these values. Default: none.")
	at.Describe(&r.MatchExpressions, "Further conditions for a cluster's labels. All of them must hold.")
	at.Describe(&r.Tolerations, "The taints, of clusters and of pools, that the model may run in spite of.")
	at.Describe(&r.MaxPerCluster, "How many replicas a cluster may have at most: 1 to 150,000. Default: 0, no limit.")
}

// Annotate describes the type for the schema.
func (r *Request) Annotate(at infer.Annotator) {
	at.SetToken("index", "PlacementRequest")
	at.Describe(r, "How many replicas of a model there are to be, and what they need.")
	at.Describe(&r.Replicas, "How many replicas run, on all clusters together: 0 to 150,000.")
	at.Describe(&r.NodesPerReplica, "How many nodes one replica spans: 1 or more.")
	at.Describe(&r.Devices, "The devices that a replica needs on each of its nodes.")
	at.Describe(&r.Placement, "Which clusters may run the model.")
}
