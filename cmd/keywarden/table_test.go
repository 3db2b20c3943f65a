package main

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func sample() *table {
	t := &table{columns: []column{{title: "id", fixed: true}, {title: "what"}, {title: "risk", right: true, fixed: true}}}
	t.add("image-burst", "a hundred times as many images as ever before", "41.7")
	t.rows[0][0].colour = "31"
	t.add("new-country", "first call from Brazil", "9.2")
	return t
}

func render(t *testing.T, on terminal) string {
	t.Helper()
	var out strings.Builder
	if err := sample().write(&out, on); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestTable(t *testing.T) {
	t.Run("a_pipe_gets_everything_and_no_colour", func(t *testing.T) {
		want := "" +
			"ID           WHAT                                           RISK\n" +
			"image-burst  a hundred times as many images as ever before  41.7\n" +
			"new-country  first call from Brazil                          9.2\n"
		if diff := cmp.Diff(want, render(t, terminal{})); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a_terminal_is_never_overrun", func(t *testing.T) {
		want := "" +
			"ID           WHAT               RISK\n" +
			"image-burst  a hundred times …  41.7\n" +
			"new-country  first call from …   9.2\n"
		got := render(t, terminal{width: 36})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		for line := range strings.Lines(got) {
			if n := utf8.RuneCountInString(line) - 1; n > 36 {
				t.Errorf("%d columns: %q", n, line)
			}
		}
	})
	t.Run("columns_move_below_their_row_first", func(t *testing.T) {
		folded := sample()
		folded.columns[1].below = true
		want := "" +
			"ID           RISK\n" +
			"image-burst  41.7\n" +
			"  a hundred times as many images as…\n" +
			"new-country   9.2\n" +
			"  first call from Brazil\n"
		var got strings.Builder
		if err := folded.write(&got, terminal{width: 36}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got.String()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("notes_are_whole_below_their_row", func(t *testing.T) {
		noted := sample()
		noted.columns = append(noted.columns, column{title: "why", note: true}, column{title: "harmless", note: true})
		for i := range noted.rows {
			noted.rows[i] = append(noted.rows[i], cell{text: []string{"the hour had never seen as many", ""}[i]}, cell{text: "a campaign"})
		}
		for width, want := range map[int]string{
			0: "" +
				"ID           WHAT                                           RISK\n" +
				"image-burst  a hundred times as many images as ever before  41.7\n" +
				"  why       the hour had never seen as many\n" +
				"  harmless  a campaign\n" +
				"new-country  first call from Brazil                          9.2\n" +
				"  harmless  a campaign\n",
			36: "" +
				"ID           WHAT               RISK\n" +
				"image-burst  a hundred times …  41.7\n" +
				"  why       the hour had never seen\n" +
				"            as many\n" +
				"  harmless  a campaign\n" +
				"new-country  first call from …   9.2\n" +
				"  harmless  a campaign\n",
		} {
			var got strings.Builder
			if err := noted.write(&got, terminal{width: width}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got.String()); diff != "" {
				t.Errorf("%d columns: %s", width, diff)
			}
		}
	})
	t.Run("colour_does_not_move_columns", func(t *testing.T) {
		got := render(t, terminal{width: 200, colour: true})
		if !strings.Contains(got, "\x1b[31mimage-burst\x1b[0m  a hundred") {
			t.Errorf("got %q", got)
		}
		plain := strings.NewReplacer("\x1b[31m", "", "\x1b[1m", "", "\x1b[0m", "").Replace(got)
		if diff := cmp.Diff(render(t, terminal{}), plain); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("an_error_of_the_writer_comes_back", func(t *testing.T) {
		if err := sample().write(fullDisk{}, terminal{}); err == nil {
			t.Error("no error")
		}
	})
}

func TestWrap(t *testing.T) {
	want := "one two\n  three\n  incomprehensible\n  four"
	if diff := cmp.Diff(want, wrap("one two\nthree incomprehensible four", 8, "  ")); diff != "" {
		t.Error(diff)
	}
}
