package intake_test

import (
	"fmt"
	"strings"
)

// badRequest is a change to a good request, and its exact answers.
type badRequest struct {
	change change
	want   string
}

func badRequests() map[string]badRequest {
	cases := map[string]badRequest{}
	for _, group := range []map[string]badRequest{badRoutes(), badFraming(), badTypes(), badSignatures(), badNames()} {
		for name, c := range group {
			if _, double := cases[name]; double {
				panic("two cases " + name)
			}
			cases[name] = c
		}
	}
	return cases
}

func badRoutes() map[string]badRequest {
	cases := map[string]badRequest{
		"HEAD":          {line("HEAD /webhooks/github HTTP/1.1"), "405 allow=POST 0 bytes"},
		"POST healthz":  {line("POST /healthz HTTP/1.1"), "405 allow=GET, HEAD method"},
		"absolute path": {line("POST http://example.org/else HTTP/1.1"), "404 not-found"},
		"asterisk":      {line("OPTIONS * HTTP/1.1"), "404 not-found"},
		"CONNECT":       {line("CONNECT example.org:443 HTTP/1.1"), "404 not-found"},
		"http2":         {all(line("PRI * HTTP/2.0"), tamper("SM\r\n\r\n")), "404 not-found"},
		"HTTP/3.0":      {line("POST /webhooks/github HTTP/3.0"), "505 net/http"},
		"no version":    {line("POST /webhooks/github"), "400 net/http"},
		"h2c": {all(add("Connection", "Upgrade, HTTP2-Settings"), add("Upgrade", "h2c"),
			add("HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA"), drop("X-Hub-Signature-256")), "401 unsigned"},
	}
	for _, method := range []string{"GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "FOO", "post"} {
		cases["method "+method] = badRequest{line(method + " /webhooks/github HTTP/1.1"), "405 allow=POST method"}
	}
	for _, path := range []string{
		"/", "/webhooks", "/webhooks/github/", "//webhooks/github", "/webhooks//github", "/webhooks/../webhooks/github", "/./webhooks/github",
		"/webhooks%2Fgithub", "/Webhooks/GitHub", "/webhooks/github;a=b", "/webhooks/github%00", "/webhooks/github%20", "/webhooks/github/x",
		"/webhooks\\github", "/metrics", "/readyz", "/debug/pprof/", "/api/v1/entries",
	} {
		cases["path "+path] = badRequest{line("POST " + path + " HTTP/1.1"), "404 not-found"}
	}
	return cases
}

func badFraming() map[string]badRequest {
	const smuggled = "POST /webhooks/github HTTP/1.1\r\nHost: example.org\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
	return map[string]badRequest{
		"no host":                {drop("Host"), "400 net/http"},
		"two hosts":              {add("Host", "example.com"), "400 net/http"},
		"no colon":               {func(w *wire) { w.headers = append(w.headers, "X-GitHub-Event") }, "400 net/http"},
		"space before colon":     {func(w *wire) { w.headers = append(w.headers, "X-Other : 1") }, "400 net/http"},
		"NUL in a header":        {add("X-Other", "a\x00b"), "400 net/http"},
		"CR in a header":         {add("X-Other", "a\rb"), "400 net/http"},
		"headers of 64 KiB":      {add("X-Other", strings.Repeat("a", 64<<10)), "431 net/http"},
		"expect something":       {add("Expect", "200-ok"), "417 net/http"},
		"negative length":        {set("Content-Length", "-1"), "400 net/http"},
		"length with plus":       {set("Content-Length", "+36"), "400 net/http"},
		"hexadecimal length":     {set("Content-Length", "0x24"), "400 net/http"},
		"list of lengths":        {set("Content-Length", "36, 36"), "400 net/http"},
		"length over 64 bits":    {set("Content-Length", "99999999999999999999"), "400 net/http"},
		"two lengths":            {add("Content-Length", "35"), "400 net/http"},
		"length over the limit":  {set("Content-Length", "26214401"), "413 too-large"},
		"length of 512 MiB":      {set("Content-Length", "536870912"), "413 too-large"},
		"no length":              {drop("Content-Length"), "400 empty"},
		"length 0":               {all(content("")), "400 empty"},
		"no chunks":              {all(sigf(sign(key, nil)+"%.0s"), chunked("0\r\n\r\n")), "400 empty"},
		"cut short":              {set("Content-Length", "37"), "400 cut"},
		"cut short early":        {all(set("Content-Length", "37"), tamper("")), "400 cut"},
		"cut short when large":   {all(content(strings.Repeat("a", 100_000)), set("Content-Length", "2000000")), "400 cut"},
		"length too short":       {set("Content-Length", "35"), "401 wrong-signature"},
		"chunk cut short":        {chunked("24\r\n" + goodWire().body[:9]), "400 cut"},
		"chunks without end":     {chunked("24\r\n" + goodWire().body + "\r\n"), "400 cut"},
		"chunk of no size":       {chunked("zz\r\n{}\r\n0\r\n\r\n"), "400 cut"},
		"chunk of negative size": {chunked("-2\r\n{}\r\n0\r\n\r\n"), "400 cut"},
		"chunk of huge size":     {chunked("fffffffffffffffff\r\n{}\r\n0\r\n\r\n"), "400 cut"},
		"chunk with long name":   {chunked("24;" + strings.Repeat("a", 9000) + "\r\n" + goodWire().body + "\r\n0\r\n\r\n"), "400 cut"},
		"chunks over the limit":  {chunked("1900001\r\n" + strings.Repeat("a", 0x1900001) + "\r\n0\r\n\r\n"), "413 too-large"},
		"gzip as transfer":       {all(drop("Content-Length"), add("Transfer-Encoding", "gzip, chunked")), "501 net/http"},
		"identity as transfer":   {all(drop("Content-Length"), add("Transfer-Encoding", "identity")), "501 net/http"},
		"chunked twice":          {all(chunked("0\r\n\r\n"), add("Transfer-Encoding", "chunked")), "501 net/http"},
		"chunked with tab":       {all(drop("Content-Length"), add("Transfer-Encoding", "\vchunked")), "400 net/http"},
		"smuggled after chunks":  {all(chunked("0\r\n\r\n"+smuggled), add("Content-Length", fmt.Sprint(5+len(smuggled)))), "400 empty"},
		"smuggled after a length": {all(set("Content-Length", "36"), func(w *wire) { w.body += smuggled }, sigf("sha256=%s")),
			"401 wrong-signature"},
		"chunked on HTTP/1.0": {all(line("POST /webhooks/github HTTP/1.0"), chunked("2\r\n{}\r\n0\r\n\r\n"), drop("X-Hub-Signature-256")),
			"401 unsigned"},
		"signature as trailer": {all(drop("X-Hub-Signature-256"), add("Trailer", "X-Hub-Signature-256"),
			chunked("24\r\n"+goodWire().body+"\r\n0\r\nX-Hub-Signature-256: "+sign(key, []byte(goodWire().body))+"\r\n\r\n")), "401 unsigned"},
	}
}

func badTypes() map[string]badRequest {
	cases := map[string]badRequest{
		"no type":           {drop("Content-Type"), "415 content-type"},
		"two types":         {twice("Content-Type"), "415 content-type"},
		"form":              {all(content("payload=%7B%7D"), set("Content-Type", "application/x-www-form-urlencoded")), "415 form"},
		"form with charset": {set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"), "415 form"},
		"encoded twice":     {all(add("Content-Encoding", "identity"), add("Content-Encoding", "identity")), "415 encoding"},
	}
	for _, value := range []string{
		"", "text/plain", "text/json", "multipart/form-data; boundary=x", "application/vnd.github+json", "application/jsonx", "json",
		"application/json, application/json", "application/json; charset", "application/json; a=1; a=2", "application /json",
	} {
		cases["type "+value] = badRequest{set("Content-Type", value), "415 content-type"}
	}
	for _, value := range []string{"", "gzip", "deflate", "br", "identity, gzip", "identity,identity", "x-gzip"} {
		cases["encoding "+value] = badRequest{add("Content-Encoding", value), "415 encoding"}
	}
	return cases
}

func badSignatures() map[string]badRequest {
	body := goodWire().body
	right := sign(key, []byte(body))
	zero := strings.Repeat("0", 64)
	cases := map[string]badRequest{
		"no signature":            {drop("X-Hub-Signature-256"), "401 unsigned"},
		"neither signature":       {all(drop("X-Hub-Signature-256"), drop("X-Hub-Signature")), "401 unsigned"},
		"SHA-1, right":            {all(drop("X-Hub-Signature-256"), set("X-Hub-Signature", "sha1="+sha1HMAC(key, body))), "401 unsigned"},
		"SHA-256 in SHA-1's name": {all(drop("X-Hub-Signature-256"), set("X-Hub-Signature", right)), "401 unsigned"},
		"underscores":             {all(drop("X-Hub-Signature-256"), add("X_Hub_Signature_256", right)), "401 unsigned"},
		"given twice":             {twice("X-Hub-Signature-256"), "401 signature"},
		"wrong, then right":       {all(set("X-Hub-Signature-256", "sha256="+zero), add("X-Hub-Signature-256", right)), "401 signature"},
		"right, then empty":       {add("X-Hub-Signature-256", ""), "401 signature"},
		"in upper case":           {set("X-Hub-Signature-256", "sha256="+strings.ToUpper(right[7:])), "401 signature"},
		"folded":                  {set("X-Hub-Signature-256", right[:20]+"\r\n "+right[20:]), "401 signature"},
		"of another body":         {tamper(strings.Replace(body, "Keep", "Kill", 1)), "401 wrong-signature"},
		"of body and newline":     {set("X-Hub-Signature-256", sign(key, []byte(body+"\n"))), "401 wrong-signature"},
		"with unknown secret":     {set("X-Hub-Signature-256", sign("a secret that nobody has", []byte(body))), "401 wrong-signature"},
		"with empty secret":       {set("X-Hub-Signature-256", sign("", []byte(body))), "401 wrong-signature"},
		"of nothing":              {set("X-Hub-Signature-256", sign(key, nil)), "401 wrong-signature"},
		"zeros":                   {set("X-Hub-Signature-256", "sha256="+zero), "401 wrong-signature"},
		"last digit wrong":        {func(w *wire) { set("X-Hub-Signature-256", right[:70]+string(right[70]^1))(w) }, "401 wrong-signature"},
		"of GUID and body":        {set("X-Hub-Signature-256", sign(key, []byte(anyGUID+body))), "401 wrong-signature"},
	}
	for _, form := range []string{
		"%s", "sha1=%s", "SHA256=%s", "Sha256=%s", "sha256:%s", "sha256 =%s", "sha256= %s", "sha256=sha256=%s", "sha256=%s,", `sha256="%s"`,
		`"sha256=%s"`,
		"sha256=%[1]s,sha256=%[1]s", "sha256=%[1]s, sha256=%[1]s", "sha256=%[1]s%[1]s", "sha512=%[1]s%[1]s", "sha256=%.63s", "sha256=%s0",
		"sha256=%.63sg",
		"sha256=%.63s\u0660", "sha256=%.32s %[1]s", "sha256=0x%.62s", "sha256=%s;", "sha256=%s\t0", "", "sha256=", "sha256", "=%s", "Basic %s",
	} {
		cases[fmt.Sprintf("signature %q", form)] = badRequest{sigf(form + "%.0[1]s"), "401 signature"}
	}
	return cases
}

func badNames() map[string]badRequest {
	cases := map[string]badRequest{
		"no GUID":                {drop("X-GitHub-Delivery"), "400 guid without guid"},
		"two GUIDs":              {add("X-GitHub-Delivery", "x"), "400 guid without guid"},
		"one GUID twice":         {twice("X-GitHub-Delivery"), "400 guid without guid"},
		"GUID with line breaks":  {set("X-GitHub-Delivery", "a\r\n\tb"), "400 guid without guid"},
		"GUID with NUL":          {set("X-GitHub-Delivery", "a\x00"), "400 net/http"},
		"GUID and header":        {set("X-GitHub-Delivery", "a\r\nX-GitHub-Delivery: b"), "400 guid without guid"},
		"unsigned with bad GUID": {all(drop("X-Hub-Signature-256"), set("X-GitHub-Delivery", `"}{`)), "401 unsigned without guid"},
		"no event":               {drop("X-GitHub-Event"), "400 event"},
		"two events":             {twice("X-GitHub-Event"), "400 event"},
		"hook twice":             {twice("X-GitHub-Hook-ID"), "400 hook"},
		"no target type":         {drop("X-GitHub-Hook-Installation-Target-Type"), "400 target"},
		"no target id":           {drop("X-GitHub-Hook-Installation-Target-ID"), "400 target"},
		"target type twice":      {twice("X-GitHub-Hook-Installation-Target-Type"), "400 target"},
		"target id twice":        {twice("X-GitHub-Hook-Installation-Target-ID"), "400 target"},
	}
	for _, value := range []string{
		"", " ", "a b", strings.Repeat("a", 65), "<script>", "../../etc/passwd", "%0d%0aSet-Cookie: a=b", `a","id":"b`, "\u00e4", "\u202e",
		"\xff", "a,b", "{" + anyGUID + "}",
		"a_b", "a\x1b[31m",
	} {
		want := "400 guid without guid"
		if strings.ContainsRune(value, '\x1b') {
			want = "400 net/http"
		}
		cases[fmt.Sprintf("GUID %q", value)] = badRequest{set("X-GitHub-Delivery", value), want}
	}
	for _, value := range []string{"", "Push", "pull-request", "push,ping", "push ping", strings.Repeat("a", 65), "push;drop", "\u0440ush",
		"2push"} {
		cases[fmt.Sprintf("event %q", value)] = badRequest{set("X-GitHub-Event", value), "400 event"}
	}
	for _, value := range []string{"", "0", "007", "-1", "+1", "1.0", "0x1", "1e3", "abc", "1,2", "1 2", "9999999999999999999", "\uff11"} {
		cases[fmt.Sprintf("hook %q", value)] = badRequest{set("X-GitHub-Hook-ID", value), "400 hook"}
		cases[fmt.Sprintf("target id %q", value)] = badRequest{set("X-GitHub-Hook-Installation-Target-ID", value), "400 target"}
	}
	for _, value := range []string{"", "Repository", "repository/1", "re po", strings.Repeat("a", 65)} {
		cases[fmt.Sprintf("target type %q", value)] = badRequest{set("X-GitHub-Hook-Installation-Target-Type", value), "400 target"}
	}
	return cases
}
