package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/keywarden/keywarden/internal/engine/storetest"
	"github.com/keywarden/keywarden/internal/sqlite"
)

// childPath, where set, makes this program the child that is killed: it commits one batch after another to that file.
const childPath = "KEYWARDEN_TEST_KILLED"

func TestMain(m *testing.M) {
	if path := os.Getenv(childPath); path != "" {
		fmt.Fprintln(os.Stderr, commitForEver(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// commitForEver writes the number of each commit when it is done.
func commitForEver(path string) error {
	ctx := context.Background()
	s, err := sqlite.Open(ctx, path)
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		if err := storetest.Commit(ctx, s, storetest.Batch(n)); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

func TestCommit_is_whole_after_a_kill(t *testing.T) {
	for i := range 6 {
		t.Run(fmt.Sprint("kill_", i), func(t *testing.T) {
			path := newPath(t)
			child := exec.CommandContext(t.Context(), os.Args[0])
			child.Env = append(os.Environ(), childPath+"="+path)
			out, err := child.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := child.Start(); err != nil {
				t.Fatal(err)
			}
			done, lines := 0, bufio.NewScanner(out)
			for lines.Scan() {
				if _, err := fmt.Sscan(lines.Text(), &done); err != nil {
					t.Fatal(err)
				}
				if done == 3+i {
					time.Sleep(time.Duration(i) * 700 * time.Microsecond) // into the next commit
					if err := child.Process.Kill(); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := child.Wait(); err == nil || done < 3+i {
				t.Fatalf("the child ended by itself after %d commits: %v", done, err)
			}
			s := open(t, path)
			log, err := s.Log(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			found := int(log.Positions["a"].Offset)
			if found != done && found != done+1 {
				t.Errorf("commit %d is found, want %d or the one that was under way", found, done)
			}
			storetest.Check(t, s, storetest.Batch(found))
		})
	}
}
