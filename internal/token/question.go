package token

import (
	"slices"
	"strings"
)

// Probe is the name of one question.
type Probe string

// The questions that more than the table speaks of.
const (
	AskUser       Probe = "user"       // GET /user
	AskRepository Probe = "repository" // GET /repos/R
	AskReach      Probe = "reach"      // GET /user/repos, or /installation/repositories
	AskMember     Probe = "member"     // GET /orgs/O/members/LOGIN
	AskPush       Probe = "push"
	AskFileWrite  Probe = "file-write" // where Git gives no clear answer
	AskHooks      Probe = "hooks"
)

// Question is one way to ask GitHub what a token may do in a repository. One that
// would change something is sent without what GitHub needs to do it, so that it can
// only refuse; whether the token would have been allowed to shows in how it does.
type Question struct {
	Probe Probe
	// Words are what is asked, after "whether it may".
	Words string
	// Method, Path and Body are the request; {repo} stands for the repository's full
	// name. The path is below the API's root, with Git below the Git server's.
	Method, Path, Body string
	Git                bool
	// Second says that it is needless where the one before was refused.
	Second bool
	// Yes is the answer that shows the permission to go as far as Shows.
	Yes   Class
	Shows Level
}

// Inquiry is how to find out about one permission.
type Inquiry struct {
	Permission string
	// Extra says that it is asked about without a need, to find a surplus.
	Extra bool
	// Public says that anybody may do it where the repository is public.
	Public bool
	// Questions are asked up to the first yes, the farthest-reaching first.
	Questions []Question
}

// noCommit is an id that no commit has.
const noCommit = "0000000000000000000000000000000000000000"

// Inquiries is the one table of the questions about permissions.
func Inquiries() []Inquiry {
	extra := func(permission string, public bool, probe Probe, path string) Inquiry {
		return Inquiry{Permission: permission, Extra: true, Public: public, Questions: []Question{
			{Probe: probe, Words: "read " + string(probe), Method: "GET", Path: "repos/{repo}/" + path, Yes: OK, Shows: Read},
		}}
	}
	return []Inquiry{
		{Permission: Contents, Questions: []Question{
			// What a push asks first: Git's server answers that only to who may push. It is
			// a GET, and nothing is pushed.
			{Probe: AskPush, Words: "push", Method: "GET", Path: "{repo}.git/info/refs?service=git-receive-pack", Git: true,
				Yes: OK, Shows: Write},
			// Without a message and contents GitHub has nothing to write.
			{Probe: AskFileWrite, Words: "write files", Method: "PUT", Path: "repos/{repo}/contents/" + noCommit, Body: "{}",
				Second: true, Yes: Invalid, Shows: Write},
			{Probe: "commits", Words: "read commits", Method: "GET", Path: "repos/{repo}/commits?per_page=1", Yes: OK, Shows: Read},
		}},
		{Permission: PullRequests, Questions: []Question{
			// Without head and base GitHub has nothing to open a pull request from.
			{Probe: "pulls-write", Words: "open pull requests", Method: "POST", Path: "repos/{repo}/pulls", Body: "{}",
				Yes: Invalid, Shows: Write},
			{Probe: "pulls", Words: "read pull requests", Method: "GET", Path: "repos/{repo}/pulls?per_page=1", Yes: OK, Shows: Read},
		}},
		{Permission: Statuses, Questions: []Question{
			// Without a state, and of a commit that nobody has.
			{Probe: "status-write", Words: "set statuses", Method: "POST", Path: "repos/{repo}/statuses/" + noCommit, Body: "{}",
				Yes: Invalid, Shows: Write},
		}},
		extra("repository_hooks", false, AskHooks, "hooks?per_page=1"),
		extra("administration", false, "admin", "actions/permissions"),
		extra("secrets", false, "secrets", "actions/secrets?per_page=1"),
		extra("actions", true, "artifacts", "actions/artifacts?per_page=1"),
		extra("issues", true, "issues", "issues?per_page=1"),
	}
}

// QuestionOf gives the question of a name.
func QuestionOf(p Probe) Question {
	for _, i := range Inquiries() {
		if at := slices.IndexFunc(i.Questions, func(q Question) bool { return q.Probe == p }); at >= 0 {
			return i.Questions[at]
		}
	}
	return Question{Probe: p, Words: "read " + string(p)}
}

// In is the question's path for a repository.
func (q Question) In(repository string) string {
	return strings.ReplaceAll(q.Path, "{repo}", repository)
}

// proofs are the questions whose answers show a needed permission.
func proofs(permission string) []Question {
	for _, i := range Inquiries() {
		if i.Permission == permission && !i.Extra {
			return i.Questions
		}
	}
	return nil
}

// extras are what is asked about without a need, with one question each.
func extras() []Inquiry {
	return slices.DeleteFunc(Inquiries(), func(i Inquiry) bool { return !i.Extra })
}

// words are what was asked.
func (p Probe) words() string {
	switch p {
	case AskUser:
		return "whose token it is"
	case AskRepository:
		return "whether it sees the repository"
	case AskReach:
		return "which repositories it reaches"
	case AskMember:
		return "whether the account is a member"
	}
	return "whether it may " + QuestionOf(p).Words
}
