package fakehub

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// appJWT is the kind of token that an app itself is known by. It opens what is
// under /app, and nothing else.
const appJWT Kind = "app-jwt"

// checkJWT verifies an app's JWT as GitHub does: RS256, issued by the app, no
// longer than ten minutes to live. It gives GitHub's words for what is wrong. Its times are held against the real clock,
// since they are the sender's.
func (a *App) checkJWT(text string) (refusal string) {
	const undecodable = "A JSON web token could not be decoded"
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return undecodable
	}
	var head struct{ Alg, Typ string }
	var claims struct {
		Iss any   `json:"iss"`
		Iat int64 `json:"iat"`
		Exp int64 `json:"exp"`
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || part(parts[0], &head) != nil || part(parts[1], &claims) != nil || head.Alg != "RS256" {
		return undecodable
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	now := time.Now().Unix()
	switch {
	case a == nil || fmt.Sprint(claims.Iss) != fmt.Sprint(a.ID):
		return "'Issuer' claim ('iss') must be an Integer"
	case rsa.VerifyPKCS1v15(a.Key, crypto.SHA256, sum[:], signature) != nil:
		return undecodable
	case claims.Iat > now:
		return "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
	case claims.Exp <= now:
		return "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires"
	case claims.Exp > now+600:
		return "'Expiration time' claim ('exp') is too far in the future"
	}
	return ""
}

func part(text string, into any) error {
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}
