package activities

import (
	"context"

	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/policy"
)

// LoadProbeInput names the host to look at.
type LoadProbeInput struct {
	Host ident.Host `json:"host"`
	// Draft, when set, stands in the place of the host's record.
	Draft *HostDraft `json:"draft,omitempty"`
}

// HostDraft is a host, there already or not, as somebody is about to save it.
type HostDraft struct {
	Address string `json:"address"`
	Module  string `json:"module,omitempty"`
	// Storage is "dataset" or "server:dataset"; empty is that of the host, or the
	// only one.
	Storage  string          `json:"storage,omitempty"`
	HostKeys []string        `json:"host_keys,omitempty"`
	Settings policy.Settings `json:"settings"`
}

// LoadProbe gives the copy of a host's record and policy that a probe works on.
// Nothing is decided or entered anywhere.
func (c *Control) LoadProbe(ctx context.Context, in LoadProbeInput) (Plan, error) {
	h, err := c.Catalog.Host(ctx, in.Host)
	if catalog.IsNotFound(err) && in.Draft != nil {
		h, err = catalog.Host{Group: in.Host.Group, Name: in.Host.Name}, nil
	}
	if err != nil {
		return Plan{}, refused("reading the host", err)
	}
	effective, err := c.probePolicy(ctx, in)
	if err != nil {
		return Plan{}, err
	}
	if in.Draft != nil {
		if err := c.overlay(ctx, &h, *in.Draft); err != nil {
			return Plan{}, err
		}
	}
	st, err := c.Catalog.StorageFor(ctx, h)
	if err != nil {
		return Plan{}, refused("choosing the storage", err)
	}
	jumpKeys, err := c.jumpKeys(ctx, effective)
	if err != nil {
		return Plan{}, err
	}
	return Plan{
		HostID: h.ID, Host: in.Host, Server: st.Server, Storage: st.Dataset, Dataset: h.Dataset,
		Transport: h.Transport, Address: h.Address, Module: h.Module, HostKeys: h.HostKeys, JumpHostKeys: jumpKeys,
		Policy: effective, Trigger: TriggerManual,
	}, nil
}

// overlay puts what is about to be saved over the host's record.
func (c *Control) overlay(ctx context.Context, h *catalog.Host, d HostDraft) error {
	h.Address, h.Module, h.HostKeys = d.Address, d.Module, d.HostKeys
	h.Transport = catalog.TransportSSH
	if d.Module != "" {
		h.Transport = catalog.TransportRsyncd
	}
	if d.Storage == "" {
		return nil
	}
	st, err := c.Catalog.Storage(ctx, d.Storage)
	if err != nil {
		return refused("reading the storage", err)
	}
	h.Server, h.Storage = st.Server, st.Dataset
	return nil
}

// probePolicy gives the policy in force, with the draft's settings in the place
// of the host's own.
func (c *Control) probePolicy(ctx context.Context, in LoadProbeInput) (policy.Effective, error) {
	if in.Draft == nil {
		effective, err := c.Catalog.Effective(ctx, in.Host)
		return effective, refused("reading the policy", err)
	}
	effective, err := c.Catalog.EffectiveWith(ctx, in.Host.Group, in.Draft.Settings)
	return effective, refused("reading the policy", err)
}
