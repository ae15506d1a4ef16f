package kubetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	core "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// startLimit is how long the server may take: it is slow on a busy machine.
const startLimit = 3 * time.Minute

// Server is a running API server.
type Server struct {
	// Kubeconfig is a file for its administrator.
	Kubeconfig string
	// CRDs is the directory with Flux's resource definitions.
	CRDs string

	dir     string
	config  *rest.Config
	dynamic dynamic.Interface
	core    core.CoreV1Interface
	kubelet *kubelet
}

// Start starts a server that ends with the test. It skips the test where the
// programs have not been built, unless FLUXKEEPER_KUBE is set, which builds
// them.
func Start(t testing.TB) *Server {
	t.Helper()
	programs := find(t)
	s := &Server{dir: t.TempDir(), CRDs: filepath.Join(programs, "crds")}
	pki, err := newAuthority(s.dir)
	if err == nil {
		err = errors.Join(pki.issue("server", "kube-apiserver"), pki.issue("admin", "admin", "system:masters"),
			pki.issue("kubelet-client", "kube-apiserver-kubelet-client", "system:masters"),
			pki.issue("kubelet", "system:node:fake", "system:nodes"), pki.signer("sa.key"))
	}
	if err != nil {
		t.Fatal(err)
	}
	store := "http://127.0.0.1:" + freePort(t)
	etcd := run(t, s.dir, filepath.Join(programs, "bin", "etcd"), "--data-dir="+filepath.Join(s.dir, "etcd"),
		"--listen-client-urls="+store, "--advertise-client-urls="+store, "--listen-peer-urls=http://127.0.0.1:0", "--unsafe-no-fsync",
		"--log-level=error")
	port := freePort(t)
	file := func(name string) string { return filepath.Join(s.dir, name) }
	api := run(t, s.dir, filepath.Join(programs, "bin", "kube-apiserver"), "--etcd-servers="+store, "--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		"--secure-port="+port, "--cert-dir="+file("gen"), "--tls-cert-file="+file("server.crt"), "--tls-private-key-file="+file("server.key"),
		"--client-ca-file="+file("ca.crt"), "--kubelet-certificate-authority="+file("ca.crt"), "--kubelet-client-certificate="+
			file("kubelet-client.crt"),
		"--kubelet-client-key="+file("kubelet-client.key"), "--kubelet-preferred-address-types=InternalIP",
		"--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file="+file("sa.key"),
		"--service-account-signing-key-file="+file("sa.key"),
		"--service-cluster-ip-range=10.0.0.0/24", "--authorization-mode=Node,RBAC", "--disable-admission-plugins=ServiceAccount",
		"--endpoint-reconciler-type=none")
	s.Kubeconfig = file("kubeconfig")
	s.writeKubeconfig(t, s.Kubeconfig, "https://127.0.0.1:"+port, "client-certificate: "+file("admin.crt")+", client-key: "+file("admin.key"))
	s.connect(t)
	s.wait(t, etcd, api)
	s.kubelet = startKubelet(t, s)
	return s
}

// find gives the directory of the programs.
func find(t testing.TB) string {
	t.Helper()
	script := filepath.Join(root(t), ".ci", "kube")
	dir := output(t, script, "where")
	if _, err := os.Stat(filepath.Join(dir, "complete")); err == nil {
		return dir
	}
	if os.Getenv("FLUXKEEPER_KUBE") == "" {
		t.Skip("the Kubernetes API server has not been built: run .ci/kube, or set FLUXKEEPER_KUBE")
	}
	return output(t, script)
}

// root is the directory of the project.
func root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	t.Fatal("no go.mod above the test's directory")
	return ""
}

func output(t testing.TB, name string, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, args...)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return strings.TrimSpace(string(out))
}

// freePort asks the system for one that nobody uses.
func freePort(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return port
}

// process is a program of the server.
type process struct {
	name string
	log  string
	done chan error
}

// run starts a program that is ended with the test. The last one started ends
// first: the API server hangs when its store is gone before it.
func run(t testing.TB, dir, program string, args ...string) *process {
	t.Helper()
	p := &process{name: filepath.Base(program), done: make(chan error, 1)}
	p.log = filepath.Join(dir, p.name+".log")
	log, err := os.Create(p.log)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program, args...)
	command.Stdout, command.Stderr, command.Dir = log, log, dir
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.done <- command.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		defer log.Close()
		_ = command.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.done:
		case <-time.After(10 * time.Second):
			_ = command.Process.Kill()
			<-p.done
		}
	})
	return p
}

func (s *Server) writeKubeconfig(t testing.TB, name, address, user string) {
	t.Helper()
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: t, cluster: {server: %q, certificate-authority: %s}}]
users: [{name: u, user: {%s}}]
contexts: [{name: t, context: {cluster: t, user: u}}]
current-context: t
`, address, filepath.Join(s.dir, "ca.crt"), user)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s *Server) connect(t testing.TB) {
	t.Helper()
	var err error
	if s.config, err = clientcmd.BuildConfigFromFlags("", s.Kubeconfig); err != nil {
		t.Fatal(err)
	}
	s.config.QPS, s.config.Burst = 1000, 1000
	s.config.WarningHandler = rest.NoWarnings{}
	s.dynamic = dynamic.NewForConfigOrDie(s.config)
	s.core = core.NewForConfigOrDie(s.config)
}

// wait asks until the server says that it is ready, and has made the namespace that
// tells which cluster it is.
func (s *Server) wait(t testing.TB, programs ...*process) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	for {
		if text, err := s.core.RESTClient().Get().AbsPath("/readyz").DoRaw(ctx); err == nil && string(text) == "ok" {
			if _, err := s.core.Namespaces().Get(ctx, "kube-system", meta.GetOptions{}); err == nil {
				return
			}
		}
		for _, p := range programs {
			select {
			case err := <-p.done:
				t.Fatalf("%s ended: %v\n%s", p.name, err, tail(p.log))
			default:
			}
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("the API server is not ready after %s\n%s", startLimit, tail(programs[len(programs)-1].log))
		}
	}
}

func tail(name string) []byte {
	text, _ := os.ReadFile(name)
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return bytes.Join(lines[max(0, len(lines)-10):], []byte("\n"))
}
