// Command clients walks through a workspace with the libraries that controllers are made of: client-go,
// its informers and controller-runtime. It knows nothing of Hanse but a kubeconfig and that a workspace is a path of the server.
//
// Each scenario has a workspace of its own and prints one line: `ok <scenario> <figures>`, or `failed <scenario>: <why>`.
// A scenario that wants the daemon to be killed and started again prints `restart`, and goes on under load until a line
// comes on its standard input, or at once with -restart=false.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// scenario is one walk; it returns its figures.
type scenario struct {
	name string
	walk func(ctx context.Context, stage *stage) string
}

var scenarios = []scenario{
	{"typed", typed},
	{"dynamic", dynamicClients},
	{"informers", informers},
	{"conflict", conflict},
	{"webhook", webhooks},
	{"manager", manager},
}

// stage is what a scenario finds: a fresh workspace and the means to have the daemon restarted.
type stage struct {
	name     string
	config   *rest.Config
	traffic  *traffic
	duration time.Duration
	restart  func(ctx context.Context)
}

// failure is a reason that ends a scenario; it travels as a panic from `must` and `check` to `run`.
type failure struct{ reason string }

func (f failure) Error() string { return f.reason }

// must ends the scenario when there is an error.
func must(err error, format string, arguments ...any) {
	if err != nil {
		panic(failure{fmt.Sprintf("%s: %v", fmt.Sprintf(format, arguments...), err)})
	}
}

// check ends the scenario when the condition does not hold.
func check(holds bool, format string, arguments ...any) {
	if !holds {
		panic(failure{fmt.Sprintf(format, arguments...)})
	}
}

// eventually asks until there is nothing to complain about.
func eventually(ctx context.Context, patience time.Duration, what string, complaint func() string) {
	end := time.Now().Add(patience)
	for {
		last := complaint()
		if last == "" {
			return
		}
		check(time.Now().Before(end), "%s: not within %v: %s", what, patience, last)
		pause(ctx, 50*time.Millisecond)
	}
}

// pause sleeps, or ends the scenario with the context.
func pause(ctx context.Context, duration time.Duration) {
	select {
	case <-ctx.Done():
		panic(failure{ctx.Err().Error()})
	case <-time.After(duration):
	}
}

var workspaces = schema.GroupVersionResource{Group: "tenancy.kcp.io", Version: "v1alpha1", Resource: "workspaces"}

// workspace creates one below root and returns its path on the server.
func workspace(ctx context.Context, base *rest.Config, name string) string {
	client, err := dynamic.NewForConfig(base)
	must(err, "client of root")
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "tenancy.kcp.io/v1alpha1", "kind": "Workspace",
		"metadata": map[string]any{"generateName": "go-" + name + "-"},
		"spec":     map[string]any{},
	}}
	made, err := client.Resource(workspaces).Create(ctx, object, metav1.CreateOptions{})
	must(err, "create a workspace")
	eventually(ctx, 10*time.Second, "workspace "+made.GetName(), func() string {
		seen, err := client.Resource(workspaces).Get(ctx, made.GetName(), metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		phase, _, _ := unstructured.NestedString(seen.Object, "status", "phase")
		if phase != "Ready" {
			return "phase " + phase
		}
		return ""
	})
	return "root:" + made.GetName()
}

func (s scenario) run(ctx context.Context, base *rest.Config, stage *stage) (figures string, err error) {
	defer func() {
		switch reason := recover().(type) {
		case nil:
		case failure:
			err = reason
		default:
			panic(reason)
		}
	}()
	config := rest.CopyConfig(base)
	server, _, _ := strings.Cut(config.Host, "/clusters/")
	config.Host = server + "/clusters/" + workspace(ctx, base, s.name)
	config.QPS, config.Burst = -1, 0
	stage.config = stage.traffic.on(config)
	started := time.Now()
	figures = s.walk(ctx, stage)
	return fmt.Sprintf("%s in %.1f s; %s", figures, time.Since(started).Seconds(), stage.traffic), nil
}

func main() {
	// Of its own, as controller-runtime has a flag of the same name among those of every program.
	flags := flag.NewFlagSet("clients", flag.ExitOnError)
	kubeconfig := flags.String("kubeconfig", os.Getenv("KUBECONFIG"), "the kubeconfig of an administrator of root")
	duration := flags.Duration("duration", 10*time.Second, "how long the scenarios under load run")
	only := flags.String("only", "", "names of scenarios, with commas; none means all")
	restarts := flags.Bool("restart", true, "ask for restarts of the daemon, and wait for them")
	verbose := flags.Bool("verbose", false, "show the logs of the libraries")
	if err := flags.Parse(os.Args[1:]); err != nil {
		fmt.Println("failed arguments:", err)
		os.Exit(2)
	}
	logger := zap.New(zap.WriteTo(os.Stderr), zap.UseDevMode(true))
	if !*verbose {
		logger = logger.V(0).WithSink(nil)
	}
	log.SetLogger(logger)
	klog.SetLogger(logger)

	base, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		fmt.Println("failed kubeconfig:", err)
		os.Exit(1)
	}
	input := bufio.NewScanner(os.Stdin)
	restart := func(ctx context.Context) {
		if *restarts {
			fmt.Println("restart")
			check(input.Scan(), "nobody restarts the daemon")
		}
	}
	failed := 0
	for _, scenario := range scenarios {
		if *only != "" && !strings.Contains(","+*only+",", ","+scenario.name+",") {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), *duration+3*time.Minute)
		stage := &stage{name: scenario.name, traffic: &traffic{}, duration: *duration, restart: restart}
		figures, err := scenario.run(ctx, base, stage)
		cancel()
		if err != nil {
			failed++
			fmt.Printf("failed %s: %v\n", scenario.name, err)
			continue
		}
		fmt.Println("ok", scenario.name, figures)
	}
	if failed > 0 {
		os.Exit(1)
	}
}
