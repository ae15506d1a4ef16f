package fakehub

import (
	"fmt"
	"net/http"
	"strings"
)

// ArchiveOperation is how the hub's log calls the reading of an archive from the
// server that GitHub sends to.
const ArchiveOperation = "codeload"

// ArchiveKey lets whoever has it read the archives that the hub sends to.
const ArchiveKey = "AFAKEARCHIVEKEY7Q2M"

// getArchive sends to where the archive of a commit is, as GitHub does.
func getArchive(c *call) answer {
	one, ok := c.commitAt(c.params["ref"])
	if !ok {
		return notFound()
	}
	c.header.Set("Location", fmt.Sprintf("%s/%s/%s/legacy.tar.gz/%s?token=%s", c.hub.server.URL, ArchiveOperation, c.repo.FullName(), one.id,
		ArchiveKey))
	return answer{302, nil}
}

// archived says of which commit a request wants the archive.
func archived(r *http.Request) (repo, sha string, ok bool) {
	path, found := strings.CutPrefix(r.URL.Path, "/"+ArchiveOperation+"/")
	repo, sha, cut := strings.Cut(path, "/legacy.tar.gz/")
	return repo, sha, found && cut
}

// replyArchive answers as the server of the archives does: whoever knows the
// address may read. What .gitattributes keeps out or fills in is git's own doing.
func (h *Hub) replyArchive(c *call, name, sha string, record *Request) (answer, Fault) {
	record.Operation = ArchiveOperation
	h.mu.Lock()
	defer h.mu.Unlock()
	due := h.due(ArchiveOperation)
	if due.Status != 0 {
		return answer{due.Status, []byte(due.Message)}, due
	}
	if c.r.Header.Get("Authorization") != "" {
		h.problem("%s: the token is sent to another server", record.Path)
	}
	r := h.repos[strings.ToLower(name)]
	if r == nil || c.query.Get("token") != ArchiveKey {
		return answer{404, []byte("404: Not Found")}, due
	}
	out, err := r.git.run(true, "archive", "--format=tar.gz", "--prefix="+strings.ReplaceAll(name, "/", "-")+"-"+sha[:7]+"/", sha)
	if err != nil {
		h.problem("archive: %v", err)
	}
	c.header.Set("Content-Type", "application/x-gzip")
	return answer{200, []byte(out)}, due
}
