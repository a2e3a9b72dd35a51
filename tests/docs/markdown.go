package docs

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
)

// Block is a fenced block of a page, or the text in a comment.
type Block struct {
	// Language is the word after the fence; "sh" for a setup comment, "yaml" for a program comment.
	Language string
	// Text is the text between the fences.
	Text string
	// Line is where the block begins, from 1.
	Line int
	// NotRun is why the block is passed over; "" where it is not.
	NotRun string
	// Fails says that the command or the preview must fail.
	Fails bool
	// Alone says that the program is forgotten after its preview.
	Alone bool
	// Whole says that the program replaces the page's.
	Whole bool
	// File is the name of the file that the block is written to.
	File string
	// Output is what the block is to print, from the text block after it.
	Output string
}

// hidden are the languages of the text in a comment.
var hidden = map[string]string{"<!-- setup": "sh", "<!-- program": "yaml"}

var (
	fence   = regexp.MustCompile("^ *```([a-z]*)$")
	comment = regexp.MustCompile(`^ *<!-- (?:(not run|file): (.+)|(fails|alone|whole)) -->$`)
)

// index is the page with the program that the others go on from.
const index = "docs/README.md"

// Pages are the Markdown files whose blocks are run, the index first, by their paths below the repository's folder.
func Pages(root fs.FS) ([]string, error) {
	found := []string{index}
	err := fs.WalkDir(root, "docs", func(path string, _ fs.DirEntry, err error) error {
		if filepath.Ext(path) == ".md" && path != index {
			found = append(found, path)
		}
		return err
	})
	return append(found, "README.md"), err
}

// Blocks are a page's blocks in their order. A text block belongs to the block before it.
func Blocks(page string) ([]Block, error) {
	var blocks []Block
	var next Block
	lines := strings.Split(page, "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		switch {
		case strings.TrimSpace(line) == "":
			continue
		case hidden[strings.TrimSpace(line)] != "":
			text, end, err := upTo(lines, i, "-->")
			if err != nil {
				return nil, err
			}
			blocks = append(blocks, Block{Language: hidden[strings.TrimSpace(line)], Text: text, Line: i + 1})
			i = end
			continue
		case comment.MatchString(line):
			next.note(comment.FindStringSubmatch(line))
			continue
		case fence.MatchString(line):
			text, end, err := upTo(lines, i, "```")
			if err != nil {
				return nil, err
			}
			next.Language, next.Text, next.Line = fence.FindStringSubmatch(line)[1], text, i+1
			if last := len(blocks) - 1; next.Language == "text" && last >= 0 {
				blocks[last].Output = text
			} else {
				blocks = append(blocks, next)
			}
			i = end
		}
		next = Block{}
	}
	return blocks, nil
}

// note takes a comment's word for the block below it.
func (b *Block) note(match []string) {
	switch {
	case match[1] == "not run":
		b.NotRun = match[2]
	case match[1] == "file":
		b.File = match[2]
	case match[3] == "fails":
		b.Fails = true
	case match[3] == "alone":
		b.Alone = true
	case match[3] == "whole":
		b.Whole = true
	}
}

// upTo is the text between the line begin and the next one that is end, without the indentation of the former.
func upTo(lines []string, begin int, end string) (text string, at int, err error) {
	indent := lines[begin][:len(lines[begin])-len(strings.TrimLeft(lines[begin], " "))]
	var block strings.Builder
	for at = begin + 1; at < len(lines); at++ {
		if strings.TrimSpace(lines[at]) == end {
			return block.String(), at, nil
		}
		block.WriteString(strings.TrimPrefix(lines[at], indent) + "\n")
	}
	return "", 0, fmt.Errorf("line %d: the block has no end", begin+1)
}

// Missing is the first line of want that is not in output after the lines before it; "" when all are. In want, … matches
// anything, and white space for white space of any length.
func Missing(want, output string) string {
	rest := strings.Join(strings.Fields(output), " ")
	for _, line := range strings.Split(want, "\n") {
		parts := strings.Split(strings.Join(strings.Fields(line), " "), "…")
		for i, part := range parts {
			parts[i] = regexp.QuoteMeta(strings.TrimSpace(part))
		}
		found := regexp.MustCompile(strings.Join(parts, ".*?")).FindStringIndex(rest)
		if found == nil {
			return line
		}
		rest = rest[found[1]:]
	}
	return ""
}
