package kernel

import (
	"os"
	"path/filepath"
	"strings"
	"time"
)

// localZone is the IANA name of the machine's time zone, or UTC where the machine does not tell.
func localZone() string {
	for _, name := range []string{os.Getenv("TZ"), zoneLink("/etc/localtime"), zoneFile("/etc/timezone")} {
		if name = strings.TrimPrefix(name, ":"); name != "" {
			if _, err := time.LoadLocation(name); err == nil {
				return name
			}
		}
	}
	return "UTC"
}

// zoneLink reads the name out of a link into the zone database.
func zoneLink(path string) string {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return ""
	}
	_, name, _ := strings.Cut(target, "zoneinfo/")
	return name
}

func zoneFile(path string) string {
	b, err := os.ReadFile(path)
	if err != nil || len(b) > 256 {
		return ""
	}
	return strings.TrimSpace(string(b))
}
