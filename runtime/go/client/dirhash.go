package client

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// ResultFile is a file of the results.
type ResultFile struct {
	Name   string `json:"name"`
	Bytes  uint64 `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// DirHash is the h1: hash of a directory, equal to that of golang.org/x/mod/sumdb/dirhash. Links and special files are
// errors.
func DirHash(dir, prefix string) (string, error) {
	files, err := hashFiles(dir)
	if err != nil {
		return "", err
	}
	return h1Of(files, prefix)
}

func hashFiles(dir string) ([]ResultFile, error) {
	var files []ResultFile
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if !entry.Type().IsRegular() {
			return fmt.Errorf("%s is a link or a special file, which results do not have", path)
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		digest := sha256.New()
		length, err := io.Copy(digest, file)
		files = append(files, ResultFile{filepath.ToSlash(name), uint64(length), hex.EncodeToString(digest.Sum(nil))})
		return err
	})
	sort.Slice(files, func(i, j int) bool { return files[i].Name < files[j].Name })
	return files, err
}

func h1Of(files []ResultFile, prefix string) (string, error) {
	lines := make([]string, 0, len(files))
	for _, file := range files {
		if strings.Contains(file.Name, "\n") {
			return "", fmt.Errorf("the name %q contains a newline, so the directory has no hash", file.Name)
		}
		lines = append(lines, prefix+"/"+file.Name)
	}
	order := make([]int, len(files))
	for i := range order {
		order[i] = i
	}
	sort.Slice(order, func(i, j int) bool { return lines[order[i]] < lines[order[j]] })
	digest := sha256.New()
	for _, i := range order {
		fmt.Fprintf(digest, "%s  %s\n", files[i].SHA256, lines[i])
	}
	return "h1:" + base64.StdEncoding.EncodeToString(digest.Sum(nil)), nil
}
