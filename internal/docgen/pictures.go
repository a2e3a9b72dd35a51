package docgen

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// Draw draws each picture below dir that is described there, in D2's language: name.svg from name.d2.
func Draw(dir string) error {
	descriptions, err := filepath.Glob(filepath.Join(dir, "*.d2"))
	if err != nil {
		return err
	}
	for _, description := range descriptions {
		picture := strings.TrimSuffix(description, ".d2") + ".svg"
		d2 := exec.Command("go", "run", "oss.terrastruct.com/d2@v0.7.1",
			"--layout", "elk", "--theme", "0", "--dark-theme", "200", "--pad", "20", description, picture)
		if printed, err := d2.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", description, err, printed)
		}
	}
	return nil
}
