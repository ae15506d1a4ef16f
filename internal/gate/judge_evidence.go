package gate

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/signature"
)

// signatures reports commits whose signature is not what the policy asks for,
// by pinned keys or by the least evidence. Without either, nobody asked.
func (j *judge) signatures(commits []made) {
	asked := j.policy.Evidence == policy.EvidenceSignature || j.policy.Evidence == policy.EvidenceKey
	var faults, keys tally
	for _, c := range commits {
		v := c.Verification
		pinned := j.policy.Keys()
		if c.bot != nil {
			pinned = c.bot.Keys
		}
		if len(pinned) == 0 && !asked {
			continue
		}
		switch {
		case !v.Verified && v.Kind == "":
			faults.add("it is not signed", c.SHA)
		case !v.Verified:
			faults.add(fmt.Sprintf("its signature does not verify (%q)", v.Reason), c.SHA)
		case len(pinned) > 0 && v.Key == "":
			keys.add("it is not known which key signed it", c.SHA)
		case len(pinned) > 0 && !c.pinned():
			keys.add(fmt.Sprintf("it is signed with the key %q, which is not the bot's", v.Key), c.SHA)
		}
	}
	j.tell("identity/signature", faults,
		"give the ImageUpdateAutomation a signingKey, and the bot's account or the policy file its public half")
	j.tell("identity/key", keys, fmt.Sprintf("find out whose key it is; if Flux's was replaced, change keys of the bot in %s", policy.File))
}

// pinned tells whether the commit is verified with a key of its bot.
func (m made) pinned() bool {
	return m.bot != nil && m.Verification.Verified && m.Verification.Key != "" &&
		slices.ContainsFunc(m.bot.Keys, func(key string) bool {
			prints, _ := signature.Fingerprints(key) // none of a key that cannot be read
			return slices.Contains(prints, signature.Fingerprint(m.Verification.Key))
		})
}

// reached is the highest step of the ladder that the facts prove of a change. Who pushed
// must be known of the head and all pushes below it.
func (j *judge) reached(commits []made) policy.Evidence {
	reached, pull := proven(commits), j.facts.Pull
	if reached != policy.EvidenceNone && pull != nil && j.isBot(pull.Pusher.ID) &&
		!slices.ContainsFunc(pull.AlsoPushed, func(a change.Account) bool { return !j.isBot(a.ID) }) {
		return policy.EvidencePusher
	}
	return reached
}

// proven is the highest step of the ladder that commits prove by themselves. Every step
// needs the one below all, text: every commit has a bot's name and the same
// committer. The steps above are proofs independent of each other, each over
// all commits.
func proven(commits []made) policy.Evidence {
	every := func(holds func(made) bool) bool {
		return len(commits) > 0 && !slices.ContainsFunc(commits, func(m made) bool { return !holds(m) })
	}
	switch {
	case !every(func(m made) bool { return m.bot != nil && m.self }):
		return policy.EvidenceNone
	case every(made.pinned):
		return policy.EvidenceKey
	case every(func(m made) bool { return m.Verification.Verified }):
		return policy.EvidenceSignature
	case every(func(m made) bool { return m.bot.ID != 0 && m.Account == m.bot.ID }):
		return policy.EvidenceAccount
	}
	return policy.EvidenceText
}

// evidence reports that less is proven than the policy asks for.
func (j *judge) evidence(reached policy.Evidence) {
	if reached.Reaches(cmp.Or(j.policy.Evidence, policy.EvidenceText)) {
		return
	}
	message := fmt.Sprintf("who made the change is known by %s only, and the policy asks for %s", reached, j.policy.Evidence)
	if reached == policy.EvidenceNone {
		message = fmt.Sprintf("nothing tells that the bot made the change, and the policy asks for %s", j.policy.Evidence)
	}
	j.who("identity/evidence", message, evidenceHint(j.policy.Evidence))
}

func evidenceHint(want policy.Evidence) string {
	switch want {
	case policy.EvidenceAccount:
		return "run the check as the Action, and give the bot of the policy its login and id"
	case policy.EvidenceSignature:
		return "give the ImageUpdateAutomation a signingKey whose public half the bot's account on GitHub has, or pin it as keys of the bot"
	case policy.EvidenceKey:
		return "give the ImageUpdateAutomation a signingKey, and pin its public half as keys of the bot"
	case policy.EvidencePusher:
		return "run the check as the Action with a token that may read the repository's activity, and give the bot its login and id"
	}
	return "let Flux make the commits, with the name and e-mail that bots in " + policy.File + " say"
}
