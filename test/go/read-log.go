// Reads a log with Go's own libraries of transparency logs and nothing of ours: its checkpoint, its tiles, its entries, and
// proofs of it. The first argument is where the log is, a URL or a folder; claims that are to hold come on standard input.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8
const width = 1 << height

// Claims of ours about the log, each to be checked.
type claims struct {
	// Texts of c2sp.org/tlog-proof.
	Proofs []string `json:"proofs"`
	// Consistency proofs to the size of the checkpoint.
	Grown []struct {
		Size int64    `json:"size"`
		Root string   `json:"root"`
		Path []string `json:"path"`
	} `json:"grown"`
}

type report struct {
	Origin  string `json:"origin"`
	Size    int64  `json:"size"`
	Entries int64  `json:"entries"`
	Proofs  int    `json:"proofs"`
	Grown   int    `json:"grown"`
}

func main() {
	read, err := readLog(os.Args[1], os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	json.NewEncoder(os.Stdout).Encode(read)
}

func readLog(place string, stdin io.Reader) (*report, error) {
	var given claims
	if err := json.NewDecoder(stdin).Decode(&given); err != nil {
		return nil, err
	}
	vkey, err := fetch(place, "vkey")
	if err != nil {
		return nil, err
	}
	verifier, err := note.NewVerifier(strings.TrimSuffix(string(vkey), "\n"))
	if err != nil {
		return nil, err
	}
	checkpoint, err := fetch(place, "checkpoint")
	if err != nil {
		return nil, err
	}
	origin, tree, err := openCheckpoint(checkpoint, verifier)
	if err != nil {
		return nil, err
	}
	hashes := tlog.TileHashReader(tree, tiles(place))
	read := &report{Origin: origin, Size: tree.N}
	leaves, err := readEntries(place, tree, hashes)
	if err != nil {
		return nil, err
	}
	read.Entries = int64(len(leaves))
	if err := proveEach(tree, hashes, leaves); err != nil {
		return nil, err
	}
	for _, text := range given.Proofs {
		if err := checkProof(text, verifier, leaves); err != nil {
			return nil, err
		}
		read.Proofs++
	}
	for _, grown := range given.Grown {
		root, err := parseHash(grown.Root)
		if err != nil {
			return nil, err
		}
		path, err := parseHashes(grown.Path)
		if err != nil {
			return nil, err
		}
		if err := tlog.CheckTree(tlog.TreeProof(path), tree.N, tree.Hash, grown.Size, root); err != nil {
			return nil, fmt.Errorf("consistency from %d: %w", grown.Size, err)
		}
		old, err := tlog.TreeHash(grown.Size, hashes)
		if err != nil || old != root {
			return nil, fmt.Errorf("root of %d: %v, %v", grown.Size, old, err)
		}
		read.Grown++
	}
	return read, nil
}

func openCheckpoint(text []byte, verifier note.Verifier) (string, tlog.Tree, error) {
	var tree tlog.Tree
	opened, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return "", tree, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 {
		return "", tree, errors.New("the checkpoint has fewer than three lines")
	}
	if tree.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return "", tree, err
	}
	tree.Hash, err = parseHash(lines[2])
	return lines[0], tree, err
}

// readEntries reads every bundle, and holds each entry against the hash that the tree has of it.
func readEntries(place string, tree tlog.Tree, hashes tlog.HashReader) ([][]byte, error) {
	var leaves [][]byte
	for start := int64(0); start < tree.N; start += width {
		path := "tile/entries/" + number(start/width)
		if tree.N-start < width {
			path += fmt.Sprintf(".p/%d", tree.N-start)
		}
		bundle, err := fetch(place, path)
		if err != nil {
			return nil, err
		}
		for len(bundle) > 0 {
			if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
				return nil, fmt.Errorf("%s is cut off", path)
			}
			length := 2 + int(binary.BigEndian.Uint16(bundle))
			leaves = append(leaves, bundle[2:length])
			bundle = bundle[length:]
		}
	}
	if int64(len(leaves)) != tree.N {
		return nil, fmt.Errorf("%d entries in a tree of %d", len(leaves), tree.N)
	}
	indexes := make([]int64, len(leaves))
	for at := range leaves {
		indexes[at] = tlog.StoredHashIndex(0, int64(at))
	}
	found, err := hashes.ReadHashes(indexes)
	if err != nil {
		return nil, err
	}
	for at, leaf := range leaves {
		if found[at] != tlog.RecordHash(leaf) {
			return nil, fmt.Errorf("entry %d is not what the tree has", at)
		}
	}
	return leaves, nil
}

// proveEach has Go make its own proofs from our tiles, and checks them.
func proveEach(tree tlog.Tree, hashes tlog.HashReader, leaves [][]byte) error {
	step := 1 + tree.N/50
	for at := int64(0); at < tree.N; at += step {
		proof, err := tlog.ProveRecord(tree.N, at, hashes)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, at, tlog.RecordHash(leaves[at])); err != nil {
			return err
		}
		grown, err := tlog.ProveTree(tree.N, at+1, hashes)
		if err != nil {
			return err
		}
		old, err := tlog.TreeHash(at+1, hashes)
		if err != nil {
			return err
		}
		if err := tlog.CheckTree(grown, tree.N, tree.Hash, at+1, old); err != nil {
			return err
		}
	}
	return nil
}

func checkProof(text string, verifier note.Verifier, leaves [][]byte) error {
	parts := strings.SplitN(text, "\n\n", 2)
	lines := strings.Split(parts[0], "\n")
	if len(parts) != 2 || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return errors.New("this is no tlog-proof")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil {
		return err
	}
	path, err := parseHashes(lines[2:])
	if err != nil {
		return err
	}
	_, tree, err := openCheckpoint([]byte(parts[1]), verifier)
	if err != nil {
		return err
	}
	if err := tlog.CheckRecord(tlog.RecordProof(path), tree.N, tree.Hash, index, tlog.RecordHash(leaves[index])); err != nil {
		return fmt.Errorf("proof of entry %d: %w", index, err)
	}
	return nil
}

// tiles reads them where c2sp.org/tlog-tiles has them, and not where the Go checksum database does.
type tiles string

func (place tiles) Height() int { return height }

func (place tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var read [][]byte
	for _, tile := range wanted {
		data, err := fetch(string(place), strings.Replace(tile.Path(), "tile/8/", "tile/", 1))
		if err != nil {
			return nil, err
		}
		read = append(read, data)
	}
	return read, nil
}

func (place tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func number(n int64) string {
	text := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		text = fmt.Sprintf("x%03d/%s", n%1000, text)
	}
	return text
}

func fetch(place, path string) ([]byte, error) {
	if !strings.HasPrefix(place, "http://") {
		return os.ReadFile(filepath.Join(place, filepath.FromSlash(path)))
	}
	answer, err := http.Get(place + "/" + path)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", path, answer.Status)
	}
	return io.ReadAll(answer.Body)
}

func parseHashes(lines []string) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, 0, len(lines))
	for _, line := range lines {
		hash, err := parseHash(line)
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, hash)
	}
	return hashes, nil
}

func parseHash(text string) (tlog.Hash, error) {
	var hash tlog.Hash
	data, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(data) != tlog.HashSize {
		return hash, fmt.Errorf("%q is no hash", text)
	}
	copy(hash[:], data)
	return hash, nil
}
