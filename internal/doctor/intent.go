package doctor

import (
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/gate"
)

// Intent is what the settings of a repository must be for what this cluster
// does with it, and for the gate's policy; nil is the default one. Where the
// cluster does not tell the branches, the policy does if it names single ones.
func (c Cluster) Intent(repository string, p *gate.Policy) Intent {
	policy := gate.DefaultPolicy()
	if p != nil {
		policy = *p
	}
	i := Intent{Uses: policy.Contract().Events, Base: single(policy.Base), Head: single(policy.Head)}
	for _, b := range policy.Bots {
		if b.ID != 0 && i.Bot.ID == 0 {
			i.Bot = Account{Login: b.Login, ID: b.ID}
		}
	}
	x := &examiner{Cluster: c, expect: Expectation{Repository: repository}}
	x.choose()
	for _, a := range x.runners {
		if x.sourced(a) && a.PushBranch != "" && a.PushBranch != x.base(a) {
			i.Head, i.Base, i.Signs = a.PushBranch, x.base(a), a.SigningKey != ""
			break
		}
	}
	return i
}

// sourced tells whether the automation's repository is one of those expected.
func (x *examiner) sourced(a Automation) bool {
	for _, r := range x.sources {
		if a.writesTo(r) {
			return true
		}
	}
	return false
}

// single is the one name in a list of patterns; empty where it is none or
// several.
func single(patterns []string) string {
	if len(patterns) != 1 || strings.ContainsAny(patterns[0], `*?[{\`) {
		return ""
	}
	return patterns[0]
}
