package store

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// signatures are the deliveries by the name of the secret that verified them, which
// nobody without the ledger's key can work out: a secret is known by what it signed.
type signatures map[string]*signatureCount

// signatureCount is what the secrets given made of one secret's deliveries.
type signatureCount struct {
	right int64
	wrong []int64 // indexes, the first ones
	more  int64
}

// checkSignature holds a delivery's body against the signature that came with it.
func (v *verifier) checkSignature(r *entryRow, body []byte) {
	if r.Kind != ledger.Delivery || len(v.options.Secrets) == 0 {
		return
	}
	if v.signed == nil {
		v.signed = signatures{}
	}
	count := v.signed[r.Secret]
	if count == nil {
		count = &signatureCount{}
		v.signed[r.Secret] = count
	}
	for _, one := range v.options.Secrets {
		mac := hmac.New(sha256.New, []byte(one.Reveal()))
		mac.Write(body)
		if hex.EncodeToString(mac.Sum(nil)) == r.Signature {
			count.right++
			v.out.Signatures++
			return
		}
	}
	if len(count.wrong) < maxFaults {
		count.wrong = append(count.wrong, r.Index)
	} else {
		count.more++
	}
}

// judgeSignatures tells bodies that were made without the secret from those whose
// secret was not given.
func (v *verifier) judgeSignatures() {
	for _, name := range slices.Sorted(maps.Keys(v.signed)) {
		count := v.signed[name]
		wrong := int64(len(count.wrong)) + count.more
		switch {
		case wrong == 0:
		case name == "":
			v.gap("%d deliveries name no secret that verified them: their signatures were not checked again", wrong)
		case count.right == 0:
			v.gap("the secret that verified %d deliveries (%q) was not given: their signatures were not checked again", wrong, name)
		default:
			for _, index := range count.wrong {
				v.fault(index, FaultSignature, "the body was not made with the secret that verified others of the same name")
			}
			v.out.Count += count.more
		}
	}
	if len(v.options.Secrets) > 0 && v.out.Erased > 0 {
		v.out.Notes = append(v.out.Notes, "the signatures of erased bodies cannot be checked again")
	}
}
